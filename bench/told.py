"""The alerts that engines told: read from their topics, put into one form, held against the reference."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from bench.checks import RULES, Alert, Counts, counted
from bench.loading import PARTITIONS

INSTITUTION: str = "institution"


def of_monitor(value: bytes, headers: Iterable[tuple[str, bytes]]) -> Alert:
    """A change of an alert of the monitor in the form of the checks."""
    fields = json.loads(value)
    marks = dict(headers)
    alert = {
        "rule": fields["rule_id"],
        "about": fields["about"]["id"],
        "discriminator": fields.get("discriminator", ""),
        "cause": marks.get("cause", b"").decode().removeprefix("settlement:"),
        "second": fields["about"]["kind"] == INSTITUTION,
    }
    if fields["status"] == "withdrawn":
        alert["withdrawn"] = True
    return alert


def of_peer(value: bytes) -> Alert:
    """An alert of another engine."""
    alert: Alert = json.loads(value)
    alert["second"] = alert["rule"] == "quota-progress"
    return alert


def a_reader(servers: str) -> AIOKafkaConsumer:
    """A consumer of alerts that sees committed ones alone."""
    return AIOKafkaConsumer(
        bootstrap_servers=servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
    )


async def ends(servers: str, topic: str) -> dict[TopicPartition, int]:
    """Where the partitions of a topic end now."""
    consumer = a_reader(servers)
    await consumer.start()
    try:
        found: dict[TopicPartition, int] = await consumer.end_offsets(_partitions(topic))
        return found
    finally:
        await consumer.stop()


def _partitions(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in range(PARTITIONS)]


async def _records(servers: str, topic: str, begin: Mapping[TopicPartition, int]) -> AsyncIterator[Any]:
    consumer = a_reader(servers)
    await consumer.start()
    try:
        partitions = _partitions(topic)
        consumer.assign(partitions)
        for tp in partitions:
            consumer.seek(tp, begin.get(tp, 0))
        end = await consumer.end_offsets(partitions)
        while any([await consumer.position(tp) < end[tp] for tp in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                for record in batch:
                    yield record
    finally:
        await consumer.stop()


async def told(servers: str, topic: str, begin: Mapping[TopicPartition, int], *, ours: bool) -> dict[str, Counts]:
    """The alerts of the three rules in a topic from some offsets on."""
    alerts = []
    async for record in _records(servers, topic, begin):
        alert = of_monitor(record.value, record.headers) if ours else of_peer(record.value)
        if alert["rule"] in RULES:
            alerts.append(alert)
    return counted(alerts)


class Difference(NamedTuple):
    """Of one rule: what the reference has, what is missing and what is too much, by identity.

    Attributes:
        rule: its id.
        sent: alerts and their revisions.
        expected: identities of alerts that stand at the end of the reference.
        missing: of those.
        extra: standing at the end without being expected.
        false: raised at some time, and at no time in the reference.
        unseen: raised at some time in the reference, and never by the engine.
    """

    rule: str
    sent: int
    expected: int
    missing: int
    extra: int
    false: int
    unseen: int

    @property
    def equal(self) -> bool:
        """Whether the same alerts stand at the end."""
        return not (self.missing or self.extra)


def compared(found: Mapping[str, Counts], reference: Mapping[str, Counts]) -> list[Difference]:
    """Hold what an engine told against the reference."""
    differences = []
    for rule in RULES:
        mine, right = found[rule], reference[rule]
        differences.append(
            Difference(
                rule,
                mine.sent,
                len(right.standing),
                len(right.standing - mine.standing),
                len(mine.standing - right.standing),
                len(mine.ever - right.ever),
                len(right.ever - mine.ever),
            )
        )
    return differences
