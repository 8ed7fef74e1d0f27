"""The registry in memory: read to its end before anything is judged, followed ever after."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.delivery.stages import Record
from monitor.engine import Engine
from monitor.judging import Cause
from monitor.tasks import spawn
from monitor.worker.sources import SourceTopicChanged
from topics.decoding import Decoder
from topics.reasons import Quarantined
from topics.registry import Entry

log = logging.getLogger(__name__)

STAGE_OF = {"persons": "person", "keys": "key"}
"""Name of the worker's stage -> name by which the engine calls it."""


class LateChange(NamedTuple):
    """The last registry change that concerns a stage."""

    offset: int
    cause: Cause


class RegistryFeed:
    """Follows `registry.v1` (one partition) for the engine's registry.

    Args:
        connection: how brokers are reached.
        topic: full name of the registry topic.
        engine: whose registry is kept up to date.
        on_failure: called when following fails; the process must end then.
        on_bad: called with the reason of every entry that cannot be read.
        rebuild: the command that drops the group's state.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        engine: Engine,
        on_failure: Callable[[BaseException], None],
        on_bad: Callable[[Quarantined], None],
        rebuild: str,
    ) -> None:
        self._tp = TopicPartition(topic, 0)
        self._engine = engine
        self._on_failure = on_failure
        self._on_bad = on_bad
        self._rebuild = rebuild
        self._decode = Decoder("registry")
        self._consumer = AIOKafkaConsumer(
            **connection.aiokafka(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=200,
        )
        self._caught_up = asyncio.Event()
        self._moved = asyncio.Event()
        self._position = 0
        self._changes: dict[str, LateChange] = {}
        self._subscribers: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read; `caught_up` tells when the end was reached."""
        await self._consumer.start()
        self._consumer.assign([self._tp])
        await self._consumer.seek_to_beginning(self._tp)
        self._task = spawn(self._follow(), "registry", self._on_failure)

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def caught_up(self, offset: int = -1) -> None:
        """Wait until the registry was read to the end it had at start, and an offset of it besides.

        Raises:
            SourceTopicChanged: the registry ends before that offset.
        """
        await self._caught_up.wait()
        if self._position <= offset:
            end = (await self._consumer.end_offsets([self._tp]))[self._tp]
            if end <= offset:
                raise SourceTopicChanged(
                    f"{self._tp.topic} ends at {end}, but entries up to offset {offset} were judged: the topic was "
                    "recreated or truncated. To judge all facts again with what it holds now, stop all workers and run "
                    f"`{self._rebuild}`"
                )
            while self._position <= offset:
                self._moved.clear()
                await self._moved.wait()

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Ends of other topics, over the same connection."""
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(partitions)
        return ends

    def fail(self, error: BaseException) -> None:
        """Report that work in the background failed."""
        self._on_failure(error)

    def last_change(self, stage: str) -> LateChange | None:
        """The last change that concerns a stage of the worker; None when there is none."""
        return self._changes.get(STAGE_OF[stage])

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call a function whenever entries changed after the start."""
        self._subscribers.append(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Call it no more."""
        if wake in self._subscribers:
            self._subscribers.remove(wake)

    async def _follow(self) -> None:
        end = (await self._consumer.end_offsets([self._tp]))[self._tp]
        while True:
            self._position = await self._consumer.position(self._tp)
            self._moved.set()
            if not self._caught_up.is_set() and self._position >= end:
                log.info("the registry is read: %d entries", len(self._engine.registry))
                self._caught_up.set()
            batches = await self._consumer.getmany(self._tp, timeout_ms=300)
            changed = [self._take(record) for record in batches.get(self._tp, [])]
            if any(changed) and self._caught_up.is_set():
                for wake in list(self._subscribers):
                    wake()

    def _take(self, record: Record) -> bool:
        """Take one record in; tells whether a stage must judge again."""
        key = (record.key or b"").decode(errors="replace")
        concerned: set[str] = set()
        if record.value is None:
            entry = next((held for held in self._engine.registry if held.key == key), None)
            if entry is not None and self._engine.registry.remove(key):
                concerned = self._engine.concerned(entry)
        else:
            try:
                entries: list[Entry] = self._decode(record.value)
            except Quarantined as why:
                log.warning("registry entry at offset %d is left out: %s", record.offset, why)
                self._on_bad(why)
                return False
            concerned = self._engine.put(entries)
        cause = Cause(f"registry:{key}", (record.topic, record.partition, record.offset), record.timestamp)
        for stage in concerned:
            self._changes[stage] = LateChange(record.offset, cause)
        return bool(concerned)
