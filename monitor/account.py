"""The running account of a partition: what was read of it, and what became of every fact. Nothing is lost silently.

It is part of the partition's meta record, so one transaction carries it with the state that it counts: a restart, a
rebuild from the changelog or a redelivered batch cannot make it wrong. Redelivered records are not in it.
"""

from collections.abc import Iterator

import msgspec

from detectors.standing import Counts


class RecordCounts(msgspec.Struct, array_like=True, gc=False):
    """The records of one source topic, each counted once however often it was delivered.

    Attributes:
        read: all of them.
        admitted: with facts, or with contributions of stage one.
        quarantined: sent to the dead-letter topic.
        ticks: that carry time alone.
    """

    read: int = 0
    admitted: int = 0
    quarantined: int = 0
    ticks: int = 0


class Account(msgspec.Struct, array_like=True):
    """Of one partition of a stage.

    Attributes:
        records: source topic, without prefix -> its records.
        facts: of all of them. A record may carry several facts (a settlement and its lines).
    """

    records: dict[str, RecordCounts] = {}
    facts: Counts = msgspec.field(default_factory=Counts)

    def of(self, topic: str) -> RecordCounts:
        """The records of a topic."""
        counts = self.records.get(topic)
        if counts is None:
            counts = self.records[topic] = RecordCounts()
        return counts

    def differences(self) -> Iterator[str]:
        """What does not add up, in words; nothing when all is well."""
        for topic, of in sorted(self.records.items()):
            if of.read != of.admitted + of.quarantined + of.ticks:
                yield (
                    f"{topic}: {of.read} records read, but {of.admitted} admitted + {of.quarantined} quarantined + "
                    f"{of.ticks} ticks = {of.admitted + of.quarantined + of.ticks}"
                )
        f = self.facts
        if f.read != f.admitted + f.duplicates + f.superseded:
            yield (
                f"{f.read} facts read, but {f.admitted} distinct + {f.duplicates} duplicates + {f.superseded} "
                f"superseded = {f.admitted + f.duplicates + f.superseded}"
            )
        if f.admitted != f.live + f.reversed + f.voided + f.forgotten:
            yield (
                f"{f.admitted} distinct facts admitted, but {f.live} live + {f.reversed} reversed + {f.voided} voided "
                f"+ {f.forgotten} forgotten = {f.live + f.reversed + f.voided + f.forgotten}"
            )
