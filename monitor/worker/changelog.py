"""Reads a changelog as the batches that the broker stores: an object a record would take most of a recovery's time.

A consumer that hands out a record at a time spends three quarters of its time on their offsets, timestamps, headers and
sizes. Here a fetch is decoded straight into the last value of each key. Which batches count is decided as aiokafka's
consumer decides it for readers of committed records: those of transactions that the broker lists as aborted, and
transaction markers, are passed over.
"""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CorruptRecordException, KafkaError, NoError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from monitor.connection import Connection

log = logging.getLogger(__name__)

FETCH_BYTES: Final = 8 << 20
_WAIT_MS: Final = 100
_READ_COMMITTED: Final = 1
_RETRY_S: Final = 0.2


class Batch(NamedTuple):
    """A stored batch of records, not decompressed yet: its first offset, and itself."""

    base: int
    stored: Any


class Fetched(NamedTuple):
    """What one fetch brought: the committed batches, and the offset after all that it brought."""

    begin: int
    batches: list[Batch]
    position: int


class ChangelogReader:
    """Reads one topic partition; use it as a context manager.

    Args:
        connection: how brokers are reached.
        tp: the topic partition.
        fetch_bytes: most bytes of one fetch; a larger batch is brought whole.
    """

    def __init__(self, connection: Connection, tp: TopicPartition, fetch_bytes: int = FETCH_BYTES) -> None:
        self._connection = connection
        self._tp = tp
        self._fetch_bytes = fetch_bytes
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        # it brings metadata, connections and offsets; it is assigned nothing, so it fetches nothing by itself
        consumer = AIOKafkaConsumer(
            **self._connection.aiokafka(), isolation_level="read_committed", enable_auto_commit=False
        )
        await consumer.start()
        self._consumer = consumer
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def end(self) -> int:
        """Offset after the last record of a transaction that is decided."""
        ends = await self._consumer.end_offsets([self._tp])
        return int(ends[self._tp])

    async def fetch(self, position: int) -> Fetched:
        """The batches from an offset on; without any where the broker has none yet.

        Brokers that cannot be reached are asked again until they can.

        Raises:
            KafkaError: the broker refuses, and would do so again.
        """
        client = self._consumer._client  # noqa: SLF001 - `monitor.delivery.internals` watches it
        topic, partition = self._tp
        while True:
            request = FetchRequest(
                _WAIT_MS, 1, self._fetch_bytes, _READ_COMMITTED, [(topic, [(partition, position, self._fetch_bytes)])]
            )
            try:
                await client.add_topic(topic)  # its leader becomes known
                leader = client.cluster.leader_for_partition(self._tp)
                if leader is not None and leader != -1:
                    response = await client.send(leader, request)
                    (_, ((_, code, _, *rest),)), *_ = response.topics
                    error = for_code(code)
                    if error is NoError:
                        # last stable offset, ..., aborted transactions, records (and a replica between them)
                        aborted = rest[2] if response.API_VERSION >= 11 else rest[-2]
                        return _fetched(position, aborted or [], rest[-1])
                    if error is OffsetOutOfRangeError:
                        position = await self._begin_after(position)
                        continue
                    if not error.retriable:
                        raise error(f"{topic} partition {partition}")
            except KafkaError as error:
                if not error.retriable:
                    raise
                log.debug("fetching %s[%d] again: %r", topic, partition, error)
            await asyncio.sleep(_RETRY_S)
            await client.force_metadata_update()

    async def _begin_after(self, position: int) -> int:
        """Where the partition begins, when what lies before it was deleted.

        Raises:
            OffsetOutOfRangeError: it begins before the position, so that lies beyond its end.
        """
        begin = int((await self._consumer.beginning_offsets([self._tp]))[self._tp])
        if begin <= position:
            raise OffsetOutOfRangeError({self._tp: position})
        return begin


def _fetched(begin: int, aborted: list[tuple[int, int]], stored: bytes) -> Fetched:
    """The committed batches of a fetch.

    Args:
        begin: offset that was asked for.
        aborted: (producer id, first offset) of the transactions that were aborted.
        stored: the batches one after the other; the last one may be cut off.

    Raises:
        CorruptRecordException: a batch is not what was written.
    """
    records = MemoryRecords(stored)
    waiting = sorted(aborted, key=lambda transaction: transaction[1], reverse=True)
    aborting: set[int] = set()
    position = begin
    batches = []
    while records.has_next():
        batch: Any = records.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException(f"the batch at offset {batch.base_offset} is not what was written")
        base: int = batch.base_offset
        while waiting and waiting[-1][1] <= base:
            aborting.add(waiting.pop()[0])
        position = max(position, batch.next_offset)
        if batch.is_control_batch:
            if ControlRecord.parse(next(batch).key) == ABORT_MARKER:
                aborting.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in aborting):
            batches.append(Batch(base, batch))
    return Fetched(begin, batches, position)


def take(fetched: Fetched, last: dict[bytes, bytes | None]) -> tuple[int, int]:
    """Decompress what was fetched, and note the last value of each key.

    Args:
        fetched: from `ChangelogReader.fetch`.
        last: by key, changed in place; None: the key is deleted.

    Returns:
        How many records there were, and how many bytes of values.
    """
    count = size = 0
    for base, stored in fetched.batches:
        records: Iterator[Any] = iter(stored)
        if base < fetched.begin:  # a batch is brought whole, also when its beginning is not asked for
            records = (record for record in records if record.offset >= fetched.begin)
        for record in records:
            value = record.value
            last[record.key] = value
            count += 1
            if value is not None:
                size += len(value)
    return count, size
