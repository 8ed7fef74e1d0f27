"""Stage two: institutions and other keys, judged over what persons' facts contribute to them.

Its clock is the least over the source partitions of stage one, so that "not yet" never runs ahead of a partition
that lags.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from detectors.detector import Detector
from detectors.findings import ALWAYS, Span
from detectors.model_set import ModelSet
from detectors.standing import Change
from detectors.terms import General
from monitor.account import RecordCounts
from monitor.judging import Cause, Rules, changes, widened
from monitor.key_state import KeyState
from monitor.records import Effects, Frame, Reader, Record, Rejected, frame_decoder
from monitor.recount import account_of
from monitor.state import KEY_HEADS, META, encode, key_chunk, key_key, key_of, read_meta
from topics import reasons
from topics.admission import Bounds, admit
from topics.decoding import Decoder
from topics.facts import Tick
from topics.reasons import Quarantined
from topics.registry import Registry
from topics.times import DAY, from_record_time


@dataclass
class _Work:
    """A key of the batch and what touched it besides contributions.

    Attributes:
        changed: facts of its own.
        woken: the time at which it had to be judged by time alone, if that has come.
        whole: whether reference data changed.
    """

    state: KeyState
    cause: Cause
    changed: list[Change] = field(default_factory=list)
    woken: int | None = None
    whole: bool = False


class KeyStage:
    """Judges keys other than persons.

    Args:
        rules: detectors by kind of key, with their terms.
        general: general numbers.
        registry: reference data; the caller keeps it up to date.
        partitions: how many source partitions stage one has.
        contributions: name of the topic that carries frames of contributions.
        max_bytes: larger records are quarantined.
        models: score institution-days.
    """

    def __init__(
        self,
        rules: Mapping[str, Rules],
        general: General,
        registry: Registry,
        partitions: int,
        contributions: str,
        max_bytes: int | None = None,
        models: ModelSet | None = None,
    ) -> None:
        self._models = ModelSet() if models is None else models
        self._rules = rules
        self._registry = registry
        self._partitions = partitions
        self._contributions = contributions
        self._general = general
        self._bounds = Bounds(general.tolerance, general.lateness, general.horizon)
        # as of persons: what a reversal at the horizon touches looks so far back, and a stay may have begun long before
        self.kept = {
            kind: max(general.panes_kept, general.horizon + general.corrections + of_kind.longest_look_back)
            for kind, of_kind in rules.items()
        }
        self._decode = Decoder("institution") if max_bytes is None else Decoder("institution", max_bytes)

    def apply(self, records: Sequence[Record], store: Reader) -> Effects:
        """Judge a batch of one partition's records in their order."""
        effects = Effects()
        meta = read_meta(store.get(META))
        account = account_of(meta, store)
        before = self._now(meta.clocks)
        works: dict[tuple[str, str], _Work] = {}
        for record in records:
            if record.offset <= meta.offsets.get(record.topic, -1):
                effects.account["record", "redelivered"] += 1
                continue
            meta.offsets[record.topic] = record.offset
            counts = account.of(record.topic)
            counts.read += 1
            if record.topic == self._contributions:
                frame = self._frame(record)
                counts.admitted += 1
                meta.clocks[frame.source] = max(frame.clock, meta.clocks.get(frame.source, 0))
                self._add(frame, record, works, store, effects, self._now(meta.clocks))
            else:
                self._own(record, works, store, effects, self._now(meta.clocks), counts)
        now = self._now(meta.clocks)
        if now > before:
            self._wake(now, records[-1], works, store)
        for work in works.values():
            self._judge(work, effects, now)
        self._write(works.values(), effects)
        for work in works.values():
            account.facts.add(work.state.history.counts)
        meta.terms = self._rules_id()
        effects.writes[META] = encode(meta)
        return effects

    def rejudge(self, keys: Iterable[bytes], store: Reader, cause: Cause) -> Effects:
        """Judge keys again from nothing but their state, after reference data changed late."""
        effects = Effects()
        now = self._now(read_meta(store.get(META)).clocks)
        works = []
        for key in keys:
            state = KeyState(*key_of(key), store, self._general, self._registry, now)
            works.append(_Work(state, cause, whole=True))
            self._judge(works[-1], effects, now)
        self._write(works, effects)
        return effects

    def heads(self, store: Reader) -> Iterable[bytes]:
        """Keys of all keys' heads, for `rejudge`."""
        return store.keys(KEY_HEADS)

    def _rules_id(self) -> str:
        return next((rules.terms.set_id for rules in self._rules.values()), "")

    def _now(self, clocks: Mapping[int, int]) -> int:
        """The least clock of the source partitions; 0 while one of them has said nothing."""
        return min(clocks.values()) if len(clocks) >= self._partitions else 0

    @staticmethod
    def _frame(record: Record) -> Frame:
        try:
            return frame_decoder.decode(record.value or b"")
        except msgspec.MsgspecError as error:
            # our own stage one wrote it: going on would lose contributions silently
            raise RuntimeError(
                f"{record.topic} partition {record.partition} offset {record.offset} holds no frame: {error}"
            ) from error

    def _work(self, kind: str, key: str, cause: Cause, works: dict[tuple[str, str], _Work], store: Reader) -> _Work:
        work = works.get((kind, key))
        if work is None:
            state = KeyState(kind, key, store, self._general, self._registry, 0)
            work = works[kind, key] = _Work(state, cause)
        return work

    def _add(
        self,
        frame: Frame,
        record: Record,
        works: dict[tuple[str, str], _Work],
        store: Reader,
        effects: Effects,
        now: int,
    ) -> None:
        origin = (record.topic, record.partition, record.offset)
        # nothing is forgotten before what came first in the batch is judged
        since = min([entry.since or entry.time_ms for entry in frame.entries], default=0)
        first_kept: dict[str, int] = {}
        work: _Work | None = None
        known_kind = known_key = ""  # of `work`
        for entry in frame.entries:
            kind, key, cause = entry.kind, entry.key, entry.cause
            if work is None or key != known_key or kind != known_kind:  # what a fact gives to a key comes in one piece
                known_kind, known_key = kind, key
                work = works.get((kind, key))
                if work is None:
                    work = self._work(kind, key, Cause(cause, origin, entry.time_ms), works, store)
                state = work.state
                known_cause = work.cause.ref if work.cause.record == origin else None
                if kind not in first_kept:
                    first_kept[kind] = key_chunk(self._cut(kind, since, now) // DAY)
                first = first_kept[kind]
            if cause != known_cause:
                known_cause = cause
                work.cause = Cause(cause, origin, entry.time_ms)
            if state.oldest is not None and state.oldest < first:
                self._age(work, since, now, effects)
            state.add(entry.day, entry.name, entry.amount)

    def _own(
        self,
        record: Record,
        works: dict[tuple[str, str], _Work],
        store: Reader,
        effects: Effects,
        now: int,
        counts: RecordCounts,
    ) -> None:
        """Fold a fact about an institution itself."""
        try:
            facts = self._admitted(record)
        except Quarantined as why:
            effects.rejected.append(Rejected(record, why))
            effects.account["record", "quarantined"] += 1
            counts.quarantined += 1
            return
        if isinstance(facts[0], Tick):
            effects.account["tick", "admitted"] += 1  # stage two's time comes with the contributions
            counts.ticks += 1
            return
        counts.admitted += 1
        for fact in facts:
            origin = (record.topic, record.partition, record.offset)
            cause = Cause(fact.ref, origin, record.time_ms or 0)
            work = self._work("institution", fact.institution, cause, works, store)
            self._age(work, record.time_ms or 0, now, effects)
            outcome, changed = work.state.fold(fact)
            effects.account[fact.kind, outcome.value] += 1
            if changed:
                work.cause = cause
                work.changed += changed

    def _admitted(self, record: Record) -> list[Any]:
        facts = self._decode(record.value)
        if record.keyed and not isinstance(facts[0], Tick) and record.key != facts[0].institution.encode():
            raise Quarantined(reasons.WRONG_KEY, "the record's key must be fixmedins_code")
        if record.time_ms is not None and record.checked:
            admit(facts, record.time_ms, self._bounds)
        return facts

    def _age(self, work: _Work, time_ms: int, now: int, effects: Effects) -> None:
        """Forget what is too old at a record's time; what waits is judged before."""
        cut = self._cut(work.state.kind, time_ms, now)
        if work.state.must_forget(cut):
            self._judge(work, effects, now)
            work.state.forget(cut)

    def _cut(self, kind: str, time_ms: int, now: int) -> int:
        """What lies before this local second is too old, of keys of a kind, at a record's time."""
        # a partition far ahead must not make days forgotten that the clock has not reached
        return min(from_record_time(time_ms), now) - self.kept.get(kind, self._general.panes_kept)

    def _wake(self, now: int, record: Record, works: dict[tuple[str, str], _Work], store: Reader) -> None:
        cause = Cause("tick", (record.topic, record.partition, record.offset), record.time_ms or 0)
        for key in store.due(now):
            self._work(*key_of(key), cause, works, store)

    def _judge(self, work: _Work, effects: Effects, now: int) -> None:
        """Judge what was touched, and what time alone changed, since the key was judged last."""
        state = work.state
        history = state.history
        history.now = now
        history.models = self._models
        work.woken = state.wake if state.wake is not None and state.wake <= now else None
        rules = self._rules.get(state.kind)
        if rules is None or not (work.whole or work.woken is not None or work.changed or history.touched):
            return
        known: dict[str, bool] = {}
        for rule, detector in rules.active.items():
            span = _span(rule, detector, rules, work, known)
            if span is None or span.begin > span.end or (detector.scored and not self._models.awaited):
                continue
            for part in rules.parts(rule, span, self._models) if detector.scored else (span,):
                found = rules.judge(rule, history, part)
                if not found and not state.findings:
                    continue
                for change, before, after in changes(state.findings, rule, part, found, work.cause, None):
                    effects.alerts.append(change)
                    state.moved(before, after)
        if work.whole:
            self._drop_foreign(work, rules, effects)
        if rules.waiting:
            state.wake = rules.wake(history)
        work.whole, work.woken, work.changed, history.touched = False, None, [], {}

    @staticmethod
    def _drop_foreign(work: _Work, rules: Rules, effects: Effects) -> None:
        """Withdraw what stands of rules that no version of the terms has: it came from other terms."""
        state = work.state
        floor = state.history.floor
        span = ALWAYS if floor is None else Span(floor, ALWAYS.end)
        for rule in sorted({held.rule for held in state.findings.values()} - set(rules.active)):
            for change, before, after in changes(state.findings, rule, span, {}, work.cause, None):
                effects.alerts.append(change)
                state.moved(before, after)

    @staticmethod
    def _write(works: Iterable[_Work], effects: Effects) -> None:
        for work in works:
            wakes = work.state.wake_change()
            if wakes is not None:
                effects.wakes[key_key(work.state.kind, work.state.key)] = wakes
            effects.writes.update(work.state.writes())


def _span(rule: str, detector: Detector[Any], rules: Rules, work: _Work, known: dict[str, bool]) -> Span | None:
    """Where anchors lie of findings that may have changed; None: nowhere.

    Args:
        rule: of the detector.
        detector: of the key's kind.
        rules: of the key's kind.
        work: what touched the key.
        known: whether touched measures were known before they were touched, as far as it was asked.
    """
    state = work.state
    begin, end = ALWAYS if work.whole else _touched(rule, detector, rules, work, known)
    if begin > end:
        return None
    span = Span(begin, end)
    if state.findings:
        span = widened(span, rule, state.findings.values())
    if state.history.floor is not None:  # what looks at forgotten days is frozen
        span = Span(max(span.begin, state.history.floor + rules.reach(rule)[1]), span.end)
    return span


def _touched(rule: str, detector: Detector[Any], rules: Rules, work: _Work, known: dict[str, bool]) -> tuple[int, int]:
    """All of where the touched measures, the key's own facts and time itself touch findings; begin > end: nowhere."""
    history = work.state.history
    touched = history.touched
    back, ahead = rules.reach(rule)
    end, begin = ALWAYS
    for measure in detector.measures:
        days = touched.get(measure)
        if days is None:
            continue
        before = known.get(measure)
        if before is None:
            before = known[measure] = history.known_before(measure, days[0])
        if not before:  # days without it count as 0 from the first one with it on
            return ALWAYS
        first, last = days[0] * DAY - back, days[1] * DAY + DAY - 1 + ahead
        if first < begin:
            begin = first
        if last > end:
            end = last
    for change in work.changed:
        for fact in change:
            if isinstance(fact, detector.reads):
                begin, end = min(begin, fact.at - back), max(end, fact.at + ahead)
    if work.woken is not None and rule in rules.waiting:
        woken = rules.woken(rule)
        begin, end = (ALWAYS.begin if woken is None else min(begin, work.woken - woken)), ALWAYS.end
    return begin, end
