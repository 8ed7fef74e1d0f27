"""A broker in memory, as far as the pipeline can tell it from Kafka.

Partitions are logs in which transaction markers take offsets too; readers of committed records stop at the first open
transaction and skip aborted records. A transaction's commit is decided before its markers are written, one partition
at a time. A producer's id has an epoch: starting one anew aborts what the former left open and refuses it from then on,
at the coordinator and, once a marker has told it, at the partitions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from aiokafka.structs import ConsumerRecord, TopicPartition

from monitor.delivery.fence import Outgoing
from monitor.delivery.stages import Record


class FencedEpoch(Exception):
    """A later producer with the same id has started."""


class Busy(Exception):
    """The markers of the last transaction are not written yet; the client asks again."""


class _Entry(NamedTuple):
    producer: str | None
    record: Record | None
    """None: a transaction marker."""


@dataclass
class Log:
    """One topic partition."""

    tp: TopicPartition
    entries: list[_Entry] = field(default_factory=list)
    first_open: dict[str, int] = field(default_factory=dict)
    aborted: set[int] = field(default_factory=set)
    epochs: dict[str, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The offset after the last entry."""
        return len(self.entries)

    @property
    def stable_end(self) -> int:
        """The last stable offset: readers of committed records stop before it."""
        return min(self.first_open.values(), default=self.end)

    def append(self, out: Outgoing, producer: str | None = None) -> int:
        """Add a record; gives its offset."""
        offset = self.end
        record: Record = ConsumerRecord(
            topic=self.tp.topic,
            partition=self.tp.partition,
            offset=offset,
            timestamp=0 if out.timestamp_ms is None else out.timestamp_ms,
            timestamp_type=0,
            key=out.key,
            value=out.value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=out.headers,
        )
        if producer is not None:
            self.first_open.setdefault(producer, offset)
        self.entries.append(_Entry(producer, record))
        return offset

    def mark(self, producer: str, epoch: int, *, commit: bool) -> None:
        """Write a transaction marker."""
        self.epochs[producer] = epoch
        first = self.first_open.pop(producer, None)
        if first is not None and not commit:
            self.aborted.update(
                offset for offset in range(first, self.end) if self.entries[offset].producer == producer
            )
        self.entries.append(_Entry(producer, None))

    def read(self, position: int, most: int, *, committed: bool = True) -> tuple[list[Record], int]:
        """Records from a position on, at most so many, and the position after them (beyond markers)."""
        records: list[Record] = []
        end = self.stable_end if committed else self.end
        while position < end and len(records) < most:
            record = self.entries[position].record
            if record is not None and not (committed and position in self.aborted):
                records.append(record)
            position += 1
        while position < end and self.entries[position].record is None:
            position += 1
        return records, position

    def committed(self) -> list[Record]:
        """All committed records."""
        return self.read(0, self.end + 1)[0]


@dataclass
class _Producer:
    epoch: int = -1
    open: set[TopicPartition] = field(default_factory=set)
    marking: list[tuple[TopicPartition, int, bool]] = field(default_factory=list)


