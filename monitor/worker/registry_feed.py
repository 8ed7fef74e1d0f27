"""The registry and the models in memory: read to their ends before anything is judged, followed ever after."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.delivery.stages import Record
from monitor.engine import Engine
from monitor.judging import Cause
from monitor.models import Assembled
from monitor.tasks import spawn
from monitor.worker.sources import SourceTopicChanged
from topics.decoding import Decoder
from topics.reasons import Quarantined
from topics.registry import Entry
from topics.times import format_time, from_record_time

log = logging.getLogger(__name__)

STAGE_OF = {"persons": "person", "keys": "key"}
"""Name of the worker's stage -> name by which the engine calls it."""


class LateChange(NamedTuple):
    """What came last that concerns a stage.

    Attributes:
        offset: of the last registry change; -1: none.
        models: offset that completed the last model that the registry names; -1: none.
        cause: the registry change, else the model.
    """

    offset: int
    models: int
    cause: Cause


class RegistryFeed:
    """Follows `registry.v1` and `models.v1` (one partition each) for the engine's registry and models.

    Args:
        connection: how brokers are reached.
        topic: full name of the registry topic.
        models: full name of the topic of models.
        engine: whose registry is kept up to date.
        on_failure: called when following fails; the process must end then.
        on_bad: called with the reason of every entry that cannot be read.
        rebuild: the command that drops the group's state.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        models: str,
        engine: Engine,
        on_failure: Callable[[BaseException], None],
        on_bad: Callable[[Quarantined], None],
        rebuild: str,
    ) -> None:
        self._tp = TopicPartition(topic, 0)
        self._models_tp = TopicPartition(models, 0)
        self._assembled = Assembled()
        self._missing: set[str] = set()
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
        self._changes: dict[str, tuple[int, Cause]] = {}
        self._model_cause: Cause | None = None
        self._subscribers: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read; `caught_up` tells when the end was reached."""
        await self._consumer.start()
        self._consumer.assign([self._tp, self._models_tp])
        await self._consumer.seek_to_beginning(self._tp, self._models_tp)
        self._task = spawn(self._follow(), "registry", self._on_failure)

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def caught_up(self, offset: int = -1) -> None:
        """Wait until registry and models were read to the ends they had at start, the registry to an offset besides.

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
        offset, cause = self._changes.get(STAGE_OF[stage], (-1, None))
        models = self._assembled.complete(self._engine.scorer.models.versions_named())
        cause = cause or self._model_cause
        return None if cause is None else LateChange(offset, models, cause)

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call a function whenever entries changed after the start."""
        self._subscribers.append(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Call it no more."""
        if wake in self._subscribers:
            self._subscribers.remove(wake)

    async def _follow(self) -> None:
        ends = await self._consumer.end_offsets([self._tp, self._models_tp])
        while True:
            self._position = await self._consumer.position(self._tp)
            self._moved.set()
            if not self._caught_up.is_set() and await self._reached(ends):
                log.info(
                    "the registry is read: %d entries, %d models",
                    len(self._engine.registry),
                    len(self._engine.scorer.models.loaded),
                )
                self._caught_up.set()
                self._tell_missing()
            batches = await self._consumer.getmany(self._tp, self._models_tp, timeout_ms=300)
            changed = [self._take_model(record) for record in batches.get(self._models_tp, [])]
            changed += [self._take(record) for record in batches.get(self._tp, [])]
            if any(changed) and self._caught_up.is_set():
                self._tell_missing()
                for wake in list(self._subscribers):
                    wake()

    async def _reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        for tp, end in ends.items():
            if await self._consumer.position(tp) < end:
                return False
        return True

    def _take_model(self, record: Record) -> bool:
        """Take one record of a model in; tells whether a model that the registry names is at hand now."""
        models = self._engine.scorer.models
        version = self._assembled.take(record.key, record.value, record.offset)
        if version is None:
            return False
        model = self._assembled.models.get(version)
        if model is None:
            models.drop(version)
            problem = self._assembled.problems.get(version)
            if problem is not None:
                log.error("model %s cannot be used: %s", version, problem)
            return False
        self._model_cause = Cause(f"model:{version}", (record.topic, record.partition, record.offset), record.timestamp)
        return models.put(model) and version in models.versions_named()

    def _tell_missing(self) -> None:
        """Say once which models the registry names that are not at hand."""
        models = self._engine.scorer.models
        missing = models.versions_named() - set(models.loaded)
        for version in sorted(missing - self._missing):
            log.error(
                "the registry names model %s, which is not at hand: nothing is scored while it holds, the other rules "
                "go on. Publish it with `claims-monitor models publish FILE`, or go back with `claims-monitor models "
                "rollback`",
                version,
            )
        self._missing = missing

    def _tell_reach(self, key: str, valid_from: int, record_ms: int) -> None:
        """Say of an entry that comes so late that facts it covers may be forgotten."""
        earliest = from_record_time(record_ms) - self._engine.terms.general.horizon
        if valid_from < earliest:
            log.warning(
                "registry entry %s holds from %s, further back than late entries reach: findings about facts before %s "
                "may stay as they are, a replay that knows the entry from the start may judge them otherwise",
                key,
                format_time(valid_from),
                format_time(earliest),
            )

    def _take(self, record: Record) -> bool:
        """Take one record of the registry in; tells whether a stage must judge again."""
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
            if concerned and self._caught_up.is_set():
                self._tell_reach(key, min(entry.valid_from for entry in entries), record.timestamp)
        cause = Cause(f"registry:{key}", (record.topic, record.partition, record.offset), record.timestamp)
        for stage in concerned:
            self._changes[stage] = record.offset, cause
        return bool(concerned)
