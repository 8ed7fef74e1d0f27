"""Drop what a group of workers has stored, so that it judges the facts again from their beginning.

Order, so that a command that is interrupted can be given again and no worker ever works on half of it: the group's
offsets (the broker refuses while a worker is in the group); former producers fenced; all internal topics deleted, then
created (a worker does not start while one is missing); offsets once more. Local state needs no word: it belongs to a
changelog that is gone, and its workers drop it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.structs import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError

from monitor import clock
from monitor.app import KEYS, PERSONS
from monitor.connection import Connection
from monitor.delivery.fence import FencedProducer
from monitor.delivery.source_topics import partition_counts
from monitor.outgoing import partition_of
from monitor.topic_admin import create
from topics.catalogue import CLAIMS, INSTITUTIONS, all_topics

_SAMPLE: Final = 500
"""So many first keys of each partition are looked at: do they belong there?"""
_GONE_WITHIN_S: Final = 60.0


class RebuildRefused(Exception):
    """Nothing was dropped, or not all; the message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """What a rebuild would drop.

    Attributes:
        group: consumer group whose offsets are deleted.
        partitions: of the source topics, and of the internal topics from then on.
        replicas: of the internal topics.
        topics: internal topics that exist -> their partitions.
    """

    group: str
    partitions: int
    replicas: int
    topics: Mapping[str, int]


async def plan(connection: Connection, prefix: str, group: str) -> Plan:
    """Look at what there is.

    Raises:
        RebuildRefused: workers run, the source topics are missing or do not belong together, or they hold facts that
            were written while they had fewer partitions.
    """
    counts = await partition_counts(connection, "claims-monitor-rebuild")
    sources = [prefix + CLAIMS, prefix + INSTITUTIONS]
    missing = [name for name in sources if name not in counts]
    if missing:
        raise RebuildRefused(f"{', '.join(missing)} does not exist; create it with `claims-monitor topics create`")
    if len({counts[name] for name in sources}) > 1:
        listed = ", ".join(f"{name} has {counts[name]} partitions" for name in sources)
        raise RebuildRefused(f"{listed}: create the one that differs anew, and play its facts into it")
    consumer_group = prefix + group
    await asyncio.to_thread(_refuse_members, connection, consumer_group)
    await _refuse_misplaced(connection, sources, counts[sources[0]])
    inner = [prefix + topic.name for topic in all_topics(group) if topic.kind == "internal"]
    held = {name: counts[name] for name in inner if name in counts}
    replicas = await asyncio.to_thread(_replicas, connection, [*held, sources[0]])
    return Plan(consumer_group, counts[sources[0]], replicas, held)


async def carry_out(connection: Connection, prefix: str, group: str, plan: Plan, say: Callable[[str], None]) -> None:
    """Drop it.

    Raises:
        RebuildRefused: a worker has started meanwhile.
    """
    await asyncio.to_thread(_delete_offsets, connection, plan.group)
    say(f"offsets of group {plan.group} deleted")
    units = max([plan.partitions, *plan.topics.values()])
    for stage in (PERSONS, KEYS):
        for partition in range(units):
            producer = FencedProducer(connection, f"{plan.group}-{stage}-{partition}")
            await producer.start()
            await producer.stop()
    await _delete_topics(connection, list(plan.topics))
    internal = [topic for topic in all_topics(group) if topic.kind == "internal"]
    made = await create(
        connection, internal, prefix=prefix, partitions=plan.partitions, replication_factor=plan.replicas
    )
    say(f"internal topics made anew: {', '.join(made)}")
    await asyncio.to_thread(_delete_offsets, connection, plan.group)


def _refuse_members(connection: Connection, group: str) -> None:
    admin = KafkaAdminClient(**connection.kafka_python())
    try:
        described: dict[str, Any] = admin.describe_groups([group])
    except CoordinatorNotAvailableError:  # nobody has joined any group yet
        return
    finally:
        admin.close()
    members = len(described.get(group, {}).get("members") or ())
    if members:
        raise RebuildRefused(_runs(group, members))


def _runs(group: str, members: int | str) -> str:
    return (
        f"{members} workers of group {group} run: stop all of them first (one that was killed leaves the group after "
        "10 seconds)"
    )


def _delete_offsets(connection: Connection, group: str) -> None:
    admin = KafkaAdminClient(**connection.kafka_python())
    try:
        answer = str(admin.delete_groups([group]).get(group, ""))
    except CoordinatorNotAvailableError:
        return
    finally:
        admin.close()
    if "NonEmptyGroup" in answer:
        raise RebuildRefused(_runs(group, "some"))
    if answer not in {"", "OK", "NoError", "None"} and "GroupIdNotFound" not in answer:
        raise RebuildRefused(f"the broker does not delete the offsets of group {group}: {answer}")


def _replicas(connection: Connection, names: list[str]) -> int:
    """Copies of the internal topics as they are, else of the source topics."""
    admin = KafkaAdminClient(**connection.kafka_python())
    try:
        described: list[dict[str, Any]] = admin.describe_topics(names)
    finally:
        admin.close()
    copies = {each["name"]: len(each["partitions"][0]["replica_nodes"]) for each in described if each["partitions"]}
    return copies.get(names[0], 1)


async def _delete_topics(connection: Connection, names: list[str]) -> None:
    if not names:
        return
    admin = AIOKafkaAdminClient(**connection.aiokafka())
    await admin.start()
    try:
        response: Any = await admin.delete_topics(names)
        for topic, code in response.topic_error_codes:
            if code:
                raise RebuildRefused(f"{topic} cannot be deleted: {for_code(code).__name__}; give the command again")
        until = clock.monotonic() + _GONE_WITHIN_S
        while set(names) & set(await admin.list_topics()):
            if clock.monotonic() > until:
                raise RebuildRefused(f"the topics are not gone after {_GONE_WITHIN_S:.0f} s; give the command again")
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def _refuse_misplaced(connection: Connection, topics: list[str], partitions: int) -> None:
    """Refuse topics that grew: the first facts of some keys lie where their later ones do not come."""
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        for tp in tps:
            seen = 0
            while seen < _SAMPLE and await consumer.position(tp) < ends[tp]:
                records = (await consumer.getmany(tp, timeout_ms=200, max_records=_SAMPLE)).get(tp, [])
                seen += len(records)
                if any(record.key and partition_of(record.key, partitions) != tp.partition for record in records):
                    raise RebuildRefused(
                        f"{tp.topic} partition {tp.partition} holds facts whose key belongs to another of its "
                        f"{partitions} partitions: the topic was given partitions after they were written, or its "
                        "producer does not use Kafka's default partitioner. Create topics under another --prefix and "
                        "play the facts into them"
                    )
    finally:
        await consumer.stop()
