"""One unit of work: a partition of a stage, judged batch by batch.

Order of a batch: judge; transaction (alerts, frames, dead letters, changelog) committed; local store; acknowledgement.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from aiokafka.structs import TopicPartition

from monitor import clock
from monitor.delivery.fence import CommitFailed
from monitor.delivery.stages import Record as SourceRecord
from monitor.delivery.stages import Stage, UnitControl
from monitor.judging import Cause
from monitor.metrics import Metrics
from monitor.outgoing import Targets, outgoing
from monitor.records import Effects, Reader, Record
from monitor.state import META, Meta, encode, read_meta
from monitor.worker.ports import Follower, LocalState, Ports
from monitor.worker.quarantine import Limits
from monitor.worker.registry_feed import SourceTopicChanged
from topics.times import UTC_OFFSET

log = logging.getLogger(__name__)

PRODUCED_AT: Final = "produced_at"
"""Header of a fact: Unix milliseconds at which it was produced; latency is measured from it."""

_SWEEP_SLICE: Final = 500
_SWEEP_PAUSE_S: Final = 0.05


class Judge(Protocol):
    """A stage of the engine."""

    def apply(self, records: Sequence[Record], store: Reader) -> Effects:
        """Judge a batch."""

    def rejudge(self, keys: Iterable[bytes], store: Reader, cause: Cause) -> Effects:
        """Judge keys again."""

    def heads(self, store: Reader) -> Iterable[bytes]:
        """All keys of the partition."""


@dataclass(frozen=True)
class UnitContext:
    """What all units of a worker share.

    Attributes:
        ports: what reaches outside: producers, local state, recovery.
        group: consumer group; with stage and partition it makes the transactional id.
        data: folder of the local state.
        targets: by stage name, where output goes.
        judges: by stage name.
        registry: read to its end before any unit judges.
        metrics: of the process.
        cluster: id of the Kafka cluster.
        prefix: of topic names; the engine sees names without it.
        limits: (topic, partition) -> quarantine limit of the process: a rebalance must not make a pause forgotten.
        units: those that are open, by (stage, partition), for the pages.
    """

    ports: Ports
    group: str
    data: Path
    targets: Mapping[str, Targets]
    judges: Mapping[str, Judge]
    registry: Follower
    metrics: Metrics
    cluster: str
    prefix: str
    limits: Limits
    units: dict[tuple[str, int], "Unit"]


class Unit:
    """Implements `UnitHandler`."""

    def __init__(self, context: UnitContext, stage: Stage, partition: int, control: UnitControl) -> None:
        self._context = context
        self._stage = stage
        self._partition = partition
        self._control = control
        self._labels = (stage.name, str(partition))
        self._judge = context.judges[stage.name]
        self._targets = context.targets[stage.name]
        self._producer = context.ports.producer(f"{context.group}-{stage.name}-{partition}")
        self._folder = context.data / "state" / f"{stage.name}-{partition}"
        self._store: LocalState | None = None
        self._lock = asyncio.Lock()
        self._sweep: asyncio.Task[None] | None = None
        self._limits = {topic: context.limits.of(topic, partition) for topic in stage.topics}

    @property
    def stage(self) -> str:
        """Name of its stage."""
        return self._stage.name

    @property
    def partition(self) -> int:
        """Its partition."""
        return self._partition

    @property
    def store(self) -> LocalState:
        """Its local state.

        Raises:
            RuntimeError: not open.
        """
        if self._store is None:
            raise RuntimeError(f"{self._stage.name}-{self._partition} is not open")
        return self._store

    # ------------------------------------------------------------------ opening and closing

    async def open(self) -> None:
        """Fence former owners, recover the state, wait for the registry.

        At least as much of the registry as the state was swept for: what a unit judges with less, nothing would
        judge again.
        """
        metrics = self._context.metrics
        metrics.ready.labels(*self._labels).set(0)
        began = clock.monotonic()
        await self._producer.start()
        ports = self._context.ports
        self._store = store = await asyncio.to_thread(ports.state, self._folder)
        counter = metrics.recovered.labels(self._stage.name)
        seen = 0

        def progress(read: int) -> None:
            nonlocal seen
            counter.inc(read - seen)
            seen = read

        context = self._context
        await ports.recover(store, self._targets.changelog, self._partition, context.cluster, progress)
        meta = read_meta(store.get(META))
        await context.registry.caught_up(meta.registry)
        await self._check_sources(meta)
        metrics.ready.labels(*self._labels).set(1)
        self._measure()
        log.info(
            "%s-%d is ready: %d values, %d changelog records read, %.2f s",
            *self._labels_for_log(),
            store.keys_held,
            seen,
            clock.monotonic() - began,
        )
        context.registry.subscribe(self.sweep)
        context.units[self._stage.name, self._partition] = self
        for topic, limit in self._limits.items():
            if limit.paused:
                self._pause(topic)
        self.sweep()

    def _labels_for_log(self) -> tuple[str, int]:
        return self._stage.name, self._partition

    async def _check_sources(self, meta: Meta) -> None:
        """Refuse a source topic that ends before what the state has seen of it."""
        prefix = self._context.prefix
        ends = await self._context.registry.end_offsets(
            [TopicPartition(topic, self._partition) for topic in self._stage.topics]
        )
        for tp, end in ends.items():
            seen = meta.offsets.get(tp.topic.removeprefix(prefix), -1)
            if end <= seen:
                raise SourceTopicChanged(
                    f"{tp.topic} partition {tp.partition} ends at {end}, but facts up to offset {seen} were judged: "
                    "the topic was recreated or truncated. Start with a new --group and --data to judge it from its "
                    "beginning"
                )

    async def close(self) -> None:
        """Stop sweeping and let go of producer and store."""
        self._context.units.pop((self._stage.name, self._partition), None)
        self._context.registry.unsubscribe(self.sweep)
        if self._sweep is not None:
            self._sweep.cancel()
            await asyncio.gather(self._sweep, return_exceptions=True)
        await self._producer.stop()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
            self._store = None
        self._context.metrics.forget_partition(self._stage.name, self._partition, self._stage.topics)

    # ------------------------------------------------------------------ batches

    async def handle(self, batches: Mapping[str, list[SourceRecord]]) -> None:
        """Judge the records that waited and make the effects happen."""
        async with self._lock:
            prefix = self._context.prefix
            sources: dict[tuple[str, int], SourceRecord] = {}
            records = []
            for topic, waiting in batches.items():
                name = topic.removeprefix(prefix)
                for source in waiting:
                    sources[name, source.offset] = source
                    records.append(
                        Record(name, source.partition, source.offset, source.timestamp, source.key, source.value)
                    )
            if not records:
                return
            began = clock.monotonic()
            with self.store.reading() as reading:
                effects = self._judge.apply(records, reading)
            metrics = self._context.metrics
            metrics.judging.labels(self._stage.name).observe(clock.monotonic() - began)
            metrics.batch.labels(self._stage.name).observe(len(records))
            await self._commit(effects, sources)
        self._latency(batches)
        self._measure()
        for topic, waiting in batches.items():
            name = topic.removeprefix(prefix)
            bad = sum(rejected.record.topic == name for rejected in effects.rejected)
            limit = self._limits[topic]
            if limit.saw(len(waiting), bad) and not limit.paused:
                self._pause(topic)

    async def _commit(self, effects: Effects, sources: Mapping[tuple[str, int], SourceRecord]) -> None:
        """Transaction, then local store."""
        metrics = self._context.metrics
        began = clock.monotonic()
        out = list(outgoing(effects, self._targets, self._partition, sources))
        try:
            offsets = await self._producer.commit(out)
        except CommitFailed:
            metrics.transactions_failed.labels(self._stage.name).inc()
            raise
        metrics.commit.labels(self._stage.name).observe(clock.monotonic() - began)
        last = offsets.get(TopicPartition(self._targets.changelog, self._partition))
        self.store.apply(effects, self.store.position if last is None else last + 1)
        metrics.account(effects)

    def _latency(self, batches: Mapping[str, list[SourceRecord]]) -> None:
        now = clock.now_ms()
        observe = self._context.metrics.latency.labels(self._stage.name).observe
        for records in batches.values():
            for record in records[:: max(1, len(records) // 50)]:  # a sample of a large batch says as much
                produced = next((value for name, value in record.headers if name == PRODUCED_AT), None)
                if produced is not None:
                    observe(max(now - int(produced), 0) / 1000)

    def _measure(self) -> None:
        metrics = self._context.metrics
        store = self.store
        meta = read_meta(store.get(META))
        watermark = min(meta.clocks.values(), default=UTC_OFFSET)
        metrics.watermark.labels(*self._labels).set(watermark - UTC_OFFSET)
        metrics.state_keys.labels(*self._labels).set(store.keys_held)
        metrics.state_bytes.labels(*self._labels).set(store.bytes_used)

    # ------------------------------------------------------------------ quarantine

    def _pause(self, topic: str) -> None:
        self._limits[topic].paused = True
        self._control.pause(topic)
        self._context.metrics.paused.labels(topic, str(self._partition)).set(1)
        prefix = self._context.prefix
        log.error(
            "%s partition %d is paused: %d of its last records were quarantined; look at %s.dlq, mend the source, "
            "then `claims-monitor worker resume %s%s`",
            topic,
            self._partition,
            self._limits[topic].bad,
            topic,
            topic.removeprefix(prefix),
            f" --prefix {prefix}" if prefix else "",
        )

    def resume(self, topic: str) -> bool:
        """Go on with a paused topic; tells whether it was paused."""
        limit = self._limits.get(topic)
        if limit is None or not limit.paused:
            return False
        limit.reset()
        self._context.metrics.paused.labels(topic, str(self._partition)).set(0)
        self._control.resume(topic)
        log.warning("%s partition %d goes on", topic, self._partition)
        return True

    # ------------------------------------------------------------------ late registry changes

    def sweep(self) -> None:
        """Judge all keys again in the background if the registry changed since they were judged."""
        if self._sweep is None or self._sweep.done():
            from monitor.tasks import spawn

            self._sweep = spawn(self._sweep_keys(), f"sweep-{self._stage.name}-{self._partition}", self._swept_badly)

    def _swept_badly(self, error: BaseException) -> None:
        self._context.registry.fail(error)

    async def _sweep_keys(self) -> None:
        feed = self._context.registry
        while True:
            target = feed.last_change(self._stage.name)
            meta = read_meta(self.store.get(META))
            if target is None or meta.registry >= target.offset:
                return
            async with self._lock:  # a batch under way may add a key that it judged before the change
                with self.store.reading() as reading:
                    keys = list(self._judge.heads(reading))
            log.info("%s-%d: judging %d keys again", self._stage.name, self._partition, len(keys))
            for first in range(0, len(keys), _SWEEP_SLICE):
                async with self._lock:
                    with self.store.reading() as reading:
                        effects = self._judge.rejudge(keys[first : first + _SWEEP_SLICE], reading, target.cause)
                    await self._commit(effects, {})
                self._context.metrics.swept.labels(self._stage.name).inc(len(keys[first : first + _SWEEP_SLICE]))
                await asyncio.sleep(_SWEEP_PAUSE_S)  # facts come first
            async with self._lock:
                meta = read_meta(self.store.get(META))
                meta.registry = target.offset
                await self._commit(Effects(writes={META: encode(meta)}), {})
