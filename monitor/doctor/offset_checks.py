"""Offsets, lag and clocks of each source partition, from the brokers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor import clock
from monitor.connection import Connection
from monitor.doctor.findings import Report
from topics.times import BadTime, parse_time, to_record_time

LARGE_LAG: Final = 50_000
MOST_SKEW_S: Final = 5.0
MOST_TICK_AGE_S: Final = 60.0
_LAST: Final = 50
"""So many last records of a partition are looked at for a tick."""


@dataclass(frozen=True)
class Extent:
    """A source partition: its first offset, its end, and what the group has acknowledged (None: nothing)."""

    begin: int
    end: int
    committed: int | None


def check_offsets(report: Report, extents: Mapping[TopicPartition, Extent], *, running: bool, rebuild: str) -> None:
    """Hold what the group acknowledged against what the topics hold.

    Args:
        report: takes what is found.
        extents: of every source partition.
        running: whether any worker is in the group.
        rebuild: the command that drops the group's state.
    """
    for tp, extent in sorted(extents.items()):
        where = f"{tp.topic}[{tp.partition}]"
        done = extent.begin if extent.committed is None else extent.committed
        if done > extent.end:
            report.wrong(
                "offsets",
                where,
                f"acknowledged up to {done}, but it ends at {extent.end}: it was recreated or truncated",
                f"stop all workers, then `{rebuild}`",
            )
            continue
        if done < extent.begin:
            report.wrong(
                "offsets",
                where,
                f"records {done} to {extent.begin - 1} were deleted before they were judged",
                "lengthen the topic's retention, and start enough workers",
            )
        else:
            report.well("offsets", where, f"{extent.begin} to {extent.end}, acknowledged {extent.committed}")
        lag = extent.end - max(done, extent.begin)
        if lag > LARGE_LAG or (lag and not running):
            advice = (
                "start more workers, up to one a partition" if running else "start workers: `claims-monitor worker`"
            )
            report.wrong("lag", where, f"{lag} records wait", advice)
        else:
            report.well("lag", where, f"{lag} records wait")


async def read_extents(
    consumer: AIOKafkaConsumer, tps: Sequence[TopicPartition], committed: Mapping[TopicPartition, int]
) -> dict[TopicPartition, Extent]:
    """Ask the brokers."""
    begins = await consumer.beginning_offsets(tps)
    ends = await consumer.end_offsets(tps)
    return {tp: Extent(begins[tp], ends[tp], committed.get(tp)) for tp in tps}


async def check_clocks(
    report: Report, connection: Connection, live: Sequence[TopicPartition], extents: Mapping[TopicPartition, Extent]
) -> None:
    """Hold the workers' clocks against the brokers', and this machine's: the last tick of each partition has both.

    Args:
        report: takes what is found.
        connection: how brokers are reached.
        live: partitions whose records the broker stamps.
        extents: of the source partitions.
    """
    if not live:
        return  # and a consumer that is stopped right after its start may be cancelled by aiokafka
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        for tp in sorted(live):
            where = f"{tp.topic}[{tp.partition}]"
            extent = extents[tp]
            tick = await _last_tick(consumer, tp, extent)
            if tick is None:
                report.wrong(
                    "ticks",
                    where,
                    f"no tick among its last {_LAST} records: absences are not judged",
                    "start a worker: each writes ticks into live topics",
                )
                continue
            stamped_ms, ticked_ms = tick
            skew = (ticked_ms - stamped_ms) / 1000
            age = (clock.now_ms() - stamped_ms) / 1000
            if age > MOST_TICK_AGE_S:
                report.wrong("ticks", where, f"the last tick is {age:.0f} s old", "start a worker, or look at its log")
            elif age < -MOST_SKEW_S:
                report.wrong(
                    "clocks", where, f"the broker's clock is {-age:.0f} s ahead of this machine's", "run NTP on both"
                )
            elif abs(skew) > MOST_SKEW_S:
                report.wrong(
                    "clocks", where, f"worker and broker differ by {skew:+.0f} s", "run NTP on workers and brokers"
                )
            else:
                report.well("clocks", where, f"last tick {age:.0f} s ago, worker and broker {skew:+.1f} s apart")
    finally:
        await consumer.stop()


async def _last_tick(consumer: AIOKafkaConsumer, tp: TopicPartition, extent: Extent) -> tuple[int, int] | None:
    """Record time and tick time (UTC milliseconds) of the last tick among the last records."""
    consumer.assign([tp])
    consumer.seek(tp, max(extent.begin, extent.end - _LAST))
    found = None
    until = clock.monotonic() + 10
    while await consumer.position(tp) < extent.end and clock.monotonic() < until:
        for record in (await consumer.getmany(tp, timeout_ms=300)).get(tp, []):
            time = _tick_time(record.value)
            if time is not None:
                found = record.timestamp, time
    return found


def _tick_time(value: bytes | None) -> int | None:
    try:
        wire: Any = msgspec.json.decode(value or b"")
        return to_record_time(parse_time(wire["tick_time"])) if wire["type"] == "tick" else None
    except (msgspec.MsgspecError, KeyError, TypeError, BadTime):
        return None
