"""How records come in: whole batches of a partition under Faust, and how results go out: fenced transactions.

Faust keeps the consumer group, the rebalancing, the acknowledgements and the commits. What differs from stock Faust:

* `consumer.py`, `transport.py`: one event per fetched batch of a partition instead of one per record; acknowledged
  batches are ranges of offsets without a hole (`progress.py`).
* `units.py`: one task per (stage, partition) merges what waits into one call of its handler.
* `fence.py`: one transactional producer per unit, so that a former owner can write nothing any more.
* `app.py` builds the app and runs it; `source_topics.py` refuses topics it must not read; `internals.py` lists the
  parts of Faust and aiokafka that this package replaces or relies on.

What records mean does not belong here.
"""
