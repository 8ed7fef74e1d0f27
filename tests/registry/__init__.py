"""Loading and looking up the registry."""
