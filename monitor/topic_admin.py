"""Creates topics and says how they stand at the broker."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from monitor import clock
from monitor.connection import Connection
from topics.catalogue import RecordTime, Topic

_KNOWN_WITHIN_S = 30.0
_COMPARED = ("cleanup.policy", "message.timestamp.type")


class TopicsError(Exception):
    """Topics that are not as they should be; the message names each."""


@dataclass(frozen=True)
class Standing:
    """A topic as the broker has it.

    Attributes:
        partitions: how many.
        configs: its settings.
    """

    partitions: int
    configs: dict[str, str]


async def describe(connection: Connection, names: Iterable[str]) -> dict[str, Standing]:
    """How topics stand at the broker; those that do not exist are left out."""
    admin = AIOKafkaAdminClient(**connection.aiokafka())
    await admin.start()
    try:
        return await _describe(admin, names)
    finally:
        await admin.close()


async def _describe(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Standing]:
    existing = sorted(set(await admin.list_topics()) & set(names))
    if not existing:
        return {}
    partitions = {
        description["topic"]: len(description["partitions"]) for description in await admin.describe_topics(existing)
    }
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in existing]
    configs: dict[str, dict[str, str]] = {}
    responses: list[Any] = await admin.describe_configs(resources)
    for response in responses:
        for resource in response.resources:
            configs[resource[3]] = {entry[0]: entry[1] for entry in resource[4]}
    return {name: Standing(partitions[name], configs.get(name, {})) for name in existing}


async def create(
    connection: Connection,
    topics: Sequence[Topic],
    *,
    prefix: str = "",
    record_time: RecordTime = "append",
    partitions: int,
    replication_factor: int = 1,
) -> list[str]:
    """Create the topics that do not exist yet.

    Returns:
        Full names of those that were created.

    Raises:
        TopicsError: one exists with other partitions, cleanup or record time (nothing was created then), or the
            broker refuses to create one.
    """
    admin = AIOKafkaAdminClient(**connection.aiokafka())
    await admin.start()
    try:
        standing = await _describe(admin, [prefix + topic.name for topic in topics])
        wrong = []
        missing = []
        for topic in topics:
            wanted = topic.partitions or partitions
            configs = topic.configs(record_time)
            name = prefix + topic.name
            held = standing.get(name)
            if held is None:
                missing.append(
                    NewTopic(
                        name=name,
                        num_partitions=wanted,
                        replication_factor=replication_factor,
                        topic_configs=configs,
                    )
                )
                continue
            if held.partitions != wanted:
                wrong.append(f"{name} has {held.partitions} partitions, not {wanted}")
            wrong += [
                f"{name} has {setting} {held.configs.get(setting)}, not {configs[setting]}"
                for setting in _COMPARED
                if held.configs.get(setting) != configs[setting]
            ]
        if wrong:
            raise TopicsError(
                "some topics exist and differ; delete them, or use another --prefix:"
                + "".join(f"\n  {w}" for w in wrong)
            )
        await _create(admin, missing)
        await _until_known(admin, {topic.name for topic in missing})
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def _until_known(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """Wait until brokers know of new topics: the controller answers a moment before they do."""
    until = clock.monotonic() + _KNOWN_WITHIN_S
    while not names <= set(await admin.list_topics()):
        if clock.monotonic() > until:
            raise TopicsError(f"the brokers do not know of the new topics after {_KNOWN_WITHIN_S:.0f} s")
        await asyncio.sleep(0.1)


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    if not topics:
        return
    response: Any = await admin.create_topics(topics)
    failures: dict[str, list[str]] = {}
    for error in response.topic_errors:
        kind = for_code(error[1])
        if error[1] and kind is not TopicAlreadyExistsError:
            reason = error[2] if len(error) > 2 and error[2] else kind.__name__
            failures.setdefault(reason, []).append(error[0])
    if failures:
        raise TopicsError(
            "topics cannot be created:"
            + "".join(f"\n  {reason} ({', '.join(names)})" for reason, names in failures.items())
        )
