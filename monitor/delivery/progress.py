"""How far one topic partition has come: which ranges of offsets were delivered, which are done.

Kafka's offsets have holes (transaction markers, aborted records, compaction), so "the next offset" cannot be told
from the records alone. Every batch therefore owns a range [start, stop) of offsets, taken from the fetch position
before and after it, and the ranges of one assignment follow each other without a hole. What is not delivered in such
a range is never committed.
"""

from collections import deque
from collections.abc import Sequence

from aiokafka.structs import TopicPartition

from monitor.delivery.stages import Record


class Hole(Exception):
    """Offsets between what was delivered and what comes next were not seen; they have to be fetched again."""


class Batch:
    """Records of one topic partition that travel together, and the range of offsets they stand for.

    Attributes:
        progress: where the batch is accounted for.
        records: in offset order.
        start: first offset of the range.
        stop: first offset after the range.
        handled: the records were worked on; only then an acknowledgement counts.
    """

    __slots__ = ("handled", "progress", "records", "start", "stop")

    def __init__(self, progress: "Progress", records: Sequence[Record], start: int, stop: int) -> None:
        self.progress = progress
        self.records = records
        self.start = start
        self.stop = stop
        self.handled = False


class Progress:
    """Ranges of one topic partition within one assignment.

    An object of a former assignment is simply no longer asked, so acknowledgements that come late change nothing.

    Attributes:
        tp: the topic partition.
        next: first offset not yet delivered.
        in_flight: records delivered and not yet done.
    """

    __slots__ = ("_open", "_safe", "in_flight", "next", "tp")

    def __init__(self, tp: TopicPartition, start: int) -> None:
        self.tp = tp
        self.next = start
        self.in_flight = 0
        self._open: deque[Batch] = deque()
        self._safe: int | None = None

    @property
    def committable(self) -> int | None:
        """Offset up to which everything is done, None as long as nothing is."""
        return self._safe

    def take(self, records: Sequence[Record], start: int, stop: int, max_records: int) -> list[Batch]:
        """Account for what one fetch brought.

        Args:
            records: in offset order; those delivered before are left out.
            start: position of the fetch before them.
            stop: position of the fetch after them (beyond the last record where markers follow).
            max_records: most records of one batch.

        Returns:
            The batches to deliver; empty if there was nothing but markers, or nothing new.

        Raises:
            Hole: the fetch began beyond `next`.
        """
        if start > self.next:
            raise Hole(f"{self.tp.topic}[{self.tp.partition}]: expected offset {self.next}, fetched from {start}")
        if records and records[0].offset < self.next:
            records = [record for record in records if record.offset >= self.next]
        stop = max(stop, self.next)
        batches = []
        for first in range(0, len(records), max_records):
            chunk = records[first : first + max_records]
            last = first + max_records >= len(records)
            batches.append(self._deliver(chunk, stop if last else chunk[-1].offset + 1))
        if not batches:
            self.skip_to(stop)
        return batches

    def skip_to(self, offset: int) -> None:
        """Pass over offsets that hold no records (any more)."""
        if offset > self.next:
            self._deliver((), offset).handled = True
            self._settle()

    def finish(self, batch: Batch) -> None:
        """Note that the records of a batch were worked on."""
        batch.handled = True
        self.in_flight -= len(batch.records)
        self._settle()

    def _deliver(self, records: Sequence[Record], stop: int) -> Batch:
        batch = Batch(self, records, self.next, stop)
        self._open.append(batch)
        self.next = stop
        self.in_flight += len(records)
        return batch

    def _settle(self) -> None:
        while self._open and self._open[0].handled:
            self._safe = self._open.popleft().stop
