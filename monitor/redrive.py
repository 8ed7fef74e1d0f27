"""Reads the dead-letter topics, and writes mended records back to their source topics."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from monitor.connection import Connection
from monitor.dead_letters import Filter, Letter, Return, letter_of, topics_of
from monitor.delivery.source_topics import partition_counts
from monitor.outgoing import partition_of
from topics.decoding import MAX_RECORD_BYTES

_SLICE = 500
_NEAR_THE_END = 50
"""So many last records of a partition are looked at for its latest record time."""


def _consumer(connection: Connection) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )


async def _partitions(connection: Connection, topics: Iterable[str]) -> list[TopicPartition]:
    counts = await partition_counts(connection, "claims-monitor-dlq")
    missing = [topic for topic in topics if topic not in counts]
    if missing:
        raise LookupError(
            f"these topics do not exist: {', '.join(missing)}; is --prefix right? "
            "`claims-monitor topics list` shows what there is"
        )
    return [TopicPartition(topic, partition) for topic in topics for partition in range(counts[topic])]


async def letters(
    connection: Connection, prefix: str, wanted: Filter, limit: int | None = None
) -> AsyncIterator[Letter]:
    """The letters that a filter takes, partition by partition in their order, up to where the topics end now.

    Raises:
        LookupError: a dead-letter topic does not exist.
    """
    tps = await _partitions(connection, [prefix + topic for topic in topics_of(wanted.topics)])
    consumer = _consumer(connection)
    await consumer.start()
    given = 0
    try:
        ends = await consumer.end_offsets(tps)
        for tp in tps:
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            while (limit is None or given < limit) and await consumer.position(tp) < ends[tp]:
                for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, []):
                    letter = _letter(record, prefix)
                    if record.offset < ends[tp] and wanted.takes(letter) and (limit is None or given < limit):
                        given += 1
                        yield letter
    finally:
        await consumer.stop()


def _letter(record: "ConsumerRecord[bytes | None, bytes | None]", prefix: str) -> Letter:
    return letter_of(
        record.topic.removeprefix(prefix),
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        record.headers,
    )


async def send(connection: Connection, prefix: str, returns: Sequence[Return]) -> None:
    """Write records back, each to the partition of its key; returns when the brokers have them all.

    Where producers set record time (replays), a record gets the latest one of its partition: there as at the broker's
    own clock it comes late, whatever its time was. After a failure in the middle some are written: doing it again is
    harmless, a fact that comes twice is one fact.

    Raises:
        LookupError: a source topic does not exist.
    """
    topics = sorted({prefix + each.topic for each in returns})
    tps = await _partitions(connection, topics)
    latest = await _latest_times(connection, tps)
    counts = {topic: sum(tp.topic == topic for tp in tps) for topic in topics}
    producer = AIOKafkaProducer(
        **connection.aiokafka(), acks="all", enable_idempotence=True, linger_ms=5, max_request_size=2 * MAX_RECORD_BYTES
    )
    await producer.start()
    try:
        waiting = []
        for letter, name, key, headers in returns:
            tp = TopicPartition(prefix + name, partition_of(key, counts[prefix + name]))
            time_ms = max(letter.time_ms, latest[tp])
            waiting.append(
                await producer.send(tp.topic, letter.value, key, tp.partition, time_ms, headers=list(headers))
            )
            if len(waiting) >= _SLICE:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


async def _latest_times(connection: Connection, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """The greatest record time among the last records of each partition; 0 without any."""
    consumer = _consumer(connection)
    await consumer.start()
    try:
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        latest = dict.fromkeys(tps, 0)
        consumer.assign(tps)
        for tp in tps:
            consumer.seek(tp, max(begins[tp], ends[tp] - _NEAR_THE_END))
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                latest[tp] = max(latest[tp], *(record.timestamp for record in records))
        return latest
    finally:
        await consumer.stop()
