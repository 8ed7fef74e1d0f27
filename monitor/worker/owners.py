"""Which worker owns a partition: a worker's client id carries the address of its pages, the group says the rest.

It also carries what the worker judges with, so that one that would judge otherwise can be refused before it joins.
"""

import base64
import binascii
import io
import struct
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from monitor.connection import Connection
from monitor.worker.agreement import Agreement

_MARK: Final = "claims-monitor-"


def client_id(url: str, agreement: Agreement | None = None) -> str:
    """A client id that carries an address (client ids take no slashes or colons everywhere), and an agreement."""
    carried = _MARK + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return carried if agreement is None else f"{carried}.{agreement.short}"


def url_of(client: str) -> str | None:
    """The address in a client id; None when it carries none."""
    if not client.startswith(_MARK):
        return None
    text = client[len(_MARK) :].partition(".")[0]
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def agreement_of(client: str) -> Agreement | None:
    """The agreement in a client id; None when it carries none."""
    return Agreement.of_short(client.partition(".")[2]) if client.startswith(_MARK) else None


async def members(connection: Connection, group: str) -> dict[str, set[tuple[str, int]]]:
    """Address of every worker of a group -> the topic partitions that it owns."""
    found: dict[str, set[tuple[str, int]]] = {}
    for client, owned in await clients(connection, group):
        url = url_of(client)
        if url is not None:
            found.setdefault(url, set()).update(owned)
    return found


async def clients(connection: Connection, group: str) -> list[tuple[str, set[tuple[str, int]]]]:
    """Client id of every member of a group, with the topic partitions that it owns."""
    admin = AIOKafkaAdminClient(**connection.aiokafka())
    await admin.start()
    try:
        responses: list[Any] = await admin.describe_consumer_groups([group])
    except GroupCoordinatorNotAvailableError:  # nobody has joined any group yet
        return []
    finally:
        await admin.close()
    return [
        (member[1], _assigned(member[4]))
        for response in responses
        for described in response.groups
        for member in described[5]
    ]


async def owner_url(connection: Connection, group: str, topic: str, partition: int) -> str | None:
    """Address of the worker that owns a topic partition; None when nobody does."""
    for url, owned in (await members(connection, group)).items():
        if (topic, partition) in owned:
            return url
    return None


def _assigned(raw: bytes) -> set[tuple[str, int]]:
    """Topic partitions of a member's assignment (the consumer protocol's encoding)."""
    stream = io.BytesIO(raw)
    if len(stream.read(2)) < 2:  # the version; nothing is assigned yet
        return set()
    (topics,) = struct.unpack(">i", stream.read(4))
    found = set()
    for _ in range(topics):
        (length,) = struct.unpack(">h", stream.read(2))
        topic = stream.read(length).decode()
        (count,) = struct.unpack(">i", stream.read(4))
        found |= {(topic, number) for number in struct.unpack(f">{count}i", stream.read(4 * count))}
    return found
