"""Reads `alerts.v1` into the desk.

`alerts.v1` and not the log: its key is jr_id, so that all changes of an alert lie in one partition, in order, whatever
institution it concerns. Positions stand in the desk's database; the consumer group only shares out partitions.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, TopicPartition

from examples.case_desk.store import Desk, LostPartition
from topics.client import Change, NoAlert, read_change

_POLL_MS: Final = 300
_MOST_RECORDS: Final = 200
_SESSION_MS: Final = 10_000
"""How long the partitions of a desk that was killed wait for another."""

log = logging.getLogger("case_desk")


class _Positions(ConsumerRebalanceListener):
    """How far this desk believes each partition was read; forgotten whenever partitions change hands.

    kafka-python calls it from its own loop, where neither its consumer nor the database may be asked anything.
    """

    def __init__(self) -> None:
        self.at: dict[TopicPartition, int] = {}

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        for partition in revoked:
            self.at.pop(partition, None)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        for partition in assigned:
            self.at.pop(partition, None)


def follow(
    desk: Desk, topic: str, group: str, kafka: dict[str, Any], ended: Callable[[], bool], instance: str | None = None
) -> None:
    """Take alerts in until told to end.

    Args:
        desk: where cases lie.
        topic: full name of `alerts.v1`.
        group: desks of one group share the partitions.
        kafka: kafka-python's settings of the connection.
        ended: asked between batches.
        instance: this desk's own name in the group: started again under it, it has its partitions back at once.
    """
    admin = KafkaAdminClient(**kafka)
    try:
        cluster = admin.describe_cluster()["cluster_id"]
    finally:
        admin.close()
    source = f"{cluster}/{topic}"
    consumer = KafkaConsumer(
        **kafka,
        group_id=group,
        group_instance_id=instance,
        session_timeout_ms=_SESSION_MS,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=_MOST_RECORDS,
    )
    positions = _Positions()
    consumer.subscribe([topic], listener=positions)
    try:
        while not ended():
            for partition, records in consumer.poll(timeout_ms=_POLL_MS).items():
                begin = positions.at.get(partition)
                if begin is None:
                    # the group commits nothing, so a partition that is new here is read from its start: go on where
                    # the database says instead, and leave these records for then
                    begin = desk.position(source, partition.partition)
                    if begin is not None:
                        positions.at[partition] = begin
                        consumer.seek(partition, begin)
                        continue
                    begin = records[0].offset
                changes = [(record.offset, change) for record in records if (change := _read(record)) is not None]
                end = max(begin, records[-1].offset + 1)
                try:
                    desk.take(source, partition.partition, begin, changes, end)
                except LostPartition as lost:
                    log.warning("%s; reading it where it stands now", lost)
                    positions.at.pop(partition, None)
                    continue
                positions.at[partition] = end
    finally:
        consumer.close()


def _read(record: Any) -> Change | None:  # noqa: ANN401 - an untyped library
    if record.value is None:
        return None
    try:
        return read_change(record.value, record.headers or ())
    except NoAlert as why:
        log.warning("partition %d offset %d is left out: %s", record.partition, record.offset, why)
        return None
