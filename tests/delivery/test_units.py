"""The task of a unit: what it merges, in which order, and when it stops."""

import asyncio
from collections.abc import Mapping

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition

from monitor.delivery.progress import Batch, Progress
from monitor.delivery.stages import Record, Stage, UnitControl
from monitor.delivery.units import CopartitionError, Hold, Units, UnitState

STAGE = Stage("one", ("a", "b"))
BOTH = [TopicPartition("a", 0), TopicPartition("b", 0)]


class Holds:
    """A gate that only keeps what holds."""

    def __init__(self) -> None:
        self.now: set[tuple[str, Hold]] = set()

    def hold(self, tp: TopicPartition, reason: Hold) -> None:
        self.now.add((tp.topic, reason))

    def release(self, tp: TopicPartition, reason: Hold) -> None:
        self.now.discard((tp.topic, reason))


class Delivered:
    """An event that remembers its acknowledgement."""

    def __init__(self, progress: Progress, count: int) -> None:
        self.acked = False
        first = progress.next
        records: list[Record] = [
            ConsumerRecord(progress.tp.topic, 0, first + i, 0, 0, None, b"", None, 0, 1, ()) for i in range(count)
        ]
        [self._batch] = progress.take(records, first, first + count, count)

    @property
    def value(self) -> Batch:
        return self._batch

    def ack(self) -> bool:
        assert self._batch.handled
        self.acked = True
        return True


class Handler:
    """Waits for leave before each step, and remembers the steps."""

    def __init__(self, unit: UnitControl) -> None:
        self.unit = unit
        self.may_open, self.may_handle = asyncio.Event(), asyncio.Event()
        self.may_open.set()
        self.may_handle.set()
        self.error: Exception | None = None
        self.calls: list[dict[str, list[int]]] = []
        self.steps: list[str] = []

    async def open(self) -> None:
        await self.may_open.wait()
        self.steps.append("open")

    async def handle(self, batches: Mapping[str, list[Record]]) -> None:
        self.calls.append({topic: [record.offset for record in records] for topic, records in batches.items()})
        await self.may_handle.wait()
        if self.error is not None:
            raise self.error
        self.steps.append("handle")

    async def close(self) -> None:
        self.steps.append("close")


class Bench:
    """The units of one stage with their handlers in reach."""

    def __init__(self, max_merge_records: int = 100, *, partitions: int = 1, min_at_once: int = 1) -> None:
        self.holds = Holds()
        self.handlers: list[Handler] = []
        self.errors: list[BaseException] = []
        self.units = Units([STAGE], self._make, max_merge_records=max_merge_records, min_at_once=min_at_once)
        self.assigned = [TopicPartition(topic, number) for number in range(partitions) for topic in STAGE.topics]
        self.a, self.b = (Progress(tp, 0) for tp in BOTH)

    def _make(self, _stage: Stage, _partition: int, unit: UnitControl) -> Handler:
        self.handlers.append(Handler(unit))
        return self.handlers[-1]

    def assign(self, generation: int = 1) -> Handler:
        self.units.assign(self.assigned, generation, gate=self.holds, on_error=self.errors.append)
        return self.handlers[-1]

    def offer(self, progress: Progress, count: int) -> Delivered:
        event = Delivered(progress, count)
        self.units.offer(event)
        return event


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_waits_is_merged_per_topic_and_acknowledged_afterwards() -> None:
    async def work() -> None:
        bench = Bench()
        handler = bench.assign()
        handler.may_handle.clear()
        events = [bench.offer(bench.a, 2)]
        await settle()
        events += [bench.offer(bench.a, 1), bench.offer(bench.b, 2), bench.offer(bench.a, 1)]
        await settle()
        assert not any(event.acked for event in events)
        handler.may_handle.set()
        await settle()
        assert handler.calls == [{"a": [0, 1]}, {"a": [2, 3], "b": [0, 1]}]
        assert all(event.acked for event in events)

    asyncio.run(work())


@pytest.mark.parametrize(("limit", "sizes"), [(5, [5, 1]), (6, [6]), (4, [4, 2])])
def test_a_call_takes_whole_batches_until_the_limit_is_reached(limit: int, sizes: list[int]) -> None:
    async def work() -> None:
        bench = Bench(max_merge_records=limit)
        handler = bench.assign()
        handler.may_open.clear()
        for _ in range(6):
            bench.offer(bench.a, 1)
        handler.may_open.set()
        await settle()
        assert [len(call["a"]) for call in handler.calls] == sizes

    asyncio.run(work())


def test_topics_take_turns() -> None:
    """A topic with much to do does not starve the other."""

    async def work() -> None:
        bench = Bench(max_merge_records=2)
        handler = bench.assign()
        handler.may_open.clear()
        for _ in range(5):
            bench.offer(bench.a, 1)
        bench.offer(bench.b, 1)
        handler.may_open.set()
        await settle()
        assert handler.calls[0] == {"a": [0], "b": [0]}

    asyncio.run(work())


def test_nothing_is_handled_before_open_has_returned_and_fetching_waits_for_it() -> None:
    async def work() -> None:
        bench = Bench()
        handler = bench.assign()
        handler.may_open.clear()
        bench.offer(bench.a, 1)
        await settle()
        [unit] = bench.units
        assert (handler.calls, unit.state) == ([], UnitState.OPENING)
        assert bench.holds.now == {("a", Hold.OPENING), ("b", Hold.OPENING)}
        handler.may_open.set()
        await settle()
        assert (len(handler.calls), unit.state, bench.holds.now) == (1, UnitState.READY, set())

    asyncio.run(work())


