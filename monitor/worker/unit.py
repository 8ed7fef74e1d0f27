"""One unit of work: a partition of a stage, judged batch by batch.

Order of a batch: judge; transaction (alerts, frames, dead letters, changelog) committed; local store; acknowledgement.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from aiokafka.structs import TopicPartition

from detectors.standing import Counts
from monitor import clock
from monitor.account import Account
from monitor.delivery.fence import CommitFailed
from monitor.delivery.stages import Record as SourceRecord
from monitor.delivery.stages import Stage, UnitControl
from monitor.judging import Cause
from monitor.metrics import Metrics
from monitor.outgoing import Targets, outgoing
from monitor.records import Effects, Reader, Record
from monitor.recount import RecountStopped, account_of, recount
from monitor.state import META, Meta, encode, read_meta
from monitor.tasks import spawn
from monitor.totals import Totals
from monitor.worker.agreement import Agreement
from monitor.worker.institutions import Institutions
from monitor.worker.ports import FailureCount, Follower, LocalState, Ports
from monitor.worker.quarantine import Limits
from monitor.worker.recovery import Recovery
from monitor.worker.registry_feed import STAGE_OF
from monitor.worker.sources import Sources
from topics.times import DAY, UTC_OFFSET

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
        changelogs: by stage name, identity of the changelog and its cluster; local state of another one is dropped.
        prefix: of topic names; the engine sees names without it.
        agreement: what this worker judges with.
        adopt: whether it judges again what was judged with other terms or another model.
        sources: the source topics as they are now.
        check_lost: refuses source partitions of which the state knows nothing although they were acknowledged.
        limits: (topic, partition) -> quarantine limit of the process: a rebalance must not make a pause forgotten.
        units: those that are open, by (stage, partition), for the pages.
        recoveries: how far the state of each unit has come, by (stage, partition), also of those that still open.
        institutions: what is watched of them, besides their alerts.
        failures: transactions that did not commit, over restarts.
    """

    ports: Ports
    group: str
    data: Path
    targets: Mapping[str, Targets]
    judges: Mapping[str, Judge]
    registry: Follower
    metrics: Metrics
    changelogs: Mapping[str, str]
    prefix: str
    agreement: Agreement
    adopt: bool
    sources: Sources
    check_lost: Callable[[Sequence[TopicPartition]], Awaitable[None]]
    limits: Limits
    units: dict[tuple[str, int], "Unit"]
    recoveries: dict[tuple[str, int], Recovery]
    institutions: Institutions
    failures: FailureCount


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
        self._closing = False
        self._behind = False
        self._counting = asyncio.Lock()
        self._sweep: asyncio.Task[None] | None = None
        self._totals = Totals(context.metrics.standing)
        self._watch: asyncio.Task[None] | None = None
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
        metrics.swept.labels(self._stage.name)  # 0 from the start: a counter that is not there cannot be seen to rise
        began = clock.monotonic()
        context = self._context
        recovery = context.recoveries[self._stage.name, self._partition] = Recovery(metrics, *self._labels)
        await self._producer.start()
        self._store = store = await asyncio.to_thread(context.ports.state, self._folder)

        def progress(read: int, done: float) -> None:
            recovery.progress(read, done)
            self._control.progress()

        identity = context.changelogs[self._stage.name]
        await context.ports.recover(store, self._targets.changelog, self._partition, identity, progress)
        self._control.progress()
        await context.registry.caught_up(read_meta(store.get(META)).registry)
        self._control.progress()
        with store.reading() as reading:
            self._totals.load(reading)
        await self._take_over()
        metrics.ready.labels(*self._labels).set(1)
        self._measure()
        if STAGE_OF[self._stage.name] == "key":
            watch = context.institutions.watch(self._partition, store)
            self._watch = spawn(watch, f"institutions-{self._partition}", context.registry.fail)
        log.info(
            "%s-%d is ready: %d values, %d changelog records read, %.2f s",
            *self._labels_for_log(),
            store.keys_held,
            recovery.read,
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

    async def _take_over(self) -> None:
        """Check that the state fits the source topics and this worker, and note in it what it is judged with now.

        Raises:
            SourceTopicChanged: it was made from other topics.
            AgreementError: it was judged with other terms or another model.
            StateLost: it knows nothing of facts that were acknowledged.
        """
        meta = read_meta(self.store.get(META))
        tps = [TopicPartition(topic, self._partition) for topic in self._stage.topics]
        ends = {tp.topic: end for tp, end in (await self._context.registry.end_offsets(tps)).items()}
        unknown = self._context.sources.unknown(meta, tps)
        if unknown:
            await self._context.check_lost(unknown)
        noted = self._context.sources.check(meta, self._partition, ends)
        taken = self._context.agreement.take_over(
            meta, f"{self._stage.name}-{self._partition}", adopt=self._context.adopt
        )
        if noted or taken:
            await self._commit(Effects(writes={META: encode(meta)}), {})

    async def close(self) -> None:
        """Stop sweeping and let go of producer and store."""
        self._context.units.pop((self._stage.name, self._partition), None)
        self._context.recoveries.pop((self._stage.name, self._partition), None)
        self._context.registry.unsubscribe(self.sweep)
        for task in (self._sweep, self._watch):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._totals.leave()
        await self._producer.stop()
        self._closing = True
        async with self._counting:  # a thread that still reads would meet a closed store
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
            metrics.redelivered.labels(*self._labels).inc(effects.account["record", "redelivered"])
        self._latency(batches)
        self._measure()
        for topic, waiting in batches.items():
            name = topic.removeprefix(prefix)
            bad = sum(rejected.record.topic == name for rejected in effects.rejected)
            limit = self._limits[topic]
            if limit.saw(len(waiting), bad) and not limit.paused:
                self._pause(topic)

    async def _commit(self, effects: Effects, sources: Mapping[tuple[str, int], SourceRecord]) -> None:
        """Transaction, then local store.

        Raises:
            RuntimeError: the local store lacks a transaction that may have happened, so nothing may be built on it; a
                sweep that waited for the batch that failed would write the guard back to where it was before it.
        """
        if self._behind:
            raise RuntimeError(f"{self._stage.name}-{self._partition}: the local store is behind its changelog")
        self._behind = True
        metrics = self._context.metrics
        began = clock.monotonic()
        effects.writes.update(self._totals.take(effects.alerts))
        out = list(outgoing(effects, self._targets, self._partition, sources))
        try:
            offsets = await self._producer.commit(out)
        except CommitFailed:
            metrics.transactions_failed.labels(self._stage.name).inc()
            self._context.failures.add(self._stage.name)
            raise
        metrics.commit.labels(self._stage.name).observe(clock.monotonic() - began)
        last = offsets.get(TopicPartition(self._targets.changelog, self._partition))
        self.store.apply(effects, self.store.position if last is None else last + 1)
        self._behind = False
        metrics.account(effects)
        if self._watch is not None:
            self._context.institutions.changed(self._partition, effects.writes)

    def _latency(self, batches: Mapping[str, list[SourceRecord]]) -> None:
        now = clock.now_ms()
        took = self._context.metrics.took
        for topic, records in batches.items():
            for record in records[:: max(1, len(records) // 50)]:  # a sample of a large batch says as much
                produced = next((value for name, value in record.headers if name == PRODUCED_AT), None)
                if produced is not None:
                    seconds = max(now - int(produced), 0) / 1000
                    took(self._stage.name, seconds, (topic, record.partition, record.offset))

    def _measure(self) -> None:
        metrics = self._context.metrics
        store = self.store
        meta = read_meta(store.get(META))
        watermark = min(meta.clocks.values(), default=UTC_OFFSET)
        metrics.watermark.labels(*self._labels).set(watermark - UTC_OFFSET)
        metrics.standing.reached(watermark // DAY)
        metrics.state_keys.labels(*self._labels).set(store.keys_held)
        metrics.state_bytes.labels(*self._labels).set(store.bytes_used)
        account = meta.account
        if account is None and not meta.offsets:
            account = Account()
        if account is not None:  # older state has one from its first batch on
            metrics.accounts.put(self._stage.name, self._partition, account, self._context.prefix)

    # ------------------------------------------------------------------ account

    def account(self) -> tuple[Meta, Account, None]:
        """The running account, with the meta record that carries it."""
        with self.store.reading() as reading:
            meta = read_meta(reading.get(META))
            return meta, account_of(meta, reading), None

    async def recounted(self) -> tuple[Meta, Account, Counts]:
        """The account and, from the same snapshot of the state, the facts that it holds; judging goes on meanwhile.

        Raises:
            RecountStopped: the partition is given up.
        """

        def work() -> tuple[Meta, Account, Counts]:
            with self.store.reading() as reading:
                meta = read_meta(reading.get(META))
                return meta, account_of(meta, reading), recount(reading, lambda: self._closing)

        async with self._counting:
            if self._closing:
                raise RecountStopped
            return await asyncio.to_thread(work)

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
            self._sweep = spawn(self._sweep_keys(), f"sweep-{self._stage.name}-{self._partition}", self._swept_badly)

    def _swept_badly(self, error: BaseException) -> None:
        self._context.registry.fail(error)

    async def _sweep_keys(self) -> None:
        feed = self._context.registry
        while True:
            target = feed.last_change(self._stage.name)
            meta = read_meta(self.store.get(META))
            agreed = meta.agreed
            if target is not None and (meta.registry < target.offset or meta.models < target.models):
                cause = target.cause
            elif meta.judged != agreed:
                cause = self._agreement_cause(meta)
            else:
                return
            async with self._lock:  # a batch under way may add a key that was judged with what held before
                with self.store.reading() as reading:
                    keys = list(self._judge.heads(reading))
            log.info("%s-%d: judging %d keys again", self._stage.name, self._partition, len(keys))
            for first in range(0, len(keys), _SWEEP_SLICE):
                async with self._lock:
                    with self.store.reading() as reading:
                        effects = self._judge.rejudge(keys[first : first + _SWEEP_SLICE], reading, cause)
                    await self._commit(effects, {})
                self._context.metrics.swept.labels(self._stage.name).inc(len(keys[first : first + _SWEEP_SLICE]))
                await asyncio.sleep(_SWEEP_PAUSE_S)  # facts come first
            async with self._lock:
                meta = read_meta(self.store.get(META))
                meta.judged = agreed
                if target is not None:
                    meta.registry, meta.models = target.offset, target.models
                await self._commit(Effects(writes={META: encode(meta)}), {})

    def _agreement_cause(self, meta: Meta) -> Cause:
        """What changes of alerts name as their cause when other terms or another model were taken up."""
        topic = self._stage.topics[0].removeprefix(self._context.prefix)
        at = max(meta.clocks.values(), default=0)
        time_ms = clock.now_ms() if at <= 0 else (at - UTC_OFFSET) * 1000
        return Cause(f"terms:{meta.terms}", (topic, self._partition, max(meta.offsets.get(topic, 0), 0)), time_ms)
