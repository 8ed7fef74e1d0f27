"""One task per unit: it opens its handler, merges the batches that wait into one call, and acknowledges them."""

import asyncio
import enum
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from aiokafka.structs import TopicPartition

from monitor import clock, tasks
from monitor.delivery.progress import Batch
from monitor.delivery.stages import HandlerFactory, Record, Stage

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 30.0
UNITS_PER_TURN = 4
"""One unit in so many works at a time. A transaction costs the same for one record as for a hundred: under load it is
better that records wait for their turn and share one. With little to do a turn is always free."""


class UnitState(enum.StrEnum):
    """What a unit is doing."""

    OPENING = "opening"
    READY = "ready"
    PAUSED = "paused"
    CLOSED = "closed"


class Hold(enum.StrEnum):
    """Why a topic partition is not fetched."""

    REBALANCE = "rebalance"
    OPENING = "opening"
    BACKLOG = "backlog"
    HANDLER = "handler"


class Gate(Protocol):
    """Stops and starts the fetching of topic partitions."""

    def hold(self, tp: TopicPartition, reason: Hold) -> None:
        """Fetch no more of it as long as any reason holds."""

    def release(self, tp: TopicPartition, reason: Hold) -> None:
        """Take one reason away."""


class DeliveredEvent(Protocol):
    """A Faust event that carries a batch."""

    @property
    def value(self) -> Batch:
        """The batch."""

    def ack(self) -> bool:
        """Acknowledge it to Faust."""


class CopartitionError(Exception):
    """The topics of one stage are not assigned together."""


class Unit:
    """The task, queue and state of one (stage, partition) within one generation of the group.

    Attributes:
        stage: its stage.
        partition: partition of every topic of the stage.
        generation: generation of the group that assigned it.
    """

    def __init__(
        self,
        stage: Stage,
        partition: int,
        generation: int,
        *,
        gate: Gate,
        turns: asyncio.Semaphore,
        max_merge_records: int,
        make: HandlerFactory,
    ) -> None:
        self.stage = stage
        self.partition = partition
        self.generation = generation
        self._gate = gate
        self._turns = turns
        self._max_merge_records = max_merge_records
        self._waiting: dict[str, deque[DeliveredEvent]] = {topic: deque() for topic in stage.topics}
        self._turn: deque[str] = deque(stage.topics)
        self._paused: set[str] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._opened = False
        self._closed = False
        self._working = True
        self._moved = clock.monotonic()
        self._task: asyncio.Task[None] | None = None
        for topic in stage.topics:
            gate.hold(TopicPartition(topic, partition), Hold.OPENING)
        self._handler = make(stage, partition, self)

    @property
    def state(self) -> UnitState:
        """Opening, ready, paused (one of its topics at least) or closed."""
        if self._stopping or self._closed:
            return UnitState.CLOSED
        if not self._opened:
            return UnitState.OPENING
        return UnitState.PAUSED if self._paused else UnitState.READY

    @property
    def paused_topics(self) -> frozenset[str]:
        """Topics that the handler has paused."""
        return frozenset(self._paused)

    @property
    def stalled_s(self) -> float:
        """For how many seconds its work shows no progress; 0 while it has nothing to do."""
        return clock.monotonic() - self._moved if self._working else 0.0

    def progress(self) -> None:
        """See `UnitControl.progress`."""
        self._moved = clock.monotonic()

    def start(self, on_error: Callable[[BaseException], None]) -> None:
        """Open the handler and begin to work, in a task of its own."""
        self._task = tasks.spawn(self._run(), f"unit {self.stage.name}-{self.partition}", on_error)

    def offer(self, event: DeliveredEvent) -> None:
        """Queue a batch. A unit that stops takes none: its records will be delivered to the next owner."""
        if not self._stopping:
            self._waiting[event.value.progress.tp.topic].append(event)
            self._wake.set()

    def pause(self, topic: str) -> None:
        """See `UnitControl.pause`."""
        self._gate.hold(self._tp(topic), Hold.HANDLER)
        self._paused.add(topic)

    def resume(self, topic: str) -> None:
        """See `UnitControl.resume`."""
        tp = self._tp(topic)
        self._paused.discard(topic)
        self._gate.release(tp, Hold.HANDLER)
        self._wake.set()

    async def stop(self) -> None:
        """Let the call under way finish and be acknowledged; what only waits is left to the next owner."""
        self._stopping = True
        for queue in self._waiting.values():
            queue.clear()
        self._wake.set()
        if self._task is None:
            return
        if not self._opened:
            self._task.cancel()
        await asyncio.wait([self._task])

    def abort(self) -> None:
        """Cancel the call under way: the process ends, nothing of it will be acknowledged."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Stop, then close the handler."""
        await self.stop()
        if not self._closed:
            self._closed = True
            await self._handler.close()

    def _tp(self, topic: str) -> TopicPartition:
        if topic not in self._waiting:
            raise ValueError(f"{topic} is no topic of stage {self.stage.name}")
        return TopicPartition(topic, self.partition)

    async def _run(self) -> None:
        await self._handler.open()
        self._opened = True
        self._working = False
        for topic in self.stage.topics:
            self._gate.release(self._tp(topic), Hold.OPENING)
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            while await self._work():
                pass

    async def _work(self) -> bool:
        """Work on what waits, when it is this unit's turn; tells whether there was something."""
        if not any(self._waiting.values()):
            return False
        async with self._turns:
            events = self._take()
            if not events:
                return False
            self.progress()
            self._working = True
            await self._handler.handle(_merge(events))
            self._working = False
            for event in events:
                event.value.handled = True
                event.ack()
            return True

    def _take(self) -> list[DeliveredEvent]:
        """Batches that wait, topics in turn, until the merge is large enough."""
        taken: list[DeliveredEvent] = []
        size = 0
        found = True
        while found and size < self._max_merge_records:
            found = False
            for topic in self._turn:
                queue = self._waiting[topic]
                if queue and topic not in self._paused and size < self._max_merge_records:
                    event = queue.popleft()
                    taken.append(event)
                    size += len(event.value.records)
                    found = True
        self._turn.rotate(-1)
        return taken