def test_a_paused_topic_keeps_what_waits_until_it_is_resumed() -> None:
    async def work() -> None:
        bench = Bench()
        handler = bench.assign()
        await settle()
        handler.unit.pause("a")
        bench.offer(bench.a, 2)
        bench.offer(bench.b, 1)
        await settle()
        [unit] = bench.units
        assert (handler.calls, unit.state) == ([{"b": [0]}], UnitState.PAUSED)
        assert bench.holds.now == {("a", Hold.HANDLER)}
        handler.unit.resume("a")
        await settle()
        assert handler.calls[-1] == {"a": [0, 1]}
        assert (unit.state, bench.holds.now) == (UnitState.READY, set())
        with pytest.raises(ValueError, match="no topic of stage one"):
            handler.unit.pause("c")

    asyncio.run(work())


@pytest.mark.parametrize(("partitions", "least", "at_once"), [(1, 1, 1), (7, 1, 1), (8, 1, 2), (8, 3, 3), (4, 9, 4)])
def test_a_quarter_of_the_units_works_at_a_time_and_the_others_gather_what_comes(
    partitions: int, least: int, at_once: int
) -> None:
    async def work() -> None:
        bench = Bench(partitions=partitions, min_at_once=least)
        bench.assign()
        parts = [Progress(TopicPartition("a", number), 0) for number in range(partitions)]
        for handler in bench.handlers:
            handler.may_handle.clear()
        for _ in range(2):
            for part in parts:
                bench.offer(part, 1)
            await settle()
        calls = [handler.calls for handler in bench.handlers]
        assert calls == [[{"a": [0]}]] * at_once + [[]] * (partitions - at_once)
        assert [unit.stalled_s > 0 for unit in bench.units] == [True] * at_once + [False] * (partitions - at_once)
        for handler in bench.handlers:
            handler.may_handle.set()
        await settle()
        assert calls == [[{"a": [0]}, {"a": [1]}]] * at_once + [[{"a": [0, 1]}]] * (partitions - at_once)
        await bench.units.close()

    asyncio.run(work())


def test_a_unit_that_waits_for_its_turn_is_closed_without_having_worked() -> None:
    async def work() -> None:
        bench = Bench(partitions=2)
        bench.assign()
        first, second = bench.handlers
        first.may_handle.clear()
        bench.offer(bench.a, 1)
        await settle()
        waiting = bench.offer(Progress(TopicPartition("a", 1), 0), 1)
        await settle()
        closing = asyncio.gather(bench.units.close())
        await settle()
        first.may_handle.set()
        await closing
        assert (first.steps, second.steps, waiting.acked) == (["open", "handle", "close"], ["open", "close"], False)

    asyncio.run(work())


def test_closing_finishes_the_call_under_way_and_drops_what_waits() -> None:
    async def work() -> None:
        bench = Bench()
        handler = bench.assign()
        handler.may_handle.clear()
        under_way = bench.offer(bench.a, 1)
        await settle()
        waiting = bench.offer(bench.a, 1)
        closing = asyncio.gather(bench.units.close())
        await settle()
        assert not closing.done()
        late = bench.offer(bench.a, 1)
        handler.may_handle.set()
        await closing
        assert handler.steps == ["open", "handle", "close"]
        assert (under_way.acked, waiting.acked, late.acked) == (True, False, False)
        assert list(bench.units) == []

    asyncio.run(work())


def test_a_unit_revoked_while_it_opens_is_closed_without_having_been_ready() -> None:
    async def work() -> None:
        bench = Bench()
        handler = bench.assign()
        handler.may_open.clear()
        await settle()
        await bench.units.close()
        assert handler.steps == ["close"]
        assert bench.errors == []
        assert bench.assign(2) is not handler

    asyncio.run(work())


def test_a_failure_is_reported_once_and_nothing_is_acknowledged_or_handled_any_more() -> None:
    async def work() -> None:
        bench = Bench()
        handler = bench.assign()
        handler.error = RuntimeError("broken")
        failed = bench.offer(bench.a, 1)
        await settle()
        after = bench.offer(bench.b, 1)
        await settle()
        assert bench.errors == [handler.error] == [bench.units.failure]
        assert (failed.acked, after.acked, len(handler.calls)) == (False, False, 1)
        await bench.units.close()
        assert handler.steps == ["open", "close"]

    asyncio.run(work())


def test_topics_of_a_stage_that_are_assigned_apart_are_refused() -> None:
    async def work() -> None:
        bench = Bench()
        with pytest.raises(CopartitionError, match="partition 0 was assigned without that of b"):
            bench.units.assign([BOTH[0]], 1, gate=bench.holds, on_error=bench.errors.append)

    asyncio.run(work())


def test_work_that_does_not_end_is_seen() -> None:
    """While it opens or handles a batch its time without progress grows; told progress and idleness end it."""

    async def work() -> None:
        bench = Bench()
        handler = bench.assign()
        handler.may_open.clear()
        [unit] = bench.units
        await settle()
        await asyncio.sleep(0.01)
        opening = unit.stalled_s
        assert opening >= 0.01
        handler.unit.progress()
        assert unit.stalled_s < opening
        handler.may_open.set()
        await settle()
        assert unit.stalled_s == 0.0
        handler.may_handle.clear()
        bench.offer(bench.a, 1)
        await settle()
        await asyncio.sleep(0.01)
        assert unit.stalled_s >= 0.01
        handler.may_handle.set()
        await settle()
        assert unit.stalled_s == 0.0
        await bench.units.close()

    asyncio.run(work())
