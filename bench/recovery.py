"""Recovery of lost local state beside a consumer that only reads: `python -m bench.recovery`.

Writes a changelog of persons' states (three settlements each, which is one value) in no order of keys, as workers write
it, reads it with a consumer that does nothing else, rebuilds a store of each partition from it, and opens the stores
again.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor.broker.server import EmbeddedBroker
from monitor.clock import monotonic
from monitor.connection import Connection
from monitor.delivery.fence import FencedProducer, Outgoing
from monitor.state import PersonHead, encode, person_chunk, person_key
from monitor.store import Store
from monitor.topic_admin import create
from monitor.worker.recovery import recover
from topics.catalogue import Topic
from topics.facts import Settlement

TOPIC = "bench-person-changelog"
IDENTITY = "bench"
PER_TRANSACTION = 5_000
BEGIN = 1_767_268_800
STRIDE = 7_368_787
"""A prime: steps of it visit all persons in no order."""


def cpu() -> float:
    """CPU seconds of this process: they say more than the wall clock on a machine that others use, too."""
    times = os.times()
    return times.user + times.system


def states(partition: int, persons: int) -> Iterator[Outgoing]:
    """One record a person."""
    for step in range(persons):
        number = step * STRIDE % persons
        person = f"P{partition:02}{number:09}"
        facts = [
            Settlement(
                f"S{person}{n}", f"V{person}{n}", person, f"H{n:05}", BEGIN + number * 60 + n, "11", 9_900, 5_000
            )
            for n in range(3)
        ]
        wake = BEGIN + number if number % 50 == 0 else None
        head = PersonHead(wake=wake, facts=[*facts], oldest=person_chunk(facts[0].settled_at))
        yield Outgoing(TOPIC, partition, person_key(person), encode(head))


async def write(connection: Connection, partition: int, persons: int) -> None:
    """Write a partition's changelog in transactions."""
    producer = FencedProducer(connection, f"bench-{partition}")
    await producer.start()
    waiting: list[Outgoing] = []
    for record in states(partition, persons):
        waiting.append(record)
        if len(waiting) == PER_TRANSACTION:
            await producer.commit(waiting)
            waiting = []
    await producer.commit(waiting)
    await producer.stop()


async def read(connection: Connection, partition: int) -> int:
    """Read a partition and do nothing with it."""
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=16 << 20,
        max_partition_fetch_bytes=8 << 20,
    )
    await consumer.start()
    tp = TopicPartition(TOPIC, partition)
    consumer.assign([tp])
    end = (await consumer.end_offsets([tp]))[tp]
    count = 0
    while await consumer.position(tp) < end:
        count += len((await consumer.getmany(tp, timeout_ms=500, max_records=50_000)).get(tp, []))
    await consumer.stop()
    return count


async def rebuild(connection: Connection, folder: Path, partition: int) -> None:
    """What a worker does when it opens a partition."""
    store = await asyncio.to_thread(Store, folder / str(partition))
    await recover(store, connection, TOPIC, partition, IDENTITY, lambda _read, _share: None)
    await asyncio.to_thread(store.close)


async def measure(connection: Connection, folder: Path, persons: int, partitions: int) -> list[str]:
    """Lines of the report."""
    topic = Topic(TOPIC, "state key", "compact", None, "", "internal")
    await create(connection, [topic], partitions=partitions)
    for partition in range(partitions):
        await write(connection, partition, persons // partitions)
    lines = []
    for attempt in range(2):  # the first one also warms the broker's page cache
        began, spent = monotonic(), cpu()
        values = sum(await asyncio.gather(*(read(connection, partition) for partition in range(partitions))))
        raw, raw_cpu = monotonic() - began, cpu() - spent
        began, spent = monotonic(), cpu()
        for_each = (rebuild(connection, folder / str(attempt), partition) for partition in range(partitions))
        await asyncio.gather(*for_each)
        rebuilt, rebuilt_cpu = monotonic() - began, cpu() - spent
        began = monotonic()
        for_each = (rebuild(connection, folder / str(attempt), partition) for partition in range(partitions))
        await asyncio.gather(*for_each)
        opened = monotonic() - began
        lines.append(
            f"{persons:,} persons, {values:,} values: read alone {values / raw:,.0f}/s; rebuilt in {rebuilt:.1f} s, "
            f"{values / rebuilt:,.0f}/s, {raw / rebuilt:.2f} of reading alone; intact stores opened in {opened:.2f} s "
            f"(load average {os.getloadavg()[0]:.1f})"
        )
        lines.append(f"by CPU time {raw_cpu / rebuilt_cpu:.2f} of it, {values / rebuilt_cpu:,.0f} values a CPU second")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Recovery beside a consumer that only reads.")
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder) / "broker") as broker:
        connection = Connection(broker.bootstrap_servers)
        lines = asyncio.run(measure(connection, Path(folder), given.persons, given.partitions))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
