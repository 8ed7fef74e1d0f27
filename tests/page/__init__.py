"""The page: pseudonyms, the feed of alerts, its server, what a browser makes of it, and the demo's screen."""
