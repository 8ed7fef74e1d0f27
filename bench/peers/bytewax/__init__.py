"""The three checks in bytewax."""