def _merge(events: Iterable[DeliveredEvent]) -> dict[str, list[Record]]:
    merged: dict[str, list[Record]] = {}
    for event in events:
        merged.setdefault(event.value.progress.tp.topic, []).extend(event.value.records)
    return merged


class Units:
    """All units of this process. A unit lives within one generation: every rebalance closes it and opens a new one.

    Attributes:
        failure: what ended a unit's work, None while all is well.
    """

    def __init__(
        self, stages: Iterable[Stage], make: HandlerFactory, *, max_merge_records: int, min_at_once: int
    ) -> None:
        self._stages = tuple(stages)
        self._make = make
        self._min_at_once = min_at_once
        self._max_merge_records = max_merge_records
        self._by_tp: dict[TopicPartition, Unit] = {}
        self._units: list[Unit] = []
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._units)

    def assign(
        self,
        assigned: Iterable[TopicPartition],
        generation: int,
        *,
        gate: Gate,
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Make and start the units of an assignment.

        Args:
            assigned: every topic partition that this process was given.
            generation: generation of the group.
            gate: stops and starts fetching.
            on_error: called once with the first exception that a handler raised; all units have been aborted then.

        Raises:
            CopartitionError: a partition is assigned of some but not of all topics of a stage.
        """

        def failed(error: BaseException) -> None:
            if self.failure is None:
                self.failure = error
                for unit in self._units:
                    unit.abort()
                on_error(error)

        plain = {TopicPartition(*tp) for tp in assigned}
        read = {(stage.name, tp.partition) for stage in self._stages for tp in plain if tp.topic in stage.topics}
        turns = asyncio.Semaphore(max(self._min_at_once, len(read) // UNITS_PER_TURN))
        for stage in self._stages:
            for partition in sorted({tp.partition for tp in plain if tp.topic in stage.topics}):
                parts = [TopicPartition(topic, partition) for topic in stage.topics]
                missing = [tp.topic for tp in parts if tp not in plain]
                if missing:
                    raise CopartitionError(
                        f"stage {stage.name}: partition {partition} was assigned without that of {', '.join(missing)}; "
                        "all members of the group must run the same version and settings"
                    )
                unit = Unit(
                    stage,
                    partition,
                    generation,
                    gate=gate,
                    turns=turns,
                    max_merge_records=self._max_merge_records,
                    make=self._make,
                )
                self._units.append(unit)
                self._by_tp.update(dict.fromkeys(parts, unit))
        for unit in self._units:
            unit.start(failed)

    def offer(self, event: DeliveredEvent) -> None:
        """Hand an event to its unit; one that has no unit any more is dropped, its records will be fetched again."""
        unit = self._by_tp.get(event.value.progress.tp)
        if unit is not None:
            unit.offer(event)

    async def stop(self) -> None:
        """Let all calls under way finish and be acknowledged."""
        await asyncio.gather(*(unit.stop() for unit in self._units))

    async def close(self) -> None:
        """Stop all units, close their handlers and forget them.

        Raises:
            TimeoutError: a handler did not close in 30 s.
        """
        units, self._units, self._by_tp = self._units, [], {}
        await asyncio.gather(*(unit.stop() for unit in units))
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await asyncio.gather(*(unit.close() for unit in units))
