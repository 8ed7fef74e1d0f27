"""Judges a file of facts with the engine that judges live ones: no broker, the same standing alerts.

All facts go through one partition in memory; contributions reach stage two right after the batch that gave them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from monitor.engine import Engine
from monitor.judging import Cause
from monitor.memory_store import MemoryStore
from monitor.records import AlertChange, Effects, Frame, Record, frame_encoder
from monitor.timeline import BadLine, Placed
from topics.decoding import Decoder
from topics.reasons import Quarantined

BATCH = 2_000
_CONTRIBUTIONS = "contributions"
_PERSONS = "claims.facts.v1"
_INSTITUTIONS = "institutions.facts.v1"


@dataclass
class Backtest:
    """One run over placed lines.

    Attributes:
        engine: built for one partition.
        on_change: called with every raise, revision and withdrawal in order.
        on_bad: called with the line number and the reason of every line that is not admitted.
        account: (fact type, outcome) -> how many.
        standing: jr_id -> value of every standing alert.
    """

    engine: Engine
    on_change: Callable[[AlertChange], None] | None = None
    on_bad: Callable[[int, Quarantined], None] | None = None
    account: Counter[tuple[str, str]] = field(default_factory=Counter)
    standing: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._persons = MemoryStore()
        self._keys = MemoryStore()
        self._registry = Decoder("registry")
        self._batch: list[Record] = []
        self._own: list[Record] = []
        self._lines: dict[tuple[str, int], int] = {}
        self._offsets: Counter[str] = Counter()
        self._late: set[str] = set()
        self._late_cause: Cause | None = None
        self._began = False

    def run(self, placed: Iterable[Placed | BadLine]) -> None:
        """Judge all lines; afterwards `standing` and `account` hold the result."""
        for item in placed:
            if isinstance(item, BadLine):
                self.account["record", "quarantined"] += 1
                if self.on_bad is not None:
                    self.on_bad(item.line, item.why)
            elif item.family == "registry":
                self._register(item)
            else:
                self._take(item)
        self._flush()

    def _register(self, item: Placed) -> None:
        self._flush_batch()
        concerned = self.engine.put(self._registry(item.value))
        self.account["registry", "admitted"] += 1
        if self._began and concerned:
            self._late |= concerned
            self._late_cause = Cause(f"registry:{item.key}", ("registry.v1", 0, item.line), item.time_ms)

    def _take(self, item: Placed) -> None:
        if self._late:
            self._sweep()
        self._began = True
        if item.family in {"person", "tick"}:
            self._batch.append(self._record(_PERSONS, item))
        if item.family == "institution":
            self._own.append(self._record(_INSTITUTIONS, item))
        if len(self._batch) + len(self._own) >= BATCH:
            self._flush_batch()

    def _record(self, topic: str, item: Placed) -> Record:
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        self._lines[topic, offset] = item.line
        return Record(topic, 0, offset, item.time_ms, None, item.value, keyed=False, checked=item.received)

    def _flush(self) -> None:
        self._flush_batch()
        if self._late:
            self._sweep()

    def _flush_batch(self) -> None:
        if self._batch:
            self._stage_one(self.engine.persons.apply(self._batch, self._persons))
        if self._own:
            self._stage_two(self.engine.keys.apply(self._own, self._keys))
        self._batch, self._own = [], []
        self._lines.clear()

    def _stage_one(self, effects: Effects) -> None:
        self._persons.apply(effects)
        self._publish(effects)
        if not effects.entries and effects.clock is None:
            return
        frame = Frame(0, effects.clock or 0, effects.entries)
        offset = self._offsets[_CONTRIBUTIONS]
        self._offsets[_CONTRIBUTIONS] += 1
        record = Record(_CONTRIBUTIONS, 0, offset, None, None, frame_encoder.encode(frame))
        self._stage_two(self.engine.keys.apply([record], self._keys))

    def _stage_two(self, effects: Effects) -> None:
        self._keys.apply(effects)
        self._publish(effects)

    def _publish(self, effects: Effects) -> None:
        self.account.update(effects.account)
        for rejected in effects.rejected:
            if self.on_bad is not None:
                self.on_bad(self._lines[rejected.record.topic, rejected.record.offset], rejected.why)
        for change in effects.alerts:
            if change.action == "withdrawn":
                self.standing.pop(change.alert.jr_id, None)
            else:
                self.standing[change.alert.jr_id] = change.value
            if self.on_change is not None:
                self.on_change(change)

    def _sweep(self) -> None:
        """Judge again what a registry change concerns that came after facts."""
        self._flush_batch()
        late, self._late = self._late, set()
        cause = self._late_cause
        if cause is None:
            return
        for name, stage, store in (
            ("person", self.engine.persons, self._persons),
            ("key", self.engine.keys, self._keys),
        ):
            if name in late:
                effects = stage.rejudge(list(stage.heads(store)), store, cause)
                store.apply(effects)
                self._publish(effects)

    def alerts(self) -> Iterator[bytes]:
        """Values of the standing alerts, by jr_id."""
        for jr_id in sorted(self.standing):
            yield self.standing[jr_id]
