"""The three checks in faust."""
