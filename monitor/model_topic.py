"""The topic of models as commands use it: what it holds, and publishing."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from detectors.model import Model
from monitor.connection import Connection
from monitor.delivery.source_topics import partition_counts
from monitor.models import Assembled, pieces


async def read_models(connection: Connection, topic: str) -> Assembled:
    """Read the topic of models to its end.

    Raises:
        LookupError: the topic does not exist.
    """
    counts = await partition_counts(connection, "claims-monitor-models")
    if topic not in counts:
        raise LookupError(f"topic {topic} does not exist; create it with `claims-monitor topics create`")
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    held = Assembled()
    await consumer.start()
    try:
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, []):
                held.take(record.key, record.value, record.offset)
    finally:
        await consumer.stop()
    return held


async def publish(connection: Connection, topic: str, model: Model) -> None:
    """Write a model; returns when the brokers have all of it."""
    await _write(connection, topic, ((key.encode(), value) for key, value in pieces(model)))


async def remove_entry(connection: Connection, topic: str, key: str) -> None:
    """Take an entry out of a compacted topic with one partition (a tombstone)."""
    await _write(connection, topic, [(key.encode(), None)])


async def _write(connection: Connection, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> None:
    producer = AIOKafkaProducer(**connection.aiokafka(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for key, value in records:
            await producer.send_and_wait(topic, value, key=key, partition=0)
    finally:
        await producer.stop()
