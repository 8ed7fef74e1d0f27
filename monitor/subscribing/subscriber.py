"""Reads an alerts topic with kafka-python, committed records alone, and hands over what the subscriber wants."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from monitor.connection import Connection
from monitor.subscribing.memory import Memory
from monitor.subscribing.outlets import Outlet
from topics.client import Change, NoAlert, Told, Wanted, read_change

Begin = Literal["earliest", "latest"]

_POLL_MS: Final = 300
_MOST_RECORDS: Final = 500

log = logging.getLogger(__name__)


class CannotResume(Exception):
    """What was read last time is not there any more; the message says what to do."""


@dataclass
class Subscriber:
    """One reader of all partitions of an alerts topic, without a consumer group.

    Attributes:
        connection: how brokers are reached.
        topic: full name.
        wanted: the filter.
        memory: where it goes on, and what it was told.
        outlet: where changes go.
        masked: applied to each change before it goes out.
        begin: where a partition without a position begins.
    """

    connection: Connection
    topic: str
    wanted: Wanted
    memory: Memory
    outlet: Outlet
    masked: Callable[[Change], Change] = lambda change: change
    begin: Begin = "earliest"

    def run(self, ended: Callable[[], bool], *, until_end: bool = False) -> None:
        """Deliver until told to end, or until the end that the topic had at the start.

        Raises:
            LookupError: the topic does not exist.
            CannotResume: the position is not in the topic.
            NotDelivered: an event could not be delivered; what was delivered before is remembered.
        """
        consumer = KafkaConsumer(
            **self.connection.kafka_python(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            group_id=None,
            max_poll_records=_MOST_RECORDS,
        )
        try:
            ends = self._seek(consumer)
            told = Told(self.wanted, self.memory.told)
            while not ended():
                if until_end and all(consumer.position(partition) >= end for partition, end in ends.items()):
                    return
                self._poll(consumer, told)
        except OffsetOutOfRangeError:
            raise CannotResume(
                f"{self.topic} lost records while they were read; start again with another --state"
            ) from None
        finally:
            consumer.close()

    def _seek(self, consumer: Any) -> dict[TopicPartition, int]:  # noqa: ANN401 - an untyped library
        numbers = consumer.partitions_for_topic(self.topic)
        if not numbers:
            raise LookupError(f"topic {self.topic} does not exist; create it with `claims-monitor topics create`")
        partitions = [TopicPartition(self.topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        first, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        held = self.memory.positions()
        start = {}
        for partition in partitions:
            position = held.get(partition.partition, first[partition] if self.begin == "earliest" else ends[partition])
            if position < first[partition]:
                raise CannotResume(
                    f"{self.topic} partition {partition.partition} begins at {first[partition]}, after {position}: "
                    "retention deleted changes that were not read; start anew with another --state"
                )
            if position > ends[partition]:
                raise CannotResume(
                    f"{self.topic} partition {partition.partition} ends at {ends[partition]}, before {position}: "
                    "the topic was made anew; start anew with another --state"
                )
            consumer.seek(partition, position)
            start[partition.partition] = position
        # what the outlet holds now counts: one killed before its first change is kept begins here again
        self.memory.keep(start, self.outlet.flush())
        return dict(ends)

    def _poll(self, consumer: Any, told: Told) -> None:  # noqa: ANN401 - an untyped library
        for partition, records in consumer.poll(timeout_ms=_POLL_MS).items():
            for record in records:
                self._take(record, told)
            self.memory.keep({partition.partition: records[-1].offset + 1}, self.outlet.flush())

    def _take(self, record: Any, told: Told) -> None:  # noqa: ANN401 - an untyped library
        if record.value is None:
            return
        try:
            change = read_change(record.value, record.headers or ())
        except NoAlert as why:
            log.warning("%s partition %d offset %d is left out: %s", self.topic, record.partition, record.offset, why)
            return
        if told.news(change):
            self.outlet.deliver(self.masked(change))
            if self.outlet.singly:
                self.memory.keep({record.partition: record.offset + 1}, self.outlet.flush())


class Collected:
    """An outlet that keeps the last state of each alert that stands for the subscriber."""

    singly = False

    def __init__(self) -> None:
        self.changes: dict[str, Change] = {}

    def deliver(self, change: Change) -> None:
        """Keep a change."""
        self.changes[change.alert.jr_id] = change

    def flush(self) -> int | None:
        """Nothing waits."""
        return None

    def close(self) -> None:
        """Nothing is open."""
