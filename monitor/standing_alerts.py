"""The standing alerts as `alerts.v1` has them: the last value of each key, committed ones alone."""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.delivery.source_topics import partition_counts
from topics.alerts import decode


class AlertsReader:
    """Reads the alerts topic from its beginning.

    Args:
        connection: how brokers are reached.
        topic: full name of the alerts topic.

    Attributes:
        standing: jr_id -> value of what stands, as far as it was read.
        priorities: jr_id -> its place in the review queue, of those that have one.
    """

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            **connection.aiokafka(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        self.standing: dict[str, bytes] = {}
        self.priorities: dict[str, str] = {}

    async def start(self) -> None:
        """Connect.

        Raises:
            LookupError: the topic does not exist.
        """
        await self._consumer.start()
        partitions = await self._partitions()
        self._tps = [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
        self._consumer.assign(self._tps)
        await self._consumer.seek_to_beginning(*self._tps)

    async def _partitions(self) -> set[int]:
        counts = await partition_counts(self._connection, "claims-monitor-alerts")
        if self._topic not in counts:
            raise LookupError(f"topic {self._topic} does not exist; create it with `claims-monitor topics create`")
        return set(range(counts[self._topic]))

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def read_to_end(self) -> None:
        """Read what is committed now; `standing` holds the standing alerts then."""
        ends = await self._consumer.end_offsets(self._tps)
        while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
            async for _ in self._changes():
                pass

    async def follow(self) -> AsyncIterator[bytes]:
        """Every change from here on."""
        while True:
            async for value in self._changes():
                yield value

    async def _changes(self) -> AsyncIterator[bytes]:
        for records in (await self._consumer.getmany(timeout_ms=200, max_records=5_000)).values():
            for record in records:
                if record.value is None:
                    continue
                alert = decode(record.value)
                if alert.status == "withdrawn":
                    self.standing.pop(alert.jr_id, None)
                    self.priorities.pop(alert.jr_id, None)
                else:
                    self.standing[alert.jr_id] = record.value
                    given = dict(record.headers).get("review_priority")
                    if given is None:
                        self.priorities.pop(alert.jr_id, None)
                    else:
                        self.priorities[alert.jr_id] = given.decode()
                yield record.value
