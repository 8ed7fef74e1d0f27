"""Rebuild a partition's local state from its changelog, from the position the store remembers."""

import logging
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.state import wake_of
from monitor.store import Store

log = logging.getLogger(__name__)

_BATCH = 20_000


class RecoveryError(Exception):
    """The changelog does not fit the local state; the message says what to do."""


async def recover(
    store: Store,
    connection: Connection,
    topic: str,
    partition: int,
    cluster: str,
    on_progress: Callable[[int], None],
) -> int:
    """Read the changelog up to its end (committed records alone) into the store.

    Call it after the unit's producer has started: by then no former owner can add to the changelog.

    Args:
        store: of the partition.
        connection: how brokers are reached.
        topic: the changelog.
        partition: of the changelog.
        cluster: id of the Kafka cluster; a store made from another one is thrown away.
        on_progress: called with the number of records read so far.

    Returns:
        The changelog offset after the last record.

    Raises:
        RecoveryError: the changelog ends before the store's position.
    """
    if store.identity != cluster:
        if store.identity:
            log.warning("local state of %s-%d belongs to another Kafka cluster: rebuilding it", topic, partition)
        store.wipe()
        store.load([], wake_of, 0, cluster)
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
        if end < store.position:
            raise RecoveryError(
                f"{topic} partition {partition} ends at {end}, but the local state was made from it up to "
                f"{store.position}: the changelog was recreated or truncated. If that was meant, delete the data "
                "folder; then facts must be played again from the beginning"
            )
        consumer.seek(tp, store.position)
        read = 0
        position = store.position
        while position < end:
            batches = await consumer.getmany(tp, timeout_ms=500, max_records=_BATCH)
            records = [(record.key or b"", record.value) for record in batches.get(tp, [])]
            position = await consumer.position(tp)  # beyond transaction markers too
            if records:
                store.load(records, wake_of, position, cluster)
                read += len(records)
                on_progress(read)
        store.load([], wake_of, position, cluster)
        return position
    finally:
        await consumer.stop()
