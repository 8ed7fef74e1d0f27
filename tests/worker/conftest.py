"""Topics, facts and workers for the tests of worker processes."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection
from monitor.delivery.source_topics import partition_counts
from monitor.outgoing import partition_of
from monitor.topic_admin import create
from tests.facts import Wire
from tests.worker.processes import WorkerProcess
from topics.alerts import Alert, decode
from topics.catalogue import ALERTS, CLAIMS, INSTITUTIONS, REGISTRY, RecordTime, all_topics
from topics.times import DAY, HOUR, MINUTE, UTC_OFFSET, format_time, parse_time

GROUP = "watch"
INSTITUTION_TYPES = {"complaint", "stock-movement", "item-change"}

Source = ConsumerRecord[bytes | None, bytes | None]


def record_ms(time: str) -> int:
    """The Kafka time of a wire time."""
    return (parse_time(time) - UTC_OFFSET) * 1000


def now(seconds: int = 0) -> str:
    """The wire time of now, or of some seconds later."""
    return format_time(int(time.time()) + UTC_OFFSET + seconds)  # noqa: TID251 - live topics have the broker's time


@dataclass(frozen=True)
class Site:
    """Topics of one test, and how to write and read them."""

    connection: Connection
    prefix: str
    partitions: int

    @property
    def options(self) -> list[str]:
        """Options of every command."""
        return ["-b", self.connection.bootstrap_servers, "--prefix", self.prefix]

    def send(self, *records: tuple[str, int | None, bytes | None, bytes | None, int | None]) -> list[int]:
        """Write records (topic, partition, key, value, record time in ms) in one go; gives their offsets."""

        async def work() -> list[int]:
            producer = AIOKafkaProducer(**self.connection.aiokafka(), acks="all", max_request_size=3 << 20)
            await producer.start()
            try:
                sent = [
                    await producer.send(self.prefix + topic, value, key=key, partition=partition, timestamp_ms=at_ms)
                    for topic, partition, key, value, at_ms in records
                ]
                return [found.offset for found in await asyncio.gather(*sent)]
            finally:
                await producer.stop()

        return asyncio.run(work())

    def facts(self, *objects: Wire, at: str) -> None:
        """Write facts about persons, each to the partition of its key, with a wire time as record time."""
        self.send(*((CLAIMS, None, _key(wire), msgspec.json.encode(wire), record_ms(at)) for wire in objects))

    def registry(self, *objects: Wire, key: str) -> None:
        """Write registry entries."""
        self.send(*((REGISTRY, 0, key.encode(), msgspec.json.encode(wire), None) for wire in objects))

    def tick(self, time: str) -> None:
        """Write a tick into every partition of both fact topics."""
        value = msgspec.json.encode({"type": "tick", "tick_time": time})
        self.send(
            *(
                (topic, partition, None, value, record_ms(time))
                for topic in (CLAIMS, INSTITUTIONS)
                for partition in range(self.partitions)
            )
        )

    def read(self, topic: str) -> list[Source]:
        """All committed records of a topic."""

        async def work() -> list[Source]:
            name = self.prefix + topic
            count = (await partition_counts(self.connection, "test"))[name]
            consumer = AIOKafkaConsumer(
                **self.connection.aiokafka(),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            await consumer.start()
            try:
                tps = [TopicPartition(name, partition) for partition in range(count)]
                consumer.assign(tps)
                ends = await consumer.end_offsets(tps)
                found: list[Source] = []
                while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
                return found
            finally:
                await consumer.stop()

        return asyncio.run(work())

    def alerts(self, rule: str | None = None) -> list[Alert]:
        """The standing alerts."""
        latest = {record.key: decode(record.value or b"") for record in self.read(ALERTS)}
        standing = [alert for alert in latest.values() if alert.status == "raised"]
        return [alert for alert in standing if rule is None or alert.rule_id == rule]

    def about(self, rule: str) -> set[str]:
        """What the standing alerts of a rule are about."""
        return {alert.about.id for alert in self.alerts(rule)}

    def evidence(self, rule: str) -> list[int]:
        """Of how many facts each standing alert of a rule speaks."""
        return [alert.evidence.facts_total for alert in self.alerts(rule) if alert.evidence is not None]

    def partition(self, key: str) -> int:
        """The partition of a key."""
        return partition_of(key.encode(), self.partitions)


def _key(wire: Wire) -> bytes:
    return str(wire["fixmedins_code" if wire["type"] in INSTITUTION_TYPES else "psn_no"]).encode()


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(broker: EmbeddedBroker, prefix: str) -> MakeSite:
    """Create all topics under a prefix of the test's own."""

    def make(partitions: int = 1, record_time: RecordTime = "create") -> Site:
        connection = Connection(broker.bootstrap_servers)
        topics = all_topics(GROUP)
        asyncio.run(create(connection, topics, prefix=prefix, record_time=record_time, partitions=partitions))
        return Site(connection, prefix, partitions)

    return make


StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[StartWorker]:
    """Start worker processes (parent and child); what still runs at the end is ended."""
    started: list[WorkerProcess] = []

    def start(
        options: Sequence[str], *more: str, data: str = "data", env: Mapping[str, str] | None = None
    ) -> WorkerProcess:
        arguments = ["worker", *options, "--group", GROUP, "--data", str(tmp_path / data), *more]
        worker = WorkerProcess(arguments, tmp_path / f"worker-{len(started)}.log", env)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.process.terminate()
    for worker in started:
        worker.clear()


def times(day: str, count: int) -> list[str]:
    """Wire times of a day, ten minutes apart from 08:00 on."""
    begin = parse_time(f"{day} 08:00:00")
    return [format_time(begin + number * 10 * MINUTE) for number in range(count)]


__all__ = ["DAY", "GROUP", "HOUR", "MakeSite", "Site", "StartWorker", "now", "record_ms", "times"]
