"""Alert subscribers: kafka-python reads, `topics.client` decides, an outlet prints or forwards.

What was delivered is remembered in one SQLite file, so that a subscriber goes on where it stopped.
"""
