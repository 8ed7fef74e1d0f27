"""Whether a worker that starts would take over each partition's state: also told while none runs."""

from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.doctor.findings import Report
from monitor.state import META, StateError, read_meta
from monitor.worker.agreement import Agreement, AgreementError
from monitor.worker.lost_state import StateLost, refuse_lost_state
from monitor.worker.sources import Sources, SourceTopicChanged

_REACH: Final = 10_000
"""Offsets read from a changelog's end at first: every batch writes the partition's record, so it is near."""


async def check_states(
    report: Report,
    connection: Connection,
    group: str,
    stages: Mapping[str, tuple[str, Sequence[str]]],
    partitions: int,
    sources: Sources,
    mine: Agreement | None,
) -> None:
    """Hold the record that each partition keeps of itself against topics, terms and this software.

    Args:
        report: takes what is found.
        connection: how brokers are reached.
        group: consumer group.
        stages: stage -> changelog and source topics, full names; all of them exist.
        partitions: how many all of them have at least.
        sources: the source topics as they are now.
        mine: terms and model to judge with; None: they cannot be read, which was told before.
    """
    consumer = AIOKafkaConsumer(**connection.aiokafka(), isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    try:
        for stage, (changelog, topics) in stages.items():
            for partition in range(partitions):
                where = f"{stage}-{partition}"
                record = await _last_value(consumer, TopicPartition(changelog, partition), META)
                tps = [TopicPartition(topic, partition) for topic in topics]
                ends = {tp.topic: end for tp, end in (await consumer.end_offsets(tps)).items()}  # after the state's
                try:
                    meta = read_meta(record)
                    unknown = sources.unknown(meta, tps)
                    if unknown:
                        await refuse_lost_state(connection, group, unknown, sources.rebuild)
                    sources.check(meta, partition, ends)
                except (SourceTopicChanged, StateError, StateLost) as error:
                    report.wrong("state", where, str(error), f"a worker would not start on it: `{sources.rebuild}`")
                    continue
                try:
                    if mine is not None:
                        mine.take_over(meta, where, adopt=False)
                except AgreementError as error:
                    advice = "a worker would not start on it: give the group's terms and model, or `--adopt` these"
                    report.wrong("terms", where, str(error), advice)
                    continue
                report.well("state", where, "fits its topics" if record is not None else "none yet")
    finally:
        await consumer.stop()


async def _last_value(consumer: AIOKafkaConsumer, tp: TopicPartition, key: bytes) -> bytes | None:
    """The last committed value of a key, looked for from the end."""
    begin, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
    consumer.assign([tp])
    reach = _REACH
    while True:
        first = max(begin, end - reach)
        consumer.seek(tp, first)
        found: bytes | None = None
        while await consumer.position(tp) < end:
            for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, []):
                if record.key == key:
                    found = record.value
        if found is not None or first == begin:
            return found
        reach *= 10
