"""A group of workers with topics of its own on the shared broker, and what can be read of their work."""

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from monitor.app import ask_worker
from monitor.connection import Connection
from monitor.memory_store import MemoryStore
from monitor.topic_admin import create
from monitor.worker.owners import members
from tests.end_to_end.program import ROOT, TOKEN, Worker, command, eventually, run
from topics.alerts import decode
from topics.catalogue import ALERTS_LOG, CLAIMS, INSTITUTIONS, all_topics, contributions
from topics.catalogue import key_changelog as key_changelog_of
from topics.catalogue import person_changelog as person_changelog_of

T = TypeVar("T")
Kafka = ConsumerRecord[bytes | None, bytes | None]

PARTITIONS = 4
EVERY = range(PARTITIONS)
SESSION_S = 6.0
"""The least that brokers allow unless told otherwise."""
ASK_S = 60.0
REBUILT = "it will be rebuilt from the changelog"
QUIET_S = 1.5
"""Nothing is written for so long when background sweeps are over too."""


class Cluster:
    """Topics, workers and readers under one prefix and one group.

    Args:
        bootstrap: of the broker.
        prefix: of topic names; without its last character it is the group.
        folder: for data folders and logs.
        model: of the workers, None without.
        session_timeout_s: of the workers; the broker must allow it.
    """

    def __init__(
        self, bootstrap: str, prefix: str, folder: Path, model: Path | None = None, session_timeout_s: float = SESSION_S
    ) -> None:
        self.connection = Connection(bootstrap_servers=bootstrap)
        self.prefix = prefix
        self.group = prefix.rstrip(".")
        self.consumer_group = prefix + self.group
        self.folder = folder
        self.person_changelog = prefix + person_changelog_of(self.group)
        self.key_changelog = prefix + key_changelog_of(self.group)
        self.contributions = prefix + contributions(self.group)
        self.workers: list[Worker] = []
        self.players: list[subprocess.Popen[bytes]] = []
        self._options = ["--group", self.group, "--session-timeout", str(session_timeout_s)]
        if model is not None:
            self._options += ["--model", str(model)]
        topics = all_topics(self.group)
        asyncio.run(create(self.connection, topics, prefix=prefix, record_time="create", partitions=PARTITIONS))

    # ------------------------------------------------------------------ programs

    @property
    def where(self) -> list[str]:
        """Options of every command: broker and prefix."""
        return ["--bootstrap-servers", self.connection.bootstrap_servers, "--prefix", self.prefix]

    def worker(self, name: str, through: str | None = None) -> Worker:
        """Start a worker whose data folder has this name; `through` is another address of the broker."""
        where = ["--bootstrap-servers", through or self.connection.bootstrap_servers, "--prefix", self.prefix]
        worker = Worker(self.folder / name, [*where, *self._options])
        self.workers.append(worker)
        return worker

    def play(self, facts: Path, rate: float | None = None) -> "subprocess.Popen[bytes]":
        """Begin to write a file into the topics."""
        paced = [] if rate is None else ["--rate", str(rate)]
        player = subprocess.Popen(
            command("play", str(facts), *self.where, *paced), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.players.append(player)
        return player

    def alerts(self) -> bytes:
        """What `claims-monitor alerts` prints."""
        return run("alerts", *self.where)

    def stop(self) -> None:
        """Stop all workers cleanly."""
        for worker in self.workers:
            if worker.process.poll() is None:
                end(worker)

    def clean_up(self) -> None:
        """Kill what still runs."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        for player in self.players:
            player.kill()
            player.communicate()

    def logs(self) -> str:
        """The ends of the workers' logs."""
        last = {worker.data: worker for worker in self.workers}
        return "\n".join(f"--- {data.name}\n{worker.log_tail()}" for data, worker in last.items())

    # ------------------------------------------------------------------ progress

    def ends(self, *topics: str) -> dict[TopicPartition, int]:
        """Ends of the committed records of topics."""

        async def work(consumer: aiokafka.AIOKafkaConsumer) -> dict[TopicPartition, int]:
            return dict(await consumer.end_offsets([TopicPartition(topic, n) for topic in topics for n in EVERY]))

        return self._read(work)

    def committed(self) -> dict[TopicPartition, int]:
        """Offsets that the group has acknowledged."""

        async def work() -> dict[TopicPartition, int]:
            admin = AIOKafkaAdminClient(**self.connection.aiokafka())
            await admin.start()
            try:
                stored = await admin.list_consumer_group_offsets(self.consumer_group)
            except GroupCoordinatorNotAvailableError:  # nobody has joined any group yet
                return {}
            finally:
                await admin.close()
            return {tp: held.offset for tp, held in stored.items()}

        return patiently(work)

    def lag(self, *topics: str) -> dict[TopicPartition, int]:
        """Records of source topics that are not acknowledged, where there are any."""
        done = self.committed()  # before the ends: what is written meanwhile counts as lag
        lags = {tp: end - max(done.get(tp, 0), 0) for tp, end in self.ends(*topics).items()}
        return {tp: lag for tp, lag in lags.items() if lag}

    def owned(self) -> dict[str, set[tuple[str, int]]]:
        """Address of each worker -> its topic partitions."""
        return patiently(lambda: members(self.connection, self.consumer_group))

    def wait_for_owners(self, count: int, timeout_s: float = 60) -> None:
        """Wait until so many workers share all partitions of stage one."""

        def shared() -> bool:
            claims = [{tp for tp in owned if tp[0] == self.prefix + CLAIMS} for owned in self.owned().values()]
            return len(claims) == count and all(claims) and sum(map(len, claims)) == PARTITIONS

        eventually(shared, timeout_s, f"{count} workers share the partitions", self.logs)

    def wait_ready(self, timeout_s: float = 90) -> None:
        """Wait until all members of the group have opened what they were given."""

        def ready() -> bool:
            urls = list(self.owned())
            return bool(urls) and all(map(_answers, urls))

        eventually(ready, timeout_s, "all members of the group are ready", self.logs)

    def wait_for_alerts(self, more_than: int = 0) -> int:
        """Wait until the log of alerts has more records than that; gives how many."""
        eventually(lambda: self.logged() > more_than, 90, f"more than {more_than} changes of alerts", self.logs)
        return self.logged()

    def logged(self) -> int:
        """End offsets of the log of alerts, added up."""
        return sum(self.ends(self.prefix + ALERTS_LOG).values())

    def settle(self, timeout_s: float = 90) -> None:
        """Wait until everything that was written is judged, by both stages, and sweeps are over."""
        sources = self.prefix + CLAIMS, self.prefix + INSTITUTIONS, self.contributions
        outputs = self.prefix + ALERTS_LOG, self.person_changelog, self.key_changelog, self.contributions

        def quiet() -> bool:
            if self.lag(*sources):
                return False
            before = self.ends(*outputs)
            time.sleep(QUIET_S)
            return before == self.ends(*outputs) and not self.lag(*sources)

        for player in self.players:
            _, errors = player.communicate(timeout=timeout_s)
            assert player.returncode == 0, errors.decode()
        self.players.clear()
        self.wait_ready(timeout_s)
        eventually(quiet, timeout_s, "everything is judged", lambda: f"{self.lag(*sources)}\n{self.logs()}")

    # ------------------------------------------------------------------ what was written

    def records(self, topic: str, isolation: str = "read_committed") -> list[Kafka]:
        """All records of a topic that such a reader sees, by partition in order."""

        async def work(consumer: aiokafka.AIOKafkaConsumer) -> list[Kafka]:
            tps = [TopicPartition(topic, number) for number in EVERY]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            ends = await consumer.end_offsets(tps)
            found: dict[TopicPartition, list[Kafka]] = {tp: [] for tp in tps}
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                    found[tp] += records
            return [record for tp in tps for record in found[tp]]

        return self._read(work, isolation)

    def state(self, changelog: str) -> MemoryStore:
        """What a recovery from a changelog gives, all partitions together."""
        store = MemoryStore()
        for record in self.records(changelog):
            assert record.key is not None
            if record.value is None:
                store.values.pop(record.key, None)
            else:
                store.values[record.key] = record.value
        return store

    def check_log(self) -> Counter[str]:
        """The log of alerts tells each alert's story without a gap or a repetition; gives the kinds of changes."""
        revisions: dict[str, int] = {}
        kinds: Counter[str] = Counter()
        for record in self.records(self.prefix + ALERTS_LOG):
            headers = dict(record.headers)
            action = headers["ce_type"].decode().split(".")[-2]
            alert = decode(record.value or b"")
            kinds[action] += 1
            before = revisions.pop(alert.jr_id, None)
            assert (before is None) == (action == "raised"), (alert.jr_id, action, before)
            if action != "withdrawn":
                revision = int(headers["revision"])
                assert revision == (before or 0) + 1, (alert.jr_id, action, before, revision)
                revisions[alert.jr_id] = revision
        standing = {json.loads(line)["jr_id"] for line in self.alerts().splitlines()}
        assert set(revisions) == standing
        return kinds

    def history(self, kind: str, key: str) -> dict[str, Any]:
        """A key's history, asked of whichever worker owns it."""
        urls = list(self.owned())
        assert urls, self.logs()
        answer: dict[str, Any] = {"owner": urls[0]}
        while "owner" in answer:
            status, answer = asyncio.run(ask_worker(answer["owner"], f"/internal/history/{kind}/{key}", TOKEN))
            assert status in {200, 404, 421}, answer
        return answer

    def produce(self, topic: str, records: Iterable[tuple[bytes | None, bytes, int]]) -> None:
        """Write records (key, value, record time in UTC milliseconds) as they are."""

        async def work() -> None:
            producer = aiokafka.AIOKafkaProducer(**self.connection.aiokafka(), acks="all")
            await producer.start()
            try:
                for key, value, time_ms in records:
                    await producer.send_and_wait(self.prefix + topic, value, key=key, timestamp_ms=time_ms)
            finally:
                await producer.stop()

        asyncio.run(work())

    def abort(self, topic: str, records: Iterable[tuple[bytes | None, bytes, int]]) -> None:
        """Write records into every partition in a transaction that is aborted: a marker ends what nobody may see."""

        async def work() -> None:
            producer = aiokafka.AIOKafkaProducer(**self.connection.aiokafka(), transactional_id=f"{self.group}-aborted")
            await producer.start()
            try:
                await producer.begin_transaction()
                for number in EVERY:
                    for key, value, time_ms in records:
                        await producer.send_and_wait(
                            self.prefix + topic, value, key=key, partition=number, timestamp_ms=time_ms
                        )
                await producer.abort_transaction()
            finally:
                await producer.stop()

        asyncio.run(work())

    def set_back_onto_markers(self, topic: str) -> int:
        """Let the group (without members) go on at the last transaction markers up to where it stands.

        In the midst of a batch that is some records back, which come again then. Gives how many partitions do.
        """
        held = {(record.partition, record.offset) for record in self.records(topic)}
        before: dict[TopicPartition, int] = {}
        for tp, end in self.ends(topic).items():
            done = self.committed().get(tp, 0)
            for offset in range(min(done, end - 1), 0, -1):
                if (tp.partition, offset) not in held:
                    before[tp] = offset
                    break

        async def work() -> None:
            consumer = aiokafka.AIOKafkaConsumer(
                **self.connection.aiokafka(), group_id=self.consumer_group, enable_auto_commit=False
            )
            consumer.assign(list(before))
            await consumer.start()
            try:
                await consumer.commit(before)
            finally:
                await consumer.stop()

        if before:
            patiently(work)
        return len(before)

    def _read(
        self,
        work: Callable[[aiokafka.AIOKafkaConsumer], Coroutine[Any, Any, T]],
        isolation: str = "read_committed",
    ) -> T:
        async def connected() -> T:
            consumer = aiokafka.AIOKafkaConsumer(
                **self.connection.aiokafka(), isolation_level=isolation, enable_auto_commit=False
            )
            await consumer.start()
            try:
                return await work(consumer)
            finally:
                await consumer.stop()

        return patiently(connected)


def end(worker: Worker) -> None:
    """Stop a worker cleanly; one that meets a damaged value meanwhile ends by that, not by the signal."""
    said = worker.log.stat().st_size
    ended = worker.stop()
    assert ended == 0 or REBUILT in worker.log.read_bytes()[said:].decode(errors="replace"), worker.log_tail()


def patiently(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Ask again while a broker that has just started does not yet answer."""
    until = time.monotonic() + ASK_S
    while True:
        try:
            return asyncio.run(work())
        except KafkaError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _answers(url: str) -> bool:
    """Whether a worker says that it is ready."""
    try:
        status, _ = asyncio.run(ask_worker(url, "/ready", ""))
    except (OSError, TimeoutError):
        return False
    return status == 200
