"""Faust's consumer, delivering one event per batch of a partition and accounting for ranges of offsets.

Stock Faust counts single offsets, loses what was fetched of a partition that is paused meanwhile, and acknowledges
what it skips during a rebalance. Here every event carries a `Batch`; only a batch that its unit has handled counts,
and only towards the assignment in which it was delivered.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode.types import ServiceT
from mode.utils.futures import notify

from monitor import tasks
from monitor.delivery.progress import Batch, Hole, Progress
from monitor.delivery.stages import DeliverySettings
from monitor.delivery.transport import BatchConsumerThread, out_of_range
from monitor.delivery.units import Hold, Units
from monitor.refusal import Refused

if TYPE_CHECKING:
    from monitor.delivery.app import DeliveryApp

log = logging.getLogger(__name__)

IDLE_FETCH_S = 1.0
_ASK_S = 2.0
HELD_FETCH_S = 0.1  # while some partition waits to be fetched again, it must not wait for the others


class SourceTopicChanged(Refused):
    """A source topic ends before an offset that was already read: it was recreated or truncated."""


class BatchConsumer(driver.Consumer):
    """Faust's consumer in batches; also the gate of the units."""

    app: "DeliveryApp"
    logger = logging.getLogger("faust.delivery")  # mode would log its chatter under the name of this module

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's own signature
        self._progress: dict[TopicPartition, Progress] = {}
        self._holds: dict[TopicPartition, set[Hold]] = {}
        self._ends_asked: dict[TopicPartition, int] = {}
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._released = asyncio.Event()
        super().__init__(*args, **kwargs)

    @property
    def _settings(self) -> DeliverySettings:
        return self.app.delivery_settings

    @property
    def _units(self) -> Units:
        return self.app.units

    @property
    def progress(self) -> Mapping[TopicPartition, Progress]:
        """How far each assigned topic partition has come."""
        return self._progress

    def committed(self, tp: TopicPartition) -> int | None:
        """Offset last committed, or found at assignment."""
        offset: int | None = self._committed_offset.get(TP(*tp))
        return offset

    def end_seen(self, tp: TopicPartition) -> int | None:
        """End of the committed records of a topic partition as last seen: by a fetch, or by `ask_ends`."""
        ends = (self._batch_thread.end_seen(tp), self._ends_asked.get(tp))
        return max((end for end in ends if end is not None), default=None)

    async def ask_ends(self) -> None:
        """Ask the brokers where partitions end that are not fetched: what piles up behind a pause would not be seen."""
        held = [tp for tp, reasons in self._holds.items() if reasons and self._batch_thread.end_seen(tp) is not None]
        self._ends_asked = {}
        if held:
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(_ASK_S):
                    self._ends_asked = {tp: one.end for tp, one in (await self._batch_thread.extents(held)).items()}

    # which partitions are fetched

    def hold(self, tp: TopicPartition, reason: Hold) -> None:
        """Fetch no more of it as long as any reason holds; what was fetched is still delivered."""
        self._holds.setdefault(tp, set()).add(reason)

    def release(self, tp: TopicPartition, reason: Hold) -> None:
        """Take one reason away."""
        self._holds.get(tp, set()).discard(reason)
        self._released.set()

    def holds(self, tp: TopicPartition) -> frozenset[Hold]:
        """Why a topic partition is not fetched, if so."""
        return frozenset(self._holds.get(tp, ()))

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        """Faust's own pause, around rebalances."""
        for tp in tps:
            self.hold(TopicPartition(*tp), Hold.REBALANCE)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """End Faust's own pause; other holds stay."""
        for tp in tps:
            self.release(TopicPartition(*tp), Hold.REBALANCE)

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: what is in flight is bounded by records here, not by events."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing, see `on_buffer_full`."""

    # delivery

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Deliver what is fetched, until the fetcher ends.

        Faust's own loop starts two tasks for each message and one for each round, and looks for gaps and repeated
        offsets, which are `Progress`'s work here. With few records in a batch that cost more than reading them.
        """
        deliver = self.callback
        try:
            while not (self.should_stop or fetcher.should_stop):
                async for _, message in self.getmany(IDLE_FETCH_S):
                    await deliver(message)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise
        except Exception:
            log.exception("reading failed")
            raise

    def _new_consumer_thread(self) -> BatchConsumerThread:
        thread = BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)
        thread.delivery_settings = self._settings
        thread.connection = self.app.connection
        self._batch_thread = thread
        return thread

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ARG002, ASYNC109
        """Fetch and yield one message per batch."""
        if not self.flow_active:
            await self.wait_first(self.can_resume_flow.wait())
        if self.should_stop:
            return
        self._released.clear()
        fetchable = [tp for tp in self._assigned if not self._holds.get(tp)]
        held = len(fetchable) < len(self._assigned)
        try:
            fetched = await self._batch_thread.fetch(
                fetchable, HELD_FETCH_S if held else IDLE_FETCH_S, self._settings.max_fetch_records
            )
        except OffsetOutOfRangeError as error:
            await self._start_over(out_of_range(error))
            return
        if not fetchable:
            await self._wait_for_release()
        for tp, (start, stop, records) in fetched.items():
            progress = self._progress.get(tp)
            if progress is None or not self.flow_active:
                continue
            try:
                batches = progress.take(records, start, stop, self._settings.max_batch_records)
            except Hole as hole:
                log.info("%s; fetching again", hole)
                await self._start_over({tp: start})
                continue
            if progress.in_flight > self._settings.max_in_flight_records - self._settings.max_fetch_records:
                self.hold(tp, Hold.BACKLOG)
            for batch in batches:
                if self._progress.get(tp) is not progress:
                    break  # assigned anew while the loop was waiting: they will be fetched again
                yield TP(*tp), self._message(batch)

    def _message(self, batch: Batch) -> ConsumerMessage:
        last = batch.records[-1]
        tp = TP(*batch.progress.tp)
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            cast("bytes", batch),  # Faust only hands it through
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _wait_for_release(self) -> None:
        try:
            async with asyncio.timeout(IDLE_FETCH_S):
                await self._released.wait()
        except TimeoutError:
            pass  # fetch with nothing to fetch: it tells the group that the main loop is alive

    async def _start_over(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch from the next offset that is due, after positions that cannot be right.

        Raises:
            SourceTopicChanged: that offset lies beyond the end of the topic.
        """
        due = {tp: self._progress[tp] for tp in positions if tp in self._progress}
        try:
            extents = await self._batch_thread.extents(due)
            for tp, progress in due.items():
                if progress.next < extents[tp].begin:
                    log.error(
                        "%s[%d]: records %d to %d were deleted before they were read (retention is too short)",
                        *tp,
                        progress.next,
                        extents[tp].begin - 1,
                    )
                    progress.skip_to(extents[tp].begin)
                _refuse_shorter(tp, progress.next, extents[tp].end)
            await self._batch_thread.start_at({tp: progress.next for tp, progress in due.items()})
        except IllegalStateError:
            log.debug("revoked while fetching again: %s", list(due))

    # acknowledgements and commits

    def ack(self, message: Message) -> bool:
        """Count a batch as done, if its unit says so; Faust also acknowledges what it skips."""
        if message.acked:
            return False
        message.acked = True
        batch = cast("Batch", message.value)  # Faust thinks of bytes
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        if not batch.handled:
            return False
        progress = batch.progress
        progress.finish(batch)
        room = self._settings.max_in_flight_records - self._settings.max_fetch_records
        if self._progress.get(progress.tp) is progress and progress.in_flight <= room // 2:
            self.release(progress.tp, Hold.BACKLOG)
        return True

    def _filter_tps_with_pending_acks(self, topics: Collection[Any] | None = None) -> Iterator[TP]:
        return (
            TP(*tp)
            for tp, progress in self._progress.items()
            if progress.committable is not None and (topics is None or tp in topics or tp.topic in topics)
        )

    def _new_offset(self, tp: TP) -> int | None:
        progress = self._progress.get(TopicPartition(*tp))
        return None if progress is None else progress.committable

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: the range of a batch includes the offsets without records."""

    async def perform_seek(self) -> None:
        """Start reading: from the committed offset, or the beginning of a topic partition that has none.

        Raises:
            SourceTopicChanged: a committed offset lies beyond the end of its topic partition.
        """
        extents = await self._batch_thread.extents(self._assigned)
        starts = {}
        for tp, (begin, end, committed) in extents.items():
            if committed is None:
                starts[tp] = begin
            else:
                _refuse_shorter(tp, committed, end)
                if committed < begin:
                    log.error(
                        "%s[%d]: records %d to %d were deleted before they were read (retention is too short)",
                        *tp,
                        committed,
                        begin - 1,
                    )
                starts[tp] = max(committed, begin)
        await self._batch_thread.start_at(starts)
        self._progress = {tp: Progress(tp, start) for tp, start in starts.items()}
        for tp in starts:
            self._read_offset[TP(*tp)] = None
            self._committed_offset[TP(*tp)] = extents[tp].committed
            self._holds.get(tp, set()).discard(Hold.BACKLOG)

    async def wait_empty(self) -> None:
        """Before partitions are given up: finish the calls under way, then commit what they did.

        After a crash nothing is committed: the consumer's thread is going down, and waiting for it would leave the
        units open.
        """
        await self._units.stop()
        if self.should_stop:
            await self._close_units()
        else:
            # Faust's `commit` only waits for one that is under way, which began before the last calls were done
            while await self.maybe_wait_for_commit_to_finish():
                pass
            await self.commit_and_end_transactions()

    async def verify_all_partitions_active(self) -> None:
        """Nothing: `DeliveryApp.status` shows lag and states; Faust's check takes a pause for a fault."""

    # rebalances

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish, commit, close the units; then the group may give the partitions to others."""
        await super().on_partitions_revoked(revoked)
        self._assigned = frozenset()
        self._progress = {}
        await self._close_units()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Open the units of the new generation; each is fetched for once it is ready."""
        await self._close_units()
        self._assigned = frozenset(TopicPartition(*tp) for tp in assigned)
        self._progress = {}
        self._holds, self._ends_asked = {}, {}
        self.pause_partitions(assigned)
        if not self.app.should_stop:
            try:
                self.app.check_partition_counts(self._partition_counts())
                self._units.assign(self._assigned, generation_id, gate=self, on_error=self._unit_failed)
            except Exception as error:  # noqa: BLE001 - whatever it is, the process must not run without its units
                await self.app.crash(error)
                return
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        """Finish, commit, close the units before the consumer leaves the group."""
        await super().on_stop()
        await self._close_units()

    def _partition_counts(self) -> dict[str, int]:
        topics = {tp.topic for tp in self._assigned}
        return {topic: self._batch_thread.topic_partitions(topic) or 0 for topic in topics}

    async def _close_units(self) -> None:
        try:
            await self._units.close()
        except Exception as error:  # noqa: BLE001 - as above
            await self.app.crash(error)

    def _unit_failed(self, error: BaseException) -> None:
        if not isinstance(error, Refused):  # which is told at the end, and needs no traceback
            log.error("a unit failed, the process ends", exc_info=error)
        tasks.spawn(self.app.crash(error), "crash after a failed unit")


def _refuse_shorter(tp: TopicPartition, offset: int, end: int) -> None:
    if offset > end:
        raise SourceTopicChanged(
            f"{tp.topic}[{tp.partition}] ends at offset {end}, but was read up to {offset}: the topic was recreated or "
            "truncated. Restore it; or, to judge what it holds now from its beginning, stop all workers and run "
            "`claims-monitor worker rebuild` (with their --prefix and --group)"
        )
