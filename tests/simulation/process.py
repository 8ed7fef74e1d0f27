"""A simulated worker process: the product's units behind a simulated consumer.

The consumer takes the steps that `monitor/delivery/consumer.py` has Faust take, in its order: fetch, deliver; before
partitions are given up finish, commit, close; after an error nothing is committed.
"""

import asyncio
import contextlib
import contextvars
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiokafka.structs import TopicPartition

from monitor.delivery.fence import CommitFailed, Fenced, Outgoing
from monitor.delivery.progress import Batch, Progress
from monitor.delivery.stages import Stage, UnitControl, UnitHandler
from monitor.delivery.units import Hold, Units
from monitor.engine import Engine
from monitor.judging import Cause
from monitor.metrics import Metrics
from monitor.outgoing import Targets
from monitor.records import Effects, Reader, Record
from monitor.state import wake_of
from monitor.tasks import spawn
from monitor.worker.institutions import Institutions
from monitor.worker.lost_state import StateLost
from monitor.worker.ports import Ports
from monitor.worker.quarantine import Limits
from monitor.worker.recovery import Progress as RecoveryProgress
from monitor.worker.registry_feed import STAGE_OF, LateChange
from monitor.worker.sources import Sources
from monitor.worker.unit import Judge, Unit, UnitContext
from tests.simulation.broker import CommitRefused, FencedEpoch
from tests.simulation.disk import Content, Disk, LocalStore
from tests.simulation.workload import AGREEMENT, TERMS
from tests.simulation.world import Killed, World, current
from topics.catalogue import ALERTS, ALERTS_LOG, CLAIMS, INSTITUTIONS, REGISTRY
from topics.decoding import Decoder

GROUP: Final = "g"
CONTRIBUTIONS: Final = "g-contributions"
CHANGELOGS: Final = {"persons": "g-person-changelog", "keys": "g-key-changelog"}
STAGES: Final = (Stage("persons", (CLAIMS,)), Stage("keys", (CONTRIBUTIONS, INSTITUTIONS)))
IDENTITIES: Final = {stage: f"cluster/id of {topic}" for stage, topic in CHANGELOGS.items()}
TOPIC_IDS: Final = {topic: f"id of {topic}" for stage in STAGES for topic in stage.topics}


