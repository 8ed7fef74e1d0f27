"""Ticks into live topics: absences need time to pass with no fact.

Each worker ticks the partitions it owns. Replay topics (producers' record time) carry ticks in their data and get
none from here.
"""

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitor import clock
from monitor.connection import Connection
from monitor.tasks import spawn
from topics.times import format_time, from_record_time

log = logging.getLogger(__name__)


class Ticker:
    """Produces a tick into every owned partition of live source topics every few seconds.

    Args:
        connection: how brokers are reached.
        topics: full names of the source topics with broker time.
        seconds: between ticks.
    """

    def __init__(self, connection: Connection, topics: frozenset[str], seconds: float) -> None:
        self._connection = connection
        self._topics = topics
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        self._producer: AIOKafkaProducer | None = None

    async def start(self, app: Any) -> None:  # noqa: ANN401 - the worker app, for its assignment
        """Begin, when there are live topics."""
        if self._topics:
            self._producer = AIOKafkaProducer(**self._connection.aiokafka(), acks="all")
            await self._producer.start()
            self._task = spawn(self._run(app), "ticks", app.fail)

    async def stop(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._producer is not None:
            await self._producer.stop()

    async def _run(self, app: Any) -> None:  # noqa: ANN401 - as above
        while True:
            value = f'{{"type":"tick","tick_time":"{format_time(from_record_time(clock.now_ms()))}"}}'.encode()
            for unit in app.status().units:
                for partition in unit.partitions:
                    if partition.topic in self._topics and self._producer is not None:
                        try:
                            await self._producer.send(partition.topic, value, partition=partition.partition)
                        except KafkaError as error:
                            log.warning("no tick for %s: %s", partition.topic, error)
            await asyncio.sleep(self._seconds)
