"""Workers that are broken on purpose: each must end elsewhere than the single pass."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka.structs import TopicPartition

from monitor.delivery.progress import Batch, Progress
from monitor.delivery.stages import Record as SourceRecord
from monitor.judging import Cause
from monitor.outgoing import outgoing
from monitor.records import Effects, Reader, Record
from monitor.state import META, encode, read_meta
from monitor.worker.recovery import Progress as RecoveryProgress
from monitor.worker.unit import Judge, Unit
from tests.simulation.disk import LocalStore
from tests.simulation.process import Event, Process


class _StoreFirst(Unit):
    async def _commit(self, effects: Effects, sources: Mapping[tuple[str, int], SourceRecord]) -> None:
        effects.writes.update(self._totals.take(effects.alerts))
        out = list(outgoing(effects, self._targets, self._partition, sources))
        self.store.apply(effects, self.store.position)
        offsets = await self._producer.commit(out)
        last = offsets.get(TopicPartition(self._targets.changelog, self._partition))
        self.store.apply(Effects(), self.store.position if last is None else last + 1)


class StoreFirst(Process):
    """Local store before the transaction."""

    unit = _StoreFirst


class _TwoTransactions(Unit):
    async def _commit(self, effects: Effects, sources: Mapping[tuple[str, int], SourceRecord]) -> None:
        effects.writes.update(self._totals.take(effects.alerts))
        out = list(outgoing(effects, self._targets, self._partition, sources))
        changelog = self._targets.changelog
        await self._producer.commit([record for record in out if record.topic != changelog])
        offsets = await self._producer.commit([record for record in out if record.topic == changelog])
        last = offsets.get(TopicPartition(changelog, self._partition))
        self.store.apply(effects, self.store.position if last is None else last + 1)


class TwoTransactions(Process):
    """Alerts and contributions in one transaction, the changelog in the next."""

    unit = _TwoTransactions


class _UnwrittenTotals(Unit):
    async def _commit(self, effects: Effects, sources: Mapping[tuple[str, int], SourceRecord]) -> None:
        self._totals.take(effects.alerts)
        offsets = await self._producer.commit(list(outgoing(effects, self._targets, self._partition, sources)))
        last = offsets.get(TopicPartition(self._targets.changelog, self._partition))
        self.store.apply(effects, self.store.position if last is None else last + 1)


class UnwrittenTotals(Process):
    """The totals of what stands are counted and not kept with the state."""

    unit = _UnwrittenTotals


class _KeysWhileJudging(Unit):
    async def _sweep_keys(self) -> None:
        unlocked, locked = _NoLock(), self._lock
        self._lock = unlocked  # type: ignore[assignment]  # taken away for the listing alone
        unlocked.restore = lambda: setattr(self, "_lock", locked)
        try:
            await super()._sweep_keys()
        finally:
            self._lock = locked


class _NoLock:
    restore: Callable[[], None]

    async def __aenter__(self) -> None:
        self.restore()

    async def __aexit__(self, *_: object) -> None:
        return None


class KeysWhileJudging(Process):
    """A sweep after a late registry change lists the keys while a batch is under way."""

    unit = _KeysWhileJudging


class _Forgetful:
    """A judge that sees other guards than were stored."""

    def __init__(self, judge: Judge, see: Callable[[dict[str, int]], dict[str, int]]) -> None:
        self._judge = judge
        self._see = see

    def apply(self, records: Sequence[Record], store: Reader) -> Effects:
        return self._judge.apply(records, _Guards(store, self._see))

    def rejudge(self, keys: Iterable[bytes], store: Reader, cause: Cause) -> Effects:
        return self._judge.rejudge(keys, store, cause)

    def heads(self, store: Reader) -> Iterable[bytes]:
        return self._judge.heads(store)


class _Guards:
    def __init__(self, store: Reader, see: Callable[[dict[str, int]], dict[str, int]]) -> None:
        self._store = store
        self._see = see
        self.due = store.due
        self.keys = store.keys

    def get(self, key: bytes) -> bytes | None:
        value = self._store.get(key)
        if key != META or value is None:
            return value
        meta = read_meta(value)
        meta.offsets = self._see(meta.offsets)
        return encode(meta)


class NoGuard(Process):
    """Redelivered records are judged again."""

    def judge(self, judge: Judge) -> Judge:
        return _Forgetful(judge, lambda _: {})


class OneGuard(Process):
    """One guard for both topics of stage two: contributions guard institutions' facts out, and the other way round."""

    def judge(self, judge: Judge) -> Judge:
        topics = ("g-contributions", "institutions.facts.v1", "claims.facts.v1")
        return _Forgetful(judge, lambda held: dict.fromkeys(topics, max(held.values(), default=-1)))


class NoFence(Process):
    """Every process writes under ids of its own: a former owner is not refused."""

    def transactional_id(self, name: str) -> str:
        return f"{name}-{self.name}"


class _Early(Event):
    def __init__(self, process: Process, batch: Batch) -> None:
        super().__init__(process.world, batch)
        batch.handled = True
        batch.progress.finish(batch)

    def ack(self) -> bool:
        return True


class AcknowledgedFirst(Process):
    """Batches are acknowledged when they are delivered, not when they are done."""

    def event(self, batch: Batch) -> Event:
        return _Early(self, batch)


class FetchedCommitted(Process):
    """The group is told what was fetched, not what was done."""

    def committable(self, progress: Progress) -> int | None:
        return progress.next


class RecoveredFirst(Process):
    """The changelog is read before former owners are fenced."""

    class unit(Unit):  # noqa: N801, D106 - takes the place of a factory
        async def open(self) -> None:
            producer, start = self._producer, self._producer.start

            async def started_before() -> None:
                """It was."""

            recover = self._context.ports.recover

            async def then_fence(*given: Any) -> int:  # noqa: ANN401
                read = await recover(*given)
                await start()
                return read

            producer.start = started_before  # type: ignore[method-assign]
            object.__setattr__(self._context.ports, "recover", then_fence)
            await super().open()


class NothingRecovered(Process):
    """The local state is used as it is."""

    async def recover(
        self,
        store: LocalStore,
        topic: str,  # noqa: ARG002
        partition: int,  # noqa: ARG002
        identity: str,
        on_progress: RecoveryProgress,  # noqa: ARG002
    ) -> int:
        store.load([], lambda *_: None, store.position, identity)
        return store.position


BROKEN: Final[dict[str, type[Process]]] = {
    "store-before-transaction": StoreFirst,
    "two-transactions": TwoTransactions,
    "totals-not-kept": UnwrittenTotals,
    "keys-listed-while-judging": KeysWhileJudging,
    "no-guard": NoGuard,
    "one-guard-for-two-topics": OneGuard,
    "no-fence": NoFence,
    "acknowledged-first": AcknowledgedFirst,
    "fetched-is-committed": FetchedCommitted,
    "recovered-before-fence": RecoveredFirst,
    "nothing-recovered": NothingRecovered,
}
"""What is broken, by name."""