class Failures:
    """Implements the port `FailureCount`: of one process, in memory."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, stage: str) -> None:
        """Note one more."""
        self.counts[stage] += 1


class Producer:
    """Implements the port `Producer`, with the contract of `FencedProducer`."""

    def __init__(self, process: "Process", name: str) -> None:
        self._process = process
        self._world = process.world
        self._broker = process.world.broker
        self._name = process.transactional_id(name)
        self._epoch = -1
        self._usable = False

    async def start(self) -> None:
        """Fence any former owner."""
        self._epoch = await self._world.call(self._process, "fence", lambda: self._broker.init(self._name))
        self._process.producers.add(self._name)
        self._usable = True

    async def commit(self, records: Sequence[Outgoing]) -> dict[TopicPartition, int]:
        """Write records in one transaction."""
        if not self._usable:
            raise RuntimeError(f"producer {self._name} is not usable")
        if not records:
            return {}
        self._usable = False
        try:
            last = await self._write(records)
            await self._end("commit", commit=True)
        except FencedEpoch as error:
            raise Fenced(self._name) from error
        except Exception as error:
            with contextlib.suppress(FencedEpoch):
                await self._end("abort", commit=False)
            raise CommitFailed(repr(error)) from error
        self._usable = True
        return last

    async def stop(self) -> None:
        """Close."""
        self._usable = False

    async def _write(self, records: Sequence[Outgoing]) -> dict[TopicPartition, int]:
        by_target: dict[TopicPartition, list[Outgoing]] = {}
        for record in records:
            by_target.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
        targets = sorted(by_target)
        self._world.chance.shuffle(targets)
        last = {}
        for tp in targets:
            point = "changelog" if tp.topic in CHANGELOGS.values() else "send"
            send = partial(self._broker.send, self._name, self._epoch, tp, by_target[tp])
            last[tp] = await self._world.call(self._process, point, send)
        return last

    async def _end(self, point: str, *, commit: bool) -> None:
        await self._world.call(self._process, point, lambda: self._broker.end(self._name, self._epoch, commit=commit))


class PointedJudge:
    """A stage of the engine between two points where a process may stop."""

    def __init__(self, world: World, judge: Judge) -> None:
        self._world = world
        self._judge = judge

    def apply(self, records: Sequence[Record], store: Reader) -> Effects:
        """Judge a batch."""
        self._world.at("compute", "before")
        effects = self._judge.apply(records, store)
        self._world.at("compute", "after")
        return effects

    def rejudge(self, keys: Iterable[bytes], store: Reader, cause: Cause) -> Effects:
        """Judge keys again."""
        return self._judge.rejudge(keys, store, cause)

    def heads(self, store: Reader) -> Iterable[bytes]:
        """All keys of the partition."""
        return self._judge.heads(store)


class Feed:
    """Implements the port `Follower`, as `RegistryFeed` does."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._world = process.world
        self._log = process.world.broker.log(REGISTRY, 0)
        self._caught_up = asyncio.Event()
        self._changes: dict[str, LateChange] = {}
        self._subscribers: list[Callable[[], None]] = []
        self._decode = Decoder("registry")
        self._moved = asyncio.Event()
        self._position = 0

    @property
    def behind(self) -> bool:
        """Whether there are entries it has not read."""
        return self._position < self._log.stable_end

    def start(self) -> None:
        """Begin to read."""
        spawn(self._follow(), "registry", self._process.fail)

    async def caught_up(self, offset: int = -1) -> None:
        """Wait until the registry was read to the end it had at start, and an offset of it besides."""
        await self._caught_up.wait()
        while self._position <= offset:
            self._moved.clear()
            await self._moved.wait()

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Ends of other topics, as readers of committed records see them."""
        logs = self._world.broker.logs
        return await self._world.call(
            self._process, "ends", lambda: {tp: logs[TopicPartition(*tp)].stable_end for tp in partitions}
        )

    def fail(self, error: BaseException) -> None:
        """Report that work in the background failed."""
        self._process.fail(error)

    def last_change(self, stage: str) -> LateChange | None:
        """The last change that concerns a stage."""
        return self._changes.get(STAGE_OF[stage])

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call a function whenever entries changed."""
        self._subscribers.append(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Call it no more."""
        if wake in self._subscribers:
            self._subscribers.remove(wake)

    async def _follow(self) -> None:
        end = await self._world.call(self._process, "registry", lambda: self._log.end)
        while True:
            if self._position >= end:
                self._caught_up.set()
            records, position = await self._world.call(
                self._process, "registry", lambda: self._log.read(self._position, 5), lambda: self.behind
            )
            changed = False
            for record in records:
                cause = Cause("registry", (REGISTRY, 0, record.offset), record.timestamp)
                for stage in self._process.engine.put(self._decode(record.value)):
                    self._changes[stage] = LateChange(record.offset, -1, cause)
                    changed = True
            self._position = position
            self._moved.set()
            if changed and self._caught_up.is_set():
                for wake in list(self._subscribers):
                    wake()


class Event:
    """A delivered batch; acknowledged as `BatchConsumer.ack` does it."""

    def __init__(self, world: World, batch: Batch) -> None:
        self._world = world
        self.value = batch

    def ack(self) -> bool:
        """Count the batch as done, if its unit says so."""
        self._world.at("acknowledgement", "before")
        if not self.value.handled:
            return False
        self.value.progress.finish(self.value)
        self._world.at("acknowledgement", "after")
        return True


class Process:
    """One worker process.

    Args:
        world: where it lives.
        name: of the process; no two have the same.
        disk: of its machine.
        engine: its own.
    """

    unit: type[Unit] = Unit
    feed_of: type[Feed] = Feed

    def __init__(self, world: World, name: str, disk: Disk, engine: Engine) -> None:
        self.world = world
        self.name = name
        self.disk = disk
        self.engine = engine
        self.dead = False
        self.frozen = False
        self.ended = False
        self.leaving = False
        self.failure: BaseException | None = None
        self.metrics = Metrics()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.producers: set[str] = set()
        self.open_units: dict[tuple[str, int], Unit] = {}
        self._progress: dict[TopicPartition, Progress] = {}
        self._holds: dict[TopicPartition, set[Hold]] = {}
        self._generation = 0
        chance = world.chance
        self._most_fetched = chance.choice((1, 3, 10, 100))
        self._most_batch = chance.choice((1, 2, 5, 100))
        self._units = Units(
            STAGES, self._make, max_merge_records=chance.choice((1, 3, 10, 100)), min_at_once=chance.choice((1, 2, 100))
        )
        self._sources = Sources("", TOPIC_IDS, world.broker.counts[CLAIMS], "rebuild")
        self._institutions = Institutions(engine.registry, TERMS.general)
        self._failures = Failures()
        self._context = contextvars.copy_context()
        self._context.run(current.set, self)
        counts = world.broker.counts
        self._targets = {
            stage: Targets(ALERTS, ALERTS_LOG, CONTRIBUTIONS, changelog, counts, "/simulation")
            for stage, changelog in CHANGELOGS.items()
        }
        self._judges = {
            "persons": PointedJudge(world, self.judge(engine.persons)),
            "keys": PointedJudge(world, self.judge(engine.keys)),
        }

    def start(self) -> None:
        """Begin to live."""
        self._context.run(self._start)

    def _start(self) -> None:
        self.feed = self.feed_of(self)
        spawn(self._live(), self.name, self._died)

    def _died(self, error: BaseException) -> None:
        if not isinstance(error, Killed):
            self.world.note(f"{self.name} ended with {error!r}")
            self.failure = error
        self.ended = True
        self.world.kill(self)

    # ------------------------------------------------------------------ for broken variants

    def transactional_id(self, name: str) -> str:
        """The id under which a unit writes."""
        return name

    def judge(self, judge: Judge) -> Judge:
        """A stage of the engine."""
        return judge

    def event(self, batch: Batch) -> Event:
        """A batch on its way to its unit."""
        return Event(self.world, batch)

    def committable(self, progress: Progress) -> int | None:
        """The offset that the group is told."""
        return progress.committable

    async def recover(
        self, store: LocalStore, topic: str, partition: int, identity: str, on_progress: RecoveryProgress
    ) -> int:
        """Read the changelog into the local state, as `monitor.worker.recovery.recover` does."""
        log = self.world.broker.log(topic, partition)
        if store.identity != identity:
            store.wipe()
            store.load([], wake_of, 0, identity)
        end = await self.world.call(self, "recover", lambda: log.stable_end)
        if end < store.position:
            raise RuntimeError(f"{topic} ends at {end}, the local state stands at {store.position}")
        begin = position = store.position
        read = 0
        while position < end:
            records, position = await self.world.call(self, "recover", partial(log.read, position, 20))
            store.load([(record.key or b"", record.value) for record in records], wake_of, position, identity)
            read += len(records)
            on_progress(read, (position - begin) / (end - begin))
        store.load([], wake_of, position, identity)
        on_progress(read, 1.0)
        return position

    async def check_lost(self, unknown: Sequence[TopicPartition]) -> None:
        """Refuse what was acknowledged and is not in the state, as `monitor.worker.lost_state` does."""
        offsets = self.world.group.offsets
        stored = await self.world.call(self, "acknowledged", lambda: {tp: offsets.get(tp, 0) for tp in unknown})
        for tp, offset in stored.items():
            first = await self.world.call(self, "first", partial(self.world.broker.logs[tp].read, 0, 1))
            if any(record.offset < offset for record in first[0]):
                raise StateLost(f"{tp.topic}[{tp.partition}] was acknowledged up to {offset}")

    # ------------------------------------------------------------------ units

    def _make(self, stage: Stage, partition: int, control: UnitControl) -> UnitHandler:
        context = UnitContext(
            ports=Ports(
                producer=partial(Producer, self),
                state=self._local_state,
                recover=self.recover,
            ),
            group=GROUP,
            data=Path("disk"),
            targets=self._targets,
            judges=self._judges,
            registry=self.feed,
            metrics=self.metrics,
            changelogs=IDENTITIES,
            prefix="",
            agreement=AGREEMENT,
            adopt=False,
            sources=self._sources,
            check_lost=self.check_lost,
            limits=Limits(100, None),
            units=self.open_units,
            recoveries={},
            institutions=self._institutions,
            failures=self._failures,
        )
        return self.unit(context, stage, partition, control)

    def _local_state(self, folder: Path) -> LocalStore:
        return LocalStore(self.world, self.disk.setdefault(folder.name, Content()))

    def hold(self, tp: TopicPartition, reason: Hold) -> None:
        """Fetch no more of it as long as any reason holds."""
        self._holds.setdefault(tp, set()).add(reason)

    def release(self, tp: TopicPartition, reason: Hold) -> None:
        """Take one reason away."""
        self._holds.get(tp, set()).discard(reason)

    def fail(self, error: BaseException) -> None:
        """A unit, or work in the background, failed: the process ends, nothing is committed any more."""
        if not self.dead and self.failure is None:
            self.world.note(f"{self.name} fails: {error!r}")
            self.failure = error

    # ------------------------------------------------------------------ the consumer

    async def _live(self) -> None:
        self.feed.start()
        group = self.world.group
        while not self._ends():
            await self.world.call(self, "join", lambda: group.join(self.name))
            answer = await self.world.call(
                self,
                "joined",
                lambda: group.assigned.get(self.name),
                lambda: self.name in group.assigned or self.name not in group.members or self._ends(),
            )
            if answer is not None:
                await self._own(*answer)
        await self._units.close()
        if self.failure is None or self.world.chance.random() < 0.5:
            await self.world.call(self, "leave", lambda: group.leave(self.name))
        self.world.note(f"{self.name} has stopped")
        self.ended = True
        self.world.kill(self)

    def _ends(self) -> bool:
        return self.leaving or self.failure is not None

    async def _own(self, generation: int, partitions: range) -> None:
        """One generation of the group."""
        self._generation = generation
        await self._units.close()
        self._progress, self._holds = {}, {}
        tps = [TopicPartition(topic, number) for stage in STAGES for topic in stage.topics for number in partitions]
        self._units.assign(tps, generation, gate=self, on_error=self.fail)
        group = self.world.group
        starts = await self.world.call(self, "seek", lambda: {tp: group.offsets.get(tp, 0) for tp in tps})
        self._progress = {tp: Progress(tp, start) for tp, start in starts.items()}
        while not self._interrupted():
            await self.world.call(self, "turn", lambda: None, self._something)
            if not self._interrupted():
                await self._turn()
        await self._units.stop()
        if self.failure is None:
            await self._commit()
        self._progress = {}
        await self._units.close()

    def _interrupted(self) -> bool:
        return self._ends() or self.world.group.must_rejoin(self.name)

    def _something(self) -> bool:
        return self._interrupted() or any(self._fetchable()) or bool(self._uncommitted())

    def _fetchable(self) -> Iterator[TopicPartition]:
        logs = self.world.broker.logs
        for tp, progress in self._progress.items():
            if not self._holds.get(tp) and progress.in_flight < 200 and logs[tp].stable_end > progress.next:
                yield tp

    def _uncommitted(self) -> dict[TopicPartition, int]:
        offsets = self.world.group.offsets
        return {
            tp: offset
            for tp, progress in self._progress.items()
            if (offset := self.committable(progress)) is not None and offset != offsets.get(tp)
        }

    async def _turn(self) -> None:
        fetchable = list(self._fetchable())
        if self._uncommitted() and (not fetchable or self.world.chance.random() < 0.2):
            await self._commit()
        elif fetchable:
            await self._fetch(self.world.chance.choice(fetchable))

    async def _fetch(self, tp: TopicPartition) -> None:
        progress = self._progress[tp]
        log = self.world.broker.logs[tp]
        start = progress.next
        records, stop = await self.world.call(self, "fetch", lambda: log.read(start, self._most_fetched))
        for batch in progress.take(records, start, stop, self._most_batch):
            self._units.offer(self.event(batch))

    async def _commit(self) -> None:
        offsets = self._uncommitted()
        if not offsets:
            return
        group = self.world.group
        try:
            await self.world.call(self, "offsets", lambda: group.commit(self.name, self._generation, offsets))
        except CommitRefused as refused:
            if self.world.chance.random() < 0.3:
                self.fail(refused)
