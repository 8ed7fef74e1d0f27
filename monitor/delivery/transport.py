"""The consumer's own thread: the aiokafka consumer, fetches whose range is known, and where reading starts."""

# ruff: noqa: SLF001 - the fetcher is where positions and records are taken together; internals.py watches it
import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import aiokafka
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver

from monitor.connection import Connection
from monitor.delivery.stages import DeliverySettings, Record


class Fetched(NamedTuple):
    """What one fetch brought of one topic partition: everything in [start, stop)."""

    start: int
    stop: int
    records: list[Record]


class Extent(NamedTuple):
    """Where a topic partition begins and ends for a reader of committed records, and what the group stored."""

    begin: int
    end: int
    committed: int | None


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with an aiokafka consumer of our settings.

    Everything that touches the aiokafka consumer runs on this thread; the public coroutines hand over to it.
    """

    delivery_settings: DeliverySettings
    connection: Connection
    logger = logging.getLogger("faust.delivery")  # as in `BatchConsumer`
    _seeks = 0

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:  # noqa: ANN401, ARG002
        # Faust's own takes neither isolation level, fetch wait nor assignor from settings
        settings = self.delivery_settings
        options: dict[str, Any] = dict(self.connection.aiokafka())
        options["client_id"] = settings.client_id
        return aiokafka.AIOKafkaConsumer(
            **options,
            group_id=self.app.conf.id,
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            # an offset out of range is never passed over silently: see `BatchConsumer`
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
            request_timeout_ms=int(settings.request_timeout_s * 1000),
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_interval_s * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1000),
        )

    async def fetch(
        self, partitions: Collection[TopicPartition], timeout_s: float, max_records: int
    ) -> dict[TopicPartition, Fetched]:
        """Take fetched records of these partitions, waiting for some.

        Records are only given for partitions whose position moved by this very fetch, so that their range is certain.
        Otherwise the range is empty at the position that was found: whoever keeps track sees a hole before it, if there
        is one (records that came while positions were set or partitions assigned), and asks for it again.

        Args:
            partitions: none keeps the membership of a consumer alive that has to wait.
            timeout_s: seconds to wait for the first record.
            max_records: most records of the result.

        Raises:
            OffsetOutOfRangeError: a position lies outside of its partition; its argument maps it to that position.
        """
        result = await self.call_thread(self._fetch, frozenset(partitions), timeout_s, max_records)
        return dict(result)

    async def _fetch(
        self, partitions: frozenset[TopicPartition], timeout_s: float, max_records: int
    ) -> dict[TopicPartition, Fetched]:
        consumer = self._ensure_consumer()
        fetcher: Any = consumer._fetcher
        if consumer._closed or fetcher is None or fetcher._closed:
            raise ConsumerStoppedError
        subscription = fetcher._subscriptions.subscription
        assignment = subscription.assignment if subscription is not None else None
        with fetcher._subscriptions.fetch_context():
            wanted = partitions & assignment.tps if assignment is not None else frozenset()
            if not wanted or not self.consumer.flow_active:
                return {}
            before = {tp: _position(assignment, tp) for tp in wanted}
            seeks = self._seeks
            try:
                drained = await fetcher.fetched_records(wanted, timeout=timeout_s, max_records=max_records)
            except NoOffsetForPartitionError:
                return {}  # said before `start_at` had set the position
        current = fetcher._subscriptions.subscription
        now = current.assignment if current is not None else None
        if now is None or not now.active:
            return {}
        # a fetch that waits goes on over an assignment, and takes what is read from its positions on
        certain = now is assignment and self._seeks == seeks
        result = {}
        for tp in wanted & now.tps:
            start, stop = before[tp], _position(now, tp)
            if stop is None:
                continue
            if certain and start is not None:
                result[tp] = Fetched(start, stop, drained.get(tp, []))
            else:
                result[tp] = Fetched(stop, stop, [])
        return result

    async def extents(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Extent]:
        """Ask the brokers for begin, end and stored offset of assigned partitions.

        Raises:
            aiokafka.errors.IllegalStateError: a partition is no longer assigned.
        """
        result = await self.call_thread(self._extents, list(partitions))
        return dict(result)

    async def _extents(self, partitions: list[TopicPartition]) -> dict[TopicPartition, Extent]:
        consumer = self._ensure_consumer()
        plain = [TopicPartition(*tp) for tp in partitions]
        begins, ends, *committed = await asyncio.gather(
            consumer.beginning_offsets(plain),
            consumer.end_offsets(plain),
            *(consumer.committed(tp) for tp in plain),
        )
        return {tp: Extent(begins[tp], ends[tp], stored) for tp, stored in zip(plain, committed, strict=True)}

    async def start_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Set the positions of assigned partitions.

        Raises:
            aiokafka.errors.IllegalStateError: a partition is no longer assigned.
        """
        await self.call_thread(self._start_at, dict(offsets))

    async def _start_at(self, offsets: dict[TopicPartition, int]) -> None:
        consumer = self._ensure_consumer()
        self._seeks += 1
        for tp, offset in offsets.items():
            consumer.seek(TopicPartition(*tp), offset)

    def end_seen(self, tp: TopicPartition) -> int | None:
        """End of the committed records as of the last fetch response, None before the first."""
        consumer = self._consumer
        if consumer is None or tp not in consumer.assignment():
            return None
        end: int | None = consumer.last_stable_offset(tp)
        return end


def _position(assignment: Any, tp: TopicPartition) -> int | None:  # noqa: ANN401 - aiokafka's Assignment, untyped
    state = assignment.state_value(tp)
    return state._position if state is not None and state.has_valid_position else None


def out_of_range(error: OffsetOutOfRangeError) -> dict[TopicPartition, int]:
    """The positions that an `OffsetOutOfRangeError` of aiokafka names."""
    return {TopicPartition(*tp): offset for tp, offset in error.args[0].items()}
