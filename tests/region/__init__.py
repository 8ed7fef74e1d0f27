"""The longest proofs: a whole region, by backtest and through the broker."""
