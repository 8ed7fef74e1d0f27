"""A transactional producer that fences former owners of the same unit."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

import aiokafka
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata, TopicPartition

from monitor.connection import Connection
from monitor.delivery.packing import BATCH_BYTES, QuickBatch

log = logging.getLogger(__name__)

ABORT_TIMEOUT_S = 10.0

# A transaction that begins before the markers of the one before are written is refused and asked for again. aiokafka
# waits 20 ms before it asks; the markers take about 5. Batches under load follow one another at once, so all waited.
vars(sender)["BACKOFF_OVERRIDE"] = 0.003


class Fenced(Exception):
    """Another process has taken over; this one must stop working on the unit."""


class CommitFailed(Exception):
    """A transaction could not be committed; start again from the recovered state."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written.

    Attributes:
        topic: target topic.
        partition: target partition.
        key: None for records without one.
        value: None deletes the key in a compacted topic.
        headers: in order.
        timestamp_ms: milliseconds UTC since 1970, None for the time of sending.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None


class FencedProducer:
    """Writes groups of records all or none, as long as no later producer with the same id has started.

    After `Fenced` or `CommitFailed` it is of no use any more except for `stop`.
    """

    def __init__(
        self,
        connection: Connection,
        transactional_id: str,
        *,
        client_id: str = "claims-monitor",
        batch_bytes: int = BATCH_BYTES,
        transaction_timeout_s: float = 60.0,
        request_timeout_s: float = 40.0,
    ) -> None:
        self._id = transactional_id
        self._timeout_s = transaction_timeout_s
        self._batch = partial(QuickBatch, batch_bytes, transactional=True)
        options: dict[str, Any] = dict(connection.aiokafka())
        options["client_id"] = client_id
        self._options = options | {
            "transactional_id": transactional_id,
            "transaction_timeout_ms": int(transaction_timeout_s * 1000),
            "request_timeout_ms": int(request_timeout_s * 1000),
            "max_batch_size": batch_bytes,
            "linger_ms": 0,
        }
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._usable = False

    async def start(self) -> None:
        """Fence any former owner and abort the transaction it left open.

        Raises:
            KafkaError: the brokers could not be reached.
        """
        producer = aiokafka.AIOKafkaProducer(**self._options)
        self._producer = producer
        await producer.start()
        self._usable = True

    async def commit(self, records: Sequence[Outgoing]) -> dict[TopicPartition, int]:
        """Write records in one transaction; those of one topic partition keep their order.

        Args:
            records: none means no transaction at all.

        Returns:
            The last offset written per topic partition.

        Raises:
            Fenced: another producer with the same id has started; nothing was written.
            CommitFailed: aborted, or unknown; the next `start` of this id resolves it.
            RuntimeError: not started, stopped, or failed before.
        """
        if self._producer is None or not self._usable:
            raise RuntimeError(f"producer {self._id} is not usable: not started, stopped, or failed before")
        if not records:
            return {}
        producer = self._producer
        self._usable = False
        try:
            async with asyncio.timeout(self._timeout_s):
                await producer.begin_transaction()
                last = await written(producer, records, self._batch)
                await producer.commit_transaction()
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise Fenced(f"producer {self._id} was fenced by a later one") from error
        except (KafkaError, TimeoutError) as error:
            await self._abort(producer)
            raise CommitFailed(f"transaction of producer {self._id} failed: {error!r}") from error
        self._usable = True
        return last

    async def stop(self) -> None:
        """Close the connections. A fenced or failed producer is closed as well; what it left open is aborted."""
        self._usable = False
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            await producer.stop()
        except KafkaError as error:
            log.debug("closing producer %s: %r", self._id, error)

    async def _abort(self, producer: aiokafka.AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(ABORT_TIMEOUT_S):
                await producer.abort_transaction()
        except (KafkaError, TimeoutError, AssertionError) as error:  # aiokafka asserts that its sender still lives
            # the coordinator aborts it when the id starts again, or when the transaction times out
            log.warning("could not abort the transaction of producer %s: %r", self._id, error)


async def written(
    producer: aiokafka.AIOKafkaProducer, records: Sequence[Outgoing], make_batch: Callable[[], BatchBuilder]
) -> dict[TopicPartition, int]:
    """Write records as they are, in no transaction of its own; gives the last offset per topic partition.

    Prepared batches are four times as fast as sending record by record. The first of all partitions are handed over
    before the producer gets to run: so they travel in one request.
    """
    by_tp: defaultdict[TopicPartition, list[BatchBuilder]] = defaultdict(list)
    for record in records:
        batches = by_tp[TopicPartition(record.topic, record.partition)]
        if not batches or not _append(batches[-1], record):
            batches.append(make_batch())
            _append(batches[-1], record)  # the first record of a batch is always taken
    sent: list[tuple[TopicPartition, Awaitable[RecordMetadata]]] = []
    for row in zip_longest(*by_tp.values()):  # the next one of a partition waits until the one before is on its way
        for tp, batch in zip(by_tp, row, strict=True):
            if batch is not None:
                sent.append((tp, await producer.send_batch(batch, tp.topic, partition=tp.partition)))
    written = await asyncio.gather(*(part for _, part in sent))
    last = {tp: metadata.offset for (tp, _), metadata in zip(sent, written, strict=True)}
    return {tp: offset + by_tp[tp][-1].record_count() - 1 for tp, offset in last.items()}


def _append(batch: BatchBuilder, record: Outgoing) -> bool:
    added = batch.append(
        timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=list(record.headers)
    )
    return bool(added is not None)
