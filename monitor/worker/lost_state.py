"""Refuse to go on where the group acknowledged facts that the state knows nothing of: its changelog was lost.

Going on from the acknowledged offset would leave out all facts before it, quietly.
"""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import TopicPartition

from monitor import clock
from monitor.connection import Connection
from monitor.refusal import Refused

_PATIENCE_S = 20.0


class StateLost(Refused):
    """Facts were acknowledged and the state knows nothing of them; the message says what to do."""


async def refuse_lost_state(
    connection: Connection, group: str, unknown: Sequence[TopicPartition], rebuild: str
) -> None:
    """Check source partitions of which the state knows no record.

    Args:
        connection: how brokers are reached.
        group: consumer group.
        unknown: the source partitions.
        rebuild: the command that drops the group's offsets and what is left of its state.

    Raises:
        StateLost: the group has acknowledged records of one of them, and they are still there.
    """
    admin = AIOKafkaAdminClient(**connection.aiokafka())
    await admin.start()
    try:
        stored = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # nobody has joined any group yet
        return
    finally:
        await admin.close()
    acknowledged = {tp: stored[tp].offset for tp in unknown if tp in stored and stored[tp].offset > 0}
    if not acknowledged:
        return
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        for tp, offset in acknowledged.items():
            if await _first(consumer, tp, offset) is not None:
                raise StateLost(
                    f"facts of {tp.topic} partition {tp.partition} were acknowledged up to offset {offset}, but the "
                    "state knows nothing of them: the changelog was deleted or created again. To judge all facts again "
                    f"from their beginning, stop all workers and run `{rebuild}`"
                )
    finally:
        await consumer.stop()


async def _first(consumer: AIOKafkaConsumer, tp: TopicPartition, before: int) -> int | None:
    """Offset of the first record that lies before an offset; None where there are only transaction markers."""
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    until = clock.monotonic() + _PATIENCE_S
    end = (await consumer.end_offsets([tp]))[tp]
    while await consumer.position(tp) < min(before, end) and clock.monotonic() < until:
        for record in (await consumer.getmany(tp, timeout_ms=200, max_records=1)).get(tp, []):
            offset: int = record.offset
            return offset if offset < before else None
    return None
