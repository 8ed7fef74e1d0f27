"""The three checks in quix."""
