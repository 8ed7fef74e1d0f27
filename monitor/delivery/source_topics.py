"""Refuse to start on source topics that are missing or not co-partitioned."""

from collections.abc import Mapping, Sequence

from aiokafka.client import AIOKafkaClient

from monitor.connection import Connection
from monitor.delivery.stages import Stage
from monitor.refusal import Refused


class SourceTopicsError(Refused):
    """A source topic is missing, or the topics of a stage have different numbers of partitions."""


async def partition_counts(connection: Connection, client_id: str) -> dict[str, int]:
    """Ask the brokers for the number of partitions of every topic (asking for one by name could create it)."""
    options = dict(connection.aiokafka())
    options["client_id"] = client_id
    client = AIOKafkaClient(**options)
    await client.bootstrap()
    try:
        cluster = await client.fetch_all_metadata()
        return {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in cluster.topics()}
    finally:
        await client.close()


def check(stages: Sequence[Stage], counts: Mapping[str, int]) -> None:
    """Check the source topics of all stages.

    Args:
        stages: what is going to be read.
        counts: number of partitions of every topic that exists.

    Raises:
        SourceTopicsError: says which topics are missing or differ.
    """
    missing = sorted({topic for stage in stages for topic in stage.topics if not counts.get(topic)})
    if missing:
        raise SourceTopicsError(f"source topics do not exist: {', '.join(missing)}. Create them first (topics create)")
    for stage in stages:
        if len({counts[topic] for topic in stage.topics}) > 1:
            listed = ", ".join(f"{topic} has {counts[topic]}" for topic in stage.topics)
            raise SourceTopicsError(
                f"the topics of stage {stage.name} must have the same number of partitions: {listed}"
            )
