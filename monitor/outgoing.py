"""What one batch sends: alerts, frames for stage two, changelog and dead letters, as records of one transaction."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from aiokafka.partitioner import murmur2

from detectors.units import PPM
from monitor.delivery.fence import Outgoing
from monitor.delivery.stages import Record as SourceRecord
from monitor.records import AlertChange, Effects, Entry, Frame, Rejected, frame_encoder
from topics.alerts import headers
from topics.catalogue import dead_letters
from topics.times import HOUR, UTC_OFFSET, format_time, from_record_time

FRAME_ENTRIES = 2_000
"""Most contributions of one record: far below the broker's record size."""

DEAD_LETTER_HEADERS = ("reason", "detail", "source_topic", "source_partition", "source_offset")
"""What a dead letter carries besides the headers of its record."""


@dataclass(frozen=True)
class Targets:
    """Where a unit's output goes, by full topic names, and how many partitions each has.

    Attributes:
        alerts: latest state of each alert.
        log: every change, by institution.
        contributions: frames for stage two.
        changelog: of the unit's own stage.
        partitions: topic -> number of partitions.
        source: `ce_source` of the alerts.
        prefix: of topic names, for dead letters.
    """

    alerts: str
    log: str
    contributions: str
    changelog: str
    partitions: Mapping[str, int]
    source: str
    prefix: str = ""


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner gives a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def outgoing(
    effects: Effects,
    targets: Targets,
    partition: int,
    sources: Mapping[tuple[str, int], SourceRecord],
) -> Iterator[Outgoing]:
    """The records of one batch's transaction.

    Args:
        effects: what the engine wants.
        targets: where it goes.
        partition: of the unit.
        sources: (topic, offset) -> source record, for dead letters.
    """
    for change in effects.alerts:
        yield from _alert(change, targets)
    yield from _frames(effects, targets, partition)
    for rejected in effects.rejected:
        yield _dead_letter(rejected, sources, targets)
    for key, value in effects.writes.items():
        yield Outgoing(targets.changelog, partition, key, value, (), None)


def _alert(change: AlertChange, targets: Targets) -> Iterator[Outgoing]:
    local = from_record_time(change.time_ms)
    marks = headers(
        action=change.action,
        alert=change.alert,
        value=change.value,
        source=targets.source,
        time=f"{format_time(local).replace(' ', 'T')}.{change.time_ms % 1000:03d}+{UTC_OFFSET // HOUR:02d}:00",
        revision=change.revision,
        cause=change.cause,
        record=change.record,
        priority=None if change.priority is None else f"{change.priority // PPM}.{change.priority % PPM:06d}",
    )
    key = change.alert.jr_id.encode()
    where = partition_of(key, targets.partitions[targets.alerts])
    yield Outgoing(targets.alerts, where, key, change.value, tuple(marks), None)
    key = change.institution.encode()
    where = partition_of(key, targets.partitions[targets.log])
    yield Outgoing(targets.log, where, key, change.value, tuple(marks), None)


def _frames(effects: Effects, targets: Targets, partition: int) -> Iterator[Outgoing]:
    """Contributions by target partition; where the clock moved, every partition of stage two is told."""
    by_target: dict[int, list[Entry]] = defaultdict(list)
    count = targets.partitions[targets.contributions]
    for entry in effects.entries:
        by_target[partition_of(entry.key.encode(), count)].append(entry)
    for target in sorted(by_target) if effects.clock is None else range(count):
        mine = by_target.get(target, [])
        for first in range(0, max(len(mine), 1), FRAME_ENTRIES):
            frame = Frame(partition, effects.clock or 0, mine[first : first + FRAME_ENTRIES])
            yield Outgoing(targets.contributions, target, None, frame_encoder.encode(frame), (), None)


def _dead_letter(rejected: Rejected, sources: Mapping[tuple[str, int], SourceRecord], targets: Targets) -> Outgoing:
    record = rejected.record
    topic = targets.prefix + dead_letters(record.topic)
    source = sources[record.topic, record.offset]
    why = (rejected.why.reason, rejected.why.detail, source.topic, str(record.partition), str(record.offset))
    marks = [*source.headers, *zip(DEAD_LETTER_HEADERS, (text.encode() for text in why), strict=True)]
    where = record.partition % targets.partitions[topic]
    return Outgoing(topic, where, source.key, source.value, tuple(marks), source.timestamp)
