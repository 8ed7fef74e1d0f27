"""A case desk: one case for each alert, in SQLite or PostgreSQL; an example of a consumer that is correct.

Imports `topics` and kafka-python alone, nothing of the monitor.
"""
