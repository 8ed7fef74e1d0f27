"""Judges a file of facts with the engine that judges live ones: no broker, the same standing alerts.

All facts go through one partition; contributions reach stage two right after the batch that gave them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from monitor.backtest_share import INSTITUTIONS, PERSONS, Judged, Row, Share
from monitor.engine import Engine
from monitor.judging import Cause
from monitor.records import AlertChange
from monitor.timeline import BadLine, Placed
from topics.decoding import Decoder
from topics.reasons import Quarantined

BATCH = 2_000


@dataclass
class Batch:
    """Objects of the file that are judged together.

    Attributes:
        persons: facts about persons and ticks, with the person of each; None for a tick.
        own: facts about institutions, with the institution of each.
    """

    persons: list[tuple[str | None, Row]] = field(default_factory=list)
    own: list[tuple[str, Row]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.persons) + len(self.own)


class Judges(Protocol):
    """Who judges batches: this process alone, or several."""

    def judge(self, batch: Batch) -> Iterator[Judged]:
        """Take a batch; gives what is known by now of it and of batches before it, in their order."""

    def finish(self) -> Iterator[Judged]:
        """What is still missing of all batches so far."""

    def register(self, value: bytes) -> None:
        """Take a registry entry, after `finish`; what it concerns is judged again by `sweep`."""

    def sweep(self, late: set[str], cause: Cause) -> Iterator[Judged]:
        """Judge again what late changes of the registry concern, by stage; after `finish`."""

    def changes(self) -> Sequence[AlertChange]:
        """The changes behind the last result; only a single process has them."""


class Alone:
    """Judges in this process."""

    def __init__(self, engine: Engine) -> None:
        self.share = Share(engine)

    def judge(self, batch: Batch) -> Iterator[Judged]:
        """Stage one, then stage two with what it gave, then the institutions' own facts."""
        share = self.share
        if batch.persons:
            judged, entries, clock = share.persons([row for _, row in batch.persons])
            yield judged
            yield share.keys([entries], clock)
        if batch.own:
            yield share.own([row for _, row in batch.own])

    def finish(self) -> Iterator[Judged]:
        """Nothing waits."""
        return iter(())

    def register(self, value: bytes) -> None:
        """The engine has it already."""

    def sweep(self, late: set[str], cause: Cause) -> Iterator[Judged]:
        """Both stages one after the other."""
        for stage in ("person", "key"):
            if stage in late:
                yield self.share.sweep(stage, cause)

    def changes(self) -> Sequence[AlertChange]:
        """Of the last result."""
        return self.share.told


@dataclass
class Backtest:
    """One run over placed lines.

    Attributes:
        engine: built for one partition.
        on_change: called with every raise, revision and withdrawal in order; only with judges that have them.
        on_bad: called with the line number and the reason of every line that is not admitted.
        on_value: called with the value of every raise, revision and withdrawal in order.
        judges: by default this process alone; others must have been made with the terms and models of the engine.
        account: (fact type, outcome) -> how many.
        standing: jr_id -> value of every standing alert.
    """

    engine: Engine
    on_change: Callable[[AlertChange], None] | None = None
    on_bad: Callable[[int, Quarantined], None] | None = None
    on_value: Callable[[bytes], None] | None = None
    judges: Judges | None = None
    account: Counter[tuple[str, str]] = field(default_factory=Counter)
    standing: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        alone = Alone(self.engine)
        self._judges: Judges = alone if self.judges is None else self.judges
        self._persons, self._keys = alone.share.stores
        self._registry = Decoder("registry")
        self._batch = Batch()
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
        self._finish()
        if self._late:
            self._sweep()

    def _register(self, item: Placed) -> None:
        self._finish()
        concerned = self.engine.put(self._registry(item.value))
        self._judges.register(item.value)
        self.account["registry", "admitted"] += 1
        if self._began and concerned:
            self._late |= concerned
            self._late_cause = Cause(f"registry:{item.key}", ("registry.v1", 0, item.line), item.time_ms)

    def _take(self, item: Placed) -> None:
        if self._late:
            self._sweep()
        self._began = True
        if item.family in {"person", "tick"}:
            self._batch.persons.append((item.key, self._row(PERSONS, item)))
        if item.family == "institution":
            self._batch.own.append((item.key or "", self._row(INSTITUTIONS, item)))
        if len(self._batch) >= BATCH:
            self._judge()

    def _row(self, topic: str, item: Placed) -> Row:
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        return Row(item.line, offset, item.time_ms, item.received, item.family == "tick", item.value)

    def _judge(self) -> None:
        batch, self._batch = self._batch, Batch()
        if batch:
            self._publish(self._judges.judge(batch))

    def _finish(self) -> None:
        self._judge()
        self._publish(self._judges.finish())

    def _sweep(self) -> None:
        """Judge again what a registry change concerns that came after facts."""
        late, self._late = self._late, set()
        if self._late_cause is not None:
            self._publish(self._judges.sweep(late, self._late_cause))

    def _publish(self, results: Iterable[Judged]) -> None:
        for judged in results:
            for kind, outcome, count in judged.account:
                if count:
                    self.account[kind, outcome] += count
            if self.on_bad is not None:
                for line, reason, detail in judged.bad:
                    self.on_bad(line, Quarantined(reason, detail))
            for changed in judged.changes:
                if changed.withdrawn:
                    self.standing.pop(changed.jr_id, None)
                else:
                    self.standing[changed.jr_id] = changed.value
                if self.on_value is not None:
                    self.on_value(changed.value)
            if self.on_change is not None:
                for change in self._judges.changes():
                    self.on_change(change)

    def alerts(self) -> Iterator[bytes]:
        """Values of the standing alerts, by jr_id."""
        for jr_id in sorted(self.standing):
            yield self.standing[jr_id]
