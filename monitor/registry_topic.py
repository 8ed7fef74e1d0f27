"""The registry topic as commands use it: what it holds, and writing what differs."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.delivery.source_topics import partition_counts
from monitor.registry_files import value_of
from topics.decoding import Decoder
from topics.reasons import Quarantined
from topics.registry import Entry

_SLICE = 1_000


@dataclass
class Held:
    """What the registry topic holds.

    Attributes:
        entries: record key -> entry.
        unreadable: records that hold no entry of the contract; workers leave them out too.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    unreadable: int = 0


@dataclass(frozen=True)
class Difference:
    """Entries held against those of the topic."""

    new: list[Entry]
    changed: list[Entry]
    unchanged: int


def differences(entries: Iterable[Entry], held: Held) -> Difference:
    """Tell which entries the topic lacks, holds otherwise, or holds already."""
    new, changed, unchanged = [], [], 0
    for entry in entries:
        old = held.entries.get(entry.key)
        if old is None:
            new.append(entry)
        elif old != entry:
            changed.append(entry)
        else:
            unchanged += 1
    return Difference(new, changed, unchanged)


async def read_registry(connection: Connection, topic: str) -> Held:
    """Read the registry topic to its end.

    Args:
        connection: how brokers are reached.
        topic: its full name.

    Raises:
        LookupError: the topic does not exist.
    """
    counts = await partition_counts(connection, "claims-monitor-registry")
    if topic not in counts:
        raise LookupError(f"topic {topic} does not exist; create it with `claims-monitor topics create`")
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    held = Held()
    decode = Decoder("registry")
    await consumer.start()
    try:
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, []):
                if record.value is None:
                    held.entries.pop((record.key or b"").decode(errors="replace"), None)
                    continue
                try:
                    entry: Entry = decode(record.value)[0]
                except Quarantined:
                    held.unreadable += 1
                else:
                    held.entries[entry.key] = entry
    finally:
        await consumer.stop()
    return held


async def write_entries(connection: Connection, topic: str, entries: Iterable[Entry]) -> None:
    """Write entries under their keys; returns when the brokers have them all.

    After a failure in the middle some are written: the same entries again complete it.
    """
    producer = AIOKafkaProducer(**connection.aiokafka(), acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        waiting = []
        for entry in entries:
            waiting.append(await producer.send(topic, value_of(entry), key=entry.key.encode(), partition=0))
            if len(waiting) >= _SLICE:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()
