"""A share of a backtest: some of the persons and some of the other keys, judged by both stages in one process.

A process alone has one share of everything. Several have persons and keys by digest; each batch of the file is split
among them, and what persons contribute to other keys is added up where the key is judged. A batch is the same records
however many shares there are, and its changes have an order of their own (`Order`), so that all of it can be put
together as one process would have said it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from zlib import crc32

import msgspec

from monitor.engine import Engine
from monitor.judging import Cause
from monitor.memory_store import MemoryStore
from monitor.records import AlertChange, Effects, Entry, Frame, Record, frame_encoder

CONTRIBUTIONS = "contributions"
PERSONS = "claims.facts.v1"
INSTITUTIONS = "institutions.facts.v1"

Order = tuple[int, int, str, str, str]
"""Of a change within its batch and stage; equal only for changes that one share told in their order."""


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One object of the file.

    Attributes:
        line: line number; 0 for a tick that was added.
        offset: its number among the objects of its family; ticks count as persons'.
        time_ms: record time.
        received: whether the checks against record time apply.
        tick: whether it is a tick, which every share is told.
        value: the object.
    """

    line: int
    offset: int
    time_ms: int
    received: bool
    tick: bool
    value: bytes


class Changed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A raise, revision or withdrawal, and its place among those of its batch and stage."""

    order: Order
    jr_id: str
    withdrawn: bool
    value: bytes


class Judged(msgspec.Struct, array_like=True, gc=False):
    """What became of a batch in one stage.

    Attributes:
        changes: by their order.
        bad: line number, reason and detail of what was not admitted.
        account: fact type, outcome, how many.
    """

    changes: list[Changed] = []
    bad: list[tuple[int, str, str]] = []
    account: list[tuple[str, str, int]] = []


class Share:
    """Both stages and their state in memory.

    Args:
        engine: built for one partition, with the registry so far.
        first: whether it is the share that accounts for ticks.

    Attributes:
        told: the changes behind the last result, in its order.
    """

    def __init__(self, engine: Engine, *, first: bool = True) -> None:
        self._engine = engine
        self._first = first
        self._persons = MemoryStore()
        self._keys = MemoryStore()
        self._frames = 0
        self.told: list[AlertChange] = []

    @property
    def stores(self) -> tuple[MemoryStore, MemoryStore]:
        """The state of both stages."""
        return self._persons, self._keys

    def persons(self, rows: Sequence[Row]) -> tuple[Judged, list[Entry], int | None]:
        """Judge facts about persons; gives what they contribute to other keys, and the clock when it moved."""
        effects = self._engine.persons.apply(_records(PERSONS, rows), self._persons)
        self._persons.apply(effects)
        return self._judged(effects, rows, _order_of_person), effects.entries, effects.clock

    def keys(self, given: Iterable[Sequence[Entry]], clock: int | None) -> Judged:
        """Judge other keys by what all shares contributed to this one's keys."""
        entries = added_up(given)
        if not entries and clock is None:
            self.told = []
            return Judged()
        frame = frame_encoder.encode(Frame(0, clock or 0, entries))
        record = Record(CONTRIBUTIONS, 0, self._frames, None, None, frame)
        self._frames += 1
        effects = self._engine.keys.apply([record], self._keys)
        self._keys.apply(effects)
        return self._judged(effects, (), _order_of_key)

    def own(self, rows: Sequence[Row]) -> Judged:
        """Judge facts about institutions."""
        effects = self._engine.keys.apply(_records(INSTITUTIONS, rows), self._keys)
        self._keys.apply(effects)
        return self._judged(effects, rows, _order_of_key)

    def sweep(self, stage: str, cause: Cause) -> Judged:
        """Judge everything again in a stage, `person` or `key`, that a late change of the registry concerns."""
        if stage == "person":
            persons = self._engine.persons
            effects = persons.rejudge(list(persons.heads(self._persons)), self._persons, cause)
            self._persons.apply(effects)
            return self._judged(effects, (), _order_of_person)
        keys = self._engine.keys
        effects = keys.rejudge(list(keys.heads(self._keys)), self._keys, cause)
        self._keys.apply(effects)
        return self._judged(effects, (), _order_of_key)

    def _judged(self, effects: Effects, rows: Sequence[Row], order: Callable[[AlertChange], Order]) -> Judged:
        pairs = sorted(((order(change), change) for change in effects.alerts), key=lambda pair: pair[0])
        self.told = [change for _, change in pairs]
        account = Counter(effects.account)
        bad: list[tuple[int, str, str]] = []
        if effects.rejected:
            by_offset = {row.offset: row for row in rows}
            for rejected in effects.rejected:
                row = by_offset[rejected.record.offset]
                if row.tick and not self._first:
                    account["record", "quarantined"] -= 1
                    continue
                bad.append((row.line, rejected.why.reason, rejected.why.detail))
        if not self._first:
            del account["tick", "admitted"]
        return Judged(
            [Changed(place, c.alert.jr_id, c.action == "withdrawn", c.value) for place, c in pairs],
            bad,
            [(kind, outcome, count) for (kind, outcome), count in account.items()],
        )


def _records(topic: str, rows: Sequence[Row]) -> list[Record]:
    return [
        Record(topic, 0, row.offset, row.time_ms, None, row.value, keyed=False, checked=row.received) for row in rows
    ]


def added_up(given: Iterable[Sequence[Entry]]) -> list[Entry]:
    """Contributions of several shares as one: summed by key, day and measure, earliest first, without what cancels."""
    sums: dict[tuple[str, str, int, str], Entry] = {}
    for entries in given:
        for entry in entries:
            name = entry.kind, entry.key, entry.day, entry.name
            held = sums.get(name)
            if held is not None:
                latest = max(held, entry, key=lambda one: one.time_ms)
                since = min(held.since, entry.since)
                entry = Entry(*name, held.amount + entry.amount, latest.cause, latest.time_ms, since)  # noqa: PLW2901 - the sum
            sums[name] = entry
    kept = [entry for entry in sums.values() if entry.amount]
    kept.sort(key=lambda entry: (entry.time_ms, entry.kind, entry.key, entry.day, entry.name))
    return kept


def share_of_person(person: str, shares: int) -> int:
    """Which share has a person."""
    return crc32(person.encode()) % shares


def share_of_key(kind: str, key: str, shares: int) -> int:
    """Which share has another key."""
    return crc32(f"{kind}\0{key}".encode()) % shares


def _order_of_person(change: AlertChange) -> Order:
    """By the fact that caused it, what time alone did last."""
    by_time = change.cause == "tick"
    return int(by_time), 0 if by_time else change.record[2], change.alert.psn_no or "", "", ""


def _order_of_key(change: AlertChange) -> Order:
    """By what it is about: one batch of contributions is one moment."""
    about = change.alert.about
    return 0, 0, about.kind, about.id, change.alert.rule_id
