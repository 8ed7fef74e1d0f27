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

log = logging.getLogger("case_desk")


class _Positions(ConsumerRebalanceListener):
    """Offsets at which this desk stands, of the partitions that it has.

    The listener runs in the client's I/O thread, where neither the client nor SQLite may be asked: it only forgets, and
    the loop looks a partition up when the first records of it come.
    """

    def __init__(self) -> None:
        self.at: dict[TopicPartition, int] = {}

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget what belongs to another desk now."""
        for partition in revoked:
            self.at.pop(partition, None)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Look every partition up anew."""
        self.on_partitions_revoked(assigned)


def follow(
    desk: Desk, topic: str, group: str, kafka: dict[str, Any], ended: Callable[[], bool], on_batch: Callable[[], None]
) -> None:
    """Take alerts in until told to end.

    Args:
        desk: where cases lie.
        topic: full name of `alerts.v1`.
        group: desks of one group share the partitions.
        kafka: kafka-python's settings of the connection.
        ended: asked between batches.
        on_batch: called after each batch.
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
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=_MOST_RECORDS,
        # how long the partitions of a desk that was killed wait for another
        session_timeout_ms=6_000,
        heartbeat_interval_ms=2_000,
    )
    positions = _Positions()
    consumer.subscribe([topic], listener=positions)
    try:
        while not ended():
            for partition, records in consumer.poll(timeout_ms=_POLL_MS).items():
                begin = positions.at.get(partition)
                if begin is None:
                    begin = desk.position(source, partition.partition)
                    if begin is not None and begin != records[0].offset:
                        consumer.seek(partition, begin)
                        positions.at[partition] = begin
                        continue
                    begin = records[0].offset if begin is None else begin
                changes = [(record.offset, change) for record in records if (change := _read(record)) is not None]
                end = records[-1].offset + 1
                try:
                    desk.take(source, partition.partition, begin, changes, end)
                except LostPartition as lost:
                    log.warning("%s; reading it where it stands now", lost)
                    begin = desk.position(source, partition.partition) or 0
                    consumer.seek(partition, begin)
                    positions.at[partition] = begin
                    continue
                positions.at[partition] = end
            on_batch()
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
