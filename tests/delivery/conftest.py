"""Topics on the real broker and worker processes for the delivery tests."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import aiokafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from monitor.broker.server import EmbeddedBroker

ROOT = Path(__file__).resolve().parents[2]


def eventually(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)


class Topics:
    """Makes topics with unique names, fills them, and reads the offsets of groups."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def create(self, partitions: int = 1, **configs: str) -> str:
        topic = f"delivery-{uuid.uuid4().hex[:10]}"

        async def work() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
            await admin.close()

        asyncio.run(work())
        return topic

    def fill(self, topic: str, count: int, partition: int = 0, *, transaction: str | None = None) -> None:
        """Write records; with a transactional id in one transaction, so that a marker follows them."""

        async def work() -> None:
            producer = aiokafka.AIOKafkaProducer(
                bootstrap_servers=self.bootstrap, compression_type="lz4", transactional_id=transaction
            )
            await producer.start()
            if transaction:
                await producer.begin_transaction()
            sent = [await producer.send(topic, os.urandom(200), partition=partition) for _ in range(count)]
            await asyncio.gather(*sent)
            if transaction:
                await producer.commit_transaction()
            await producer.stop()

        asyncio.run(work())

    def delete_before(self, topic: str, offset: int, partition: int = 0) -> None:
        async def work() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)})
            await admin.close()

        asyncio.run(work())

    def committed(self, group: str, topic: str, partition: int = 0) -> int:
        """Offset that the group has stored, -1 if none."""

        async def work() -> int:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            offsets = await admin.list_consumer_group_offsets(group)
            await admin.close()
            stored = offsets.get(TopicPartition(topic, partition))
            return -1 if stored is None else int(stored.offset)

        return asyncio.run(work())

    def commit(self, group: str, topic: str, offset: int, partition: int = 0) -> None:
        """Store an offset for a group that has no members."""

        async def work() -> None:
            consumer = aiokafka.AIOKafkaConsumer(
                bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False
            )
            consumer.assign([TopicPartition(topic, partition)])
            await consumer.start()
            await consumer.commit({TopicPartition(topic, partition): offset})
            await consumer.stop()

        asyncio.run(work())


class Worker:
    """A process of `worker_program.py` and what it noted."""

    def __init__(self, config: dict[str, Any], out: Path) -> None:
        self._out = out
        self.log = out.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.delivery.worker_program", json.dumps(config)],
                cwd=ROOT,
                stderr=log,
                stdout=log,
            )

    def notes(self, *events: str) -> list[dict[str, Any]]:
        if not self._out.exists():
            return []
        lines = self._out.read_text(encoding="utf-8").split("\n")[:-1]
        notes = [json.loads(line) for line in lines]
        return [note for note in notes if not events or note["event"] in events]

    def status(self) -> dict[str, Any]:
        statuses = self.notes("status")
        return statuses[-1] if statuses else {"ready": False, "units": {}}

    def handled(self) -> list[tuple[str, int, int]]:
        """Topic, partition and offset of every record, in the order in which they were handled."""
        return [
            (topic, int(note["unit"].rsplit("-", 1)[1]), offset)
            for note in self.notes("handled")
            for topic, offsets in note["offsets"].items()
            for offset in offsets
        ]

    def wait_ready(self) -> None:
        eventually(lambda: bool(self.status()["ready"]))

    def stop(self) -> int:
        """Send SIGTERM and wait for the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


def handled_counts(workers: Sequence[Worker]) -> Counter[tuple[str, int, int]]:
    """How often each record was handled by all of them."""
    return Counter(record for worker in workers for record in worker.handled())


@pytest.fixture
def topics(broker: EmbeddedBroker) -> Topics:
    return Topics(broker.bootstrap_servers)


class StartWorker(Protocol):
    def __call__(
        self, group: str, stages: dict[str, list[str]], options: object = None, **settings: object
    ) -> Worker: ...


@pytest.fixture
def start_worker(broker: EmbeddedBroker, tmp_path: Path) -> Iterator[StartWorker]:
    """Start worker processes; what still runs at the end of the test is killed."""
    started: list[Worker] = []

    def start(group: str, stages: dict[str, list[str]], options: object = None, **settings: object) -> Worker:
        out = tmp_path / f"worker-{len(started)}.jsonl"
        config = {
            "bootstrap": broker.bootstrap_servers,
            "group": group,
            "stages": stages,
            "out": str(out),
            "options": options or {},
            "settings": {"session_timeout_s": 6.0, "heartbeat_interval_s": 1.0, "commit_interval_s": 0.3} | settings,
        }
        worker = Worker(config, out)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()