class Broker:
    """Logs and transactions.

    Args:
        counts: topic -> number of partitions.
    """

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        self.logs = {
            TopicPartition(topic, number): Log(TopicPartition(topic, number))
            for topic, count in counts.items()
            for number in range(count)
        }
        self._producers: dict[str, _Producer] = {}

    def log(self, topic: str, partition: int) -> Log:
        """One topic partition."""
        return self.logs[TopicPartition(topic, partition)]

    # ------------------------------------------------------------------ transactions

    def init(self, name: str) -> int:
        """Start a producer: finish or abort what a former one left; gives the epoch."""
        producer = self._producers.setdefault(name, _Producer())
        while producer.marking:
            self._mark(name, producer, 0)
        producer.epoch += 1
        self._abort(name, producer)
        return producer.epoch

    def send(self, name: str, epoch: int, tp: TopicPartition, records: Sequence[Outgoing]) -> int:
        """Write records into the open transaction; gives the last offset.

        Raises:
            FencedEpoch: a later producer has started.
            Busy: the last transaction is still being finished.
        """
        producer = self._producers[name]
        if tp not in producer.open:
            self._check(producer, epoch)
            if producer.marking:
                raise Busy
            producer.open.add(tp)
        log = self.logs[tp]
        if log.epochs.get(name, -1) > epoch:
            raise FencedEpoch(name)
        log.epochs[name] = epoch
        return [log.append(record, name) for record in records][-1]

    def end(self, name: str, epoch: int, *, commit: bool) -> None:
        """Decide the open transaction; its markers follow.

        Raises:
            FencedEpoch: a later producer has started.
        """
        producer = self._producers[name]
        self._check(producer, epoch)
        producer.marking += [(tp, epoch, commit) for tp in sorted(producer.open)]
        producer.open.clear()

    def expire(self, name: str) -> None:
        """Abort a transaction that was open too long, and refuse its producer."""
        producer = self._producers[name]
        if producer.open:
            producer.epoch += 1
            self._abort(name, producer)

    @property
    def open_transactions(self) -> list[str]:
        """Producers with an open transaction."""
        return [name for name, producer in self._producers.items() if producer.open]

    @property
    def to_mark(self) -> list[str]:
        """Producers whose markers are not all written."""
        return [name for name, producer in self._producers.items() if producer.marking]

    def mark_one(self, name: str, chance: Random) -> None:
        """Write one marker."""
        producer = self._producers[name]
        self._mark(name, producer, chance.randrange(len(producer.marking)))

    def _check(self, producer: _Producer, epoch: int) -> None:
        if epoch != producer.epoch:
            raise FencedEpoch

    def _abort(self, name: str, producer: _Producer) -> None:
        for tp in sorted(producer.open):
            self.logs[tp].mark(name, producer.epoch, commit=False)
        producer.open.clear()

    def _mark(self, name: str, producer: _Producer, which: int) -> None:
        tp, epoch, commit = producer.marking.pop(which)
        self.logs[tp].mark(name, epoch, commit=commit)


class CommitRefused(Exception):
    """The offsets come from a former generation, or from nobody who is in the group."""


class Group:
    """A consumer group's coordinator: members, generations, offsets; partitions are assigned by range.

    Args:
        partitions: numbers of the partitions; every topic has them all.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.generation = 0
        self.members: dict[str, bool] = {}
        """Member -> whether it has (re)joined for the next generation."""
        self.assigned: dict[str, tuple[int, range]] = {}
        """Member -> generation and partitions of the answer to its joining."""
        self.rebalancing = False
        self.offsets: dict[TopicPartition, int] = {}

    def join(self, member: str) -> None:
        """Ask for a share."""
        self.members[member] = True
        self.assigned.pop(member, None)
        self.rebalancing = True

    def leave(self, member: str) -> None:
        """Take a member out: it left, or was not heard of for too long."""
        self.assigned.pop(member, None)
        if self.members.pop(member, None) is not None:
            self.rebalancing = True

    def must_rejoin(self, member: str) -> bool:
        """What a heartbeat would be told."""
        return member not in self.members or (self.rebalancing and not self.members[member])

    @property
    def missing(self) -> list[str]:
        """Members that a rebalance waits for."""
        return [member for member, joined in self.members.items() if not joined] if self.rebalancing else []

    @property
    def can_assign(self) -> bool:
        """Whether all have joined."""
        return self.rebalancing and bool(self.members) and all(self.members.values())

    def assign(self) -> None:
        """Begin the next generation."""
        self.generation += 1
        self.rebalancing = False
        names = sorted(self.members)
        share, extra = divmod(self._partitions, len(names))
        first = 0
        for number, name in enumerate(names):
            count = share + (number < extra)
            self.assigned[name] = self.generation, range(first, first + count)
            self.members[name] = False
            first += count

    def commit(self, member: str, generation: int, offsets: dict[TopicPartition, int]) -> None:
        """Keep offsets.

        Raises:
            CommitRefused: of a former generation.
        """
        if member not in self.members or generation != self.generation:
            raise CommitRefused
        self.offsets.update(offsets)
