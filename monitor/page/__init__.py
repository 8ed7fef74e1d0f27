"""The live page: what stands in `alerts.v1`, shown in a browser as it changes.

`standing.py` keeps the alerts and their totals, `feed.py` follows the topic, `server.py` answers HTTP, `static/`
is what the browser gets. Everything past `standing.py` holds pseudonyms instead of persons' numbers.
"""
