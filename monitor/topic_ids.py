"""Identities that brokers give topics when they are created: one that was deleted and created again has another."""

import asyncio
from collections.abc import Iterable
from typing import Any

from kafka.admin import KafkaAdminClient

from monitor.connection import Connection


async def topic_ids(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """Identity of each topic; empty where the topic does not exist or the broker (before 2.8) gives none."""
    return await asyncio.to_thread(_topic_ids, connection, sorted(names))


def _topic_ids(connection: Connection, names: list[str]) -> dict[str, str]:
    admin = KafkaAdminClient(**connection.kafka_python())  # aiokafka's requests are older than identities
    try:
        described: list[dict[str, Any]] = admin.describe_topics(names)
    finally:
        admin.close()
    found = {each["name"]: str(each.get("topic_id") or "") for each in described if not each["error_code"]}
    return {name: found.get(name, "") for name in names}
