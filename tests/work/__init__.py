"""How much work a fact makes: counted, not timed."""
