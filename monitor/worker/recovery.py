"""Rebuild a partition's local state from its changelog, from the position the store remembers."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor import clock
from monitor.connection import Connection
from monitor.metrics import Metrics
from monitor.state import KEY_HEADS, PERSON_HEADS, wake_of
from monitor.store import Store

log = logging.getLogger(__name__)

_BATCH: Final = 50_000
_RUN_BYTES: Final = 64 << 20
"""So much of the changelog is put into an empty store at once, in the order of keys: a partition of a hundred thousand
persons whole. Each further run touches nearly every page of those before it."""
_FILLING: Final = ThreadPoolExecutor(1, "recovery")
"""One store at a time is filled: several at once get in each other's way and take twice as long."""
_TOLD_EVERY_S: Final = 2.0

Progress = Callable[[int, float], None]
"""Told the number of records read so far and the share (0 to 1) of the changelog that is done."""


class RecoveryError(Exception):
    """The changelog does not fit the local state; the message says what to do."""


class Recovery:
    """Tells how far a partition's recovery has come, in metrics and log.

    Args:
        metrics: of the process.
        stage: of the unit.
        partition: of the unit.

    Attributes:
        read: changelog records read so far.
    """

    def __init__(self, metrics: Metrics, stage: str, partition: str) -> None:
        self.read = 0
        self._counter = metrics.recovered.labels(stage)
        self._share = metrics.recovery.labels(stage, partition)
        self._name = f"{stage}-{partition}"
        self._told = clock.monotonic()
        self._share.set(0)

    def progress(self, read: int, share: float = 1.0) -> None:
        """See `Progress`."""
        self._counter.inc(read - self.read)
        self.read = read
        self._share.set(share)
        now = clock.monotonic()
        if now - self._told >= _TOLD_EVERY_S and share < 1:
            self._told = now
            log.info("%s: recovery %d %%, %d changelog records read", self._name, int(share * 100), read)


async def recover(
    store: Store, connection: Connection, topic: str, partition: int, identity: str, on_progress: Progress
) -> int:
    """Read the changelog up to its end (committed records alone) into the store.

    Call it after the unit's producer has started: by then no former owner can add to the changelog.

    Args:
        store: of the partition.
        connection: how brokers are reached.
        topic: the changelog.
        partition: of the changelog.
        identity: of the Kafka cluster and the changelog; a store made from another one is thrown away.
        on_progress: told after every batch.

    Returns:
        The changelog offset after the last record.

    Raises:
        RecoveryError: the changelog ends before the store's position.
    """
    if store.identity != identity:
        if store.identity:
            log.warning("local state of %s-%d was made from another changelog: rebuilding it", topic, partition)
        await asyncio.to_thread(store.begin_rebuild, identity)
    tp = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=16 << 20,
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        begin = store.position
        if end < begin:
            raise RecoveryError(
                f"{topic} partition {partition} ends at {end}, but the local state was made from it up to {begin}: the "
                "changelog was truncated. To judge the facts again from their beginning, stop all workers and run "
                "`claims-monitor worker rebuild`"
            )
        consumer.seek(tp, begin)
        read = 0
        position = begin
        rebuilding = store.unindexed
        loop = asyncio.get_running_loop()
        waiting: dict[bytes, bytes | None] = {}
        size = 0
        while position < end:
            batches = await consumer.getmany(tp, timeout_ms=500, max_records=_BATCH)
            records = batches.get(tp, [])
            position = await consumer.position(tp)  # beyond transaction markers too
            if not records:
                continue
            read += len(records)
            if rebuilding:
                for record in records:
                    waiting[record.key or b""] = record.value
                    size += len(record.value or b"")
                if size >= _RUN_BYTES:
                    await loop.run_in_executor(_FILLING, store.fill, waiting, position)
                    waiting, size = {}, 0
            else:
                store.load({record.key or b"": record.value for record in records}.items(), wake_of, position, identity)
            on_progress(read, (position - begin) / (end - begin))
        if rebuilding:
            if waiting:
                await loop.run_in_executor(_FILLING, store.fill, waiting, position)
            await loop.run_in_executor(_FILLING, store.index_wakes, (PERSON_HEADS, KEY_HEADS), wake_of)
        store.load([], wake_of, position, identity)
        on_progress(read, 1.0)
        return position
    finally:
        await consumer.stop()
