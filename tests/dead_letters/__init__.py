"""Dead letters: lines and filters."""
