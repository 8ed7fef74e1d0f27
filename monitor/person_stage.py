"""Stage one: facts about persons, judged by person; what they mean for other keys goes on to stage two.

A batch of records of one partition goes in, everything that it does to the world comes out as `Effects`.
No I/O, no clock: state is read through `Reader`, time is in the records.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from detectors import trace_codes
from detectors.contributions import ROUTES, contributions, difference, fresh
from detectors.findings import ALWAYS, Span
from detectors.history import KEPT_FOR_EVER, KIND_BITS, filed_at, last_time, whole_time
from detectors.references import NOTHING_KNOWN, References, confirms
from detectors.standing import ADMITTED, CANCELLING, affected
from monitor.choosing import Choosing
from monitor.judging import Cause, Rules, changes, widened
from monitor.person_past import AROUND, VISITED, Pasts
from monitor.person_state import PersonState
from monitor.records import Effects, Reader, Record, Rejected
from monitor.recount import account_of
from monitor.scoring import RULE as SCORED
from monitor.scoring import ForestScorer
from monitor.state import (
    FEW_FACTS,
    META,
    PERSON_HEADS,
    encode,
    person_key,
    person_of,
    read_meta,
)
from topics import reasons
from topics.admission import LATENESS, Bounds, admit
from topics.decoding import Decoder
from topics.facts import Admission, Enrolment, FeeLine, PersonFact, Settlement, Tick, Transfer, Void
from topics.reasons import Quarantined
from topics.registry import Registry
from topics.times import DAY, UTC_OFFSET, format_time, from_record_time

_SETTLEMENT: Final = KIND_BITS[Settlement]
_FEE_LINE: Final = KIND_BITS[FeeLine]
_BEDDED: Final = KIND_BITS[Admission] | KIND_BITS[Transfer]
"""Kinds of facts that name beds, which are told the person's birth day."""

_NONE: Final[frozenset[str]] = frozenset()

_GIVING: Final = frozenset({Void, *(kind for route in ROUTES for kind in route.reads)})

_REVISING: Final = frozenset({*CANCELLING, Enrolment})
"""Kinds of facts that change others, however old."""

_LATEST: Final = 1 << 62
"""After all local seconds."""

_Pending = tuple[PersonFact, Record, int]
"""A fact that waits to be folded, its record, and the local second it is filed under."""


class _Work:
    """A person of the batch: facts that wait to be folded, and the tick they wait at.

    Attributes:
        state: of the person.
        latest: the fact that made the engine judge, or the cause itself; most works never tell it.
        pending: facts that wait.
        now: the tick.
        oldest: the earliest time that a waiting fact is filed under.
        spans: where rules must judge again.
    """

    __slots__ = ("latest", "now", "oldest", "pending", "spans", "state")

    def __init__(self, state: PersonState, latest: "_Pending | Cause", now: int) -> None:
        self.state = state
        self.latest = latest
        self.pending: list[_Pending] = []
        self.now = now
        self.oldest = _LATEST
        self.spans: dict[str, Span] = {}

    @property
    def cause(self) -> Cause:
        """What made the engine judge."""
        latest = self.latest
        return latest if isinstance(latest, Cause) else _cause(latest[0].ref, latest[1])


class PersonStage:
    """Judges facts about persons.

    Args:
        rules: detectors of persons with their terms.
        registry: reference data; the caller keeps it up to date.
        scorer: scores settlements with the models at hand.
        max_bytes: larger records are quarantined.
    """

    def __init__(self, rules: Rules, registry: Registry, scorer: ForestScorer, max_bytes: int | None = None) -> None:
        self._rules = rules
        self._registry = registry
        self._scorer = scorer
        self._general = rules.terms.general
        self.horizon = self._general.horizon
        # a reversal may name a settlement as old as the horizon; anchors that it touches lie a reach before it, and
        # what they look at another reach before them. Or it takes away what earlier facts were held against
        self.around = max(rules.longest_look_back, AROUND)
        self.kept = self.horizon + max(self.around, self._general.corrections)
        self._bounds = Bounds(self._general.tolerance, self._general.lateness, self.horizon)
        self._decode = Decoder("person") if max_bytes is None else Decoder("person", max_bytes)
        self._waiting = rules.waiting
        self._choosing = Choosing(rules)
        self._uses_references = any(detector.uses_references for detector in rules.active.values())
        general = self._general
        self._inpatient = general.inpatient - general.outpatient - general.emergency - general.pharmacy
        self._outside = frozenset(rule for rule, detector in rules.active.items() if detector.outside_stays)
        self._of_stays = frozenset(rule for rule, detector in rules.active.items() if detector.stays_alone)
        self._pasts = Pasts(rules, self._choosing, scorer)

    # ------------------------------------------------------------------ a batch

    def apply(self, records: Sequence[Record], store: Reader) -> Effects:
        """Judge a batch of one partition's records in their order."""
        effects = Effects()
        meta = read_meta(store.get(META))
        account = account_of(meta, store)
        effects.sums.since = min((record.time_ms for record in records if record.time_ms is not None), default=0)
        partition = records[0].partition
        clock = meta.clocks.get(partition, 0)
        works: dict[str, _Work] = {}
        before = clock
        for record in records:
            if record.offset <= meta.offsets.get(record.topic, -1):
                effects.account["record", "redelivered"] += 1
                continue
            meta.offsets[record.topic] = record.offset
            counts = account.of(record.topic)
            counts.read += 1
            try:
                facts = self._admitted(record)
                if type(facts[0]) is not Tick:
                    self._take(facts, record, clock, works, store, effects)
            except Quarantined as why:
                effects.rejected.append(Rejected(record, why))
                effects.account["record", "quarantined"] += 1
                counts.quarantined += 1
                continue
            if type(facts[0]) is Tick:
                clock = max(clock, facts[0].at)
                effects.account["tick", "admitted"] += 1
                counts.ticks += 1
                continue
            counts.admitted += 1
        if clock > before:
            effects.clock = clock
            meta.clocks[partition] = clock
            self._wake(clock, records[-1], works, store)
            for work in works.values():
                work.now = clock
        self._finish(list(works.values()), effects)
        self._write(works.values(), effects)
        for work in works.values():
            account.facts.add(work.state.history.counts)
        effects.entries = effects.sums.entries()
        meta.terms = self._rules.terms.set_id
        effects.writes[META] = encode(meta)
        return effects

    def rejudge(self, keys: Iterable[bytes], store: Reader, cause: Cause) -> Effects:
        """Judge persons again from nothing but their state, after reference data or terms changed late."""
        effects = Effects()
        meta = read_meta(store.get(META))
        now = max(meta.clocks.values(), default=0)
        works = []
        for key in keys:
            state = PersonState(person_of(key), store, self._general, self._registry, now)
            rules = {**self._rules.active, **{held.rule: None for held in state.findings.values()}}
            work = _Work(state, cause, now)
            work.spans = dict.fromkeys(rules, ALWAYS)
            works.append(work)
        self._finish(works, effects)
        self._write(works, effects, again=True)
        effects.entries = effects.sums.entries()
        return effects

    def heads(self, store: Reader) -> Iterable[bytes]:
        """Keys of all persons, for `rejudge`."""
        return store.keys(PERSON_HEADS)

    def _write(self, works: Iterable[_Work], effects: Effects, *, again: bool = False) -> None:
        for work in works:
            if len(work.state.history.facts) > FEW_FACTS:
                self._pasts.keep(work.state, again=again)
            wakes = work.state.wake_change()
            if wakes is not None:
                effects.wakes[person_key(work.state.person)] = wakes
            effects.writes.update(work.state.writes())

    def _admitted(self, record: Record) -> list[Any]:
        facts = self._decode(record.value)
        if record.keyed and type(facts[0]) is not Tick and record.key != facts[0].person.encode():
            raise Quarantined(reasons.WRONG_KEY, "the record's key must be psn_no")
        if record.time_ms is not None and record.checked:
            admit(facts, record.time_ms, self._bounds)
        return facts

    def _take(
        self,
        facts: Sequence[PersonFact],
        record: Record,
        clock: int,
        works: dict[str, _Work],
        store: Reader,
        effects: Effects,
    ) -> None:
        """Put a record's facts to their person; what must be forgotten before them is judged first.

        Raises:
            Quarantined: they come too late for what is known of the person.
        """
        person: str = facts[0].person  # type: ignore[attr-defined]  # every person fact declares it
        work = works.get(person)
        if work is None:
            terms = self._rules.mark if type(facts[0]) in VISITED else None
            state = PersonState(person, store, self._general, self._registry, clock, terms)
            work = works[person] = _Work(state, (facts[0], record, 0), clock)
        cut = from_record_time(record.time_ms or 0) - self.kept
        work.now = clock  # what time alone concerns is judged before its facts are forgotten, too
        if work.oldest < cut or work.state.must_forget(cut, self.around):
            self._finish([work], effects)
            if work.state.must_forget(cut, self.around):
                effects.account["reversal", "unmatched"] += work.state.forget(cut, self.around)
        if type(facts[0]) in _REVISING and record.time_ms is not None and record.checked:
            self._in_time(facts[0], record.time_ms, work, effects)
        for fact in facts:
            time = filed_at(fact)
            work.pending.append((fact, record, time))
            if time < work.oldest:
                work.oldest = time

    def _in_time(self, fact: PersonFact, time_ms: int, work: _Work, effects: Effects) -> None:
        """Refuse what would change facts of which some may be forgotten: then the order of arrival would decide.

        A reversal or void has the horizon of what it cancels. An enrolment that does not say in time when it was known
        concerns all facts of the person. Either may tell again what is known.

        Raises:
            Quarantined: `too-late`.
        """
        work.state.complete()
        oldest = -(-time_ms // 1000) + UTC_OFFSET - self.horizon
        name = affected(fact)[-1] if type(fact) in CANCELLING else fact.ref
        if any(name in affected(waiting) for waiting, _, _ in work.pending):
            self._finish([work], effects)  # of its versions one is chosen
        history = work.state.history
        if isinstance(fact, Enrolment):
            uploaded = fact.uploaded_at
            if uploaded is not None and uploaded >= oldest + self._general.corrections:
                return
            if fact in {history.facts.get(name), *history.superseded}:
                return
            before = work.oldest < oldest or history.floor is not None or history.reaches_before(oldest)
            if before:
                raise Quarantined(
                    reasons.TOO_LATE,
                    f"enrolment received {format_time(from_record_time(time_ms))}, after care of more than "
                    f"{self.horizon // DAY} days before was judged without it; send when it was known as upld_time",
                )
            return
        cancelled = history.facts.get(name)
        if cancelled is None or type(cancelled) in KEPT_FOR_EVER or history.facts.get(fact.ref) == fact:
            return
        told = getattr(cancelled, LATENESS.get(type(cancelled), ""), None)
        time = cancelled.at if told is None else max(cancelled.at, told)
        if time < oldest:
            raise Quarantined(
                reasons.TOO_LATE,
                f"{fact.kind} of a fact of {format_time(time)}, received {format_time(from_record_time(time_ms))}",
            )

    def _wake(self, clock: int, record: Record, works: dict[str, _Work], store: Reader) -> None:
        """Take in the persons whom time alone concerns."""
        if not self._waiting:
            return
        cause = _cause("tick", record)
        for key in store.due(clock):
            person = person_of(key)
            if person not in works:
                state = PersonState(person, store, self._general, self._registry, clock)
                works[person] = _Work(state, cause, clock)

    # ------------------------------------------------------------------ judging

    def _finish(self, works: Sequence[_Work], effects: Effects) -> None:
        """Fold what waits, and judge the spans that it touched."""
        for work in works:
            work.state.history.now = work.now
            if work.pending:
                self._fold(work, effects)
            wake = work.state.wake
            if wake is not None and wake <= work.now:
                work.state.complete()
                work.spans.update(dict.fromkeys(self._waiting, ALWAYS))
            if work.state.history.floor is not None:
                self._clip(work)
        if self._scorer.models.awaited:
            effects.scores += self._scorer.score(
                (work.state.history, work.spans[SCORED]) for work in works if SCORED in work.spans
            )
        for work in works:
            self._judge(work, effects)

    def _fold(self, work: _Work, effects: Effects) -> None:
        state = work.state
        history = state.history
        waiting = [pending[0] for pending in work.pending]
        fresh = history.is_fresh(waiting)
        inpatient = not fresh and self._are_inpatient(work)
        past = history.past
        if past is None or not self._pasts.suffices(
            state,
            past,
            waiting,
            None if fresh else lambda visits: self._touched(work, visits).begin,
            inpatient=inpatient,
        ):
            state.complete()
            state.past_holds = False
            if past is not None:
                fresh = history.is_fresh(waiting)
                inpatient = not fresh and self._are_inpatient(work)
        if fresh and not (history.kinds & _BEDDED and self._may_change_references(work)):
            self._fold_fresh(work, effects)
            return
        visits = {visit for fact, _, _ in work.pending for visit in history.touches(fact)}
        span = self._touched(work, visits)
        gives = any(type(fact) in _GIVING for fact, _, _ in work.pending)
        given = contributions(history, visits) if gives else Counter()
        references = history.references if self._uses_references else NOTHING_KNOWN
        kinds = 0
        latest = None
        account = effects.account
        for pending in work.pending:
            fact = pending[0]
            outcome, changed = state.fold(fact)
            account[fact.kind, "admitted" if outcome is ADMITTED else outcome.value] += 1
            if changed:
                latest = pending
                for before, after in changed:
                    kinds |= KIND_BITS[type(after or before)]
            elif outcome is ADMITTED and isinstance(fact, Settlement):
                latest = pending  # cancelled before it came: lines of its visit were live until now
                kinds |= KIND_BITS[Settlement]
        work.pending.clear()
        work.oldest = _LATEST
        if latest is None:
            return
        work.latest = latest
        if gives:
            self._send(difference(given, contributions(history, visits)), work.cause, effects)
        begin, end = span
        for visit in visits:
            hull = history.hull(visit)
            if hull is not None:
                begin, end = min(begin, hull.begin), max(end, hull.end)
        self._concern(work, kinds, Span(begin, end), references, self._outside if inpatient else _NONE)

    def _may_change_references(self, work: _Work) -> bool:
        """Whether what waits may change what is known of the person: then stays may give other things to beds."""
        references, delay = work.state.history.references, self._general.corrections
        return any(type(fact) is Settlement and not confirms(fact, references, delay) for fact, _, _ in work.pending)

    def _are_inpatient(self, work: _Work) -> bool:
        """Whether all that waits settles stays of which nothing else is known."""
        history = work.state.history
        return all(
            type(fact) is Settlement
            and fact.med_type in self._inpatient
            and not history.knows(fact.visit)
            and fact.ref not in history.facts
            for fact, _, _ in work.pending
        )

    def _fold_fresh(self, work: _Work, effects: Effects) -> None:
        """As `_fold`, of new visits outside stays: nothing that is known changes, what they give is what is sent."""
        state = work.state
        history = state.history
        held = history.facts
        references = history.references if self._uses_references and history.says_who else NOTHING_KNOWN
        begin, end = _LATEST, -_LATEST
        coded: set[str] = set()
        settlements: list[Settlement] = []
        kinds = 0
        for fact, _, filed in work.pending:
            if type(fact) is Settlement:
                kinds |= _SETTLEMENT
                settlements.append(fact)
                first, last = whole_time(fact)
            else:
                kinds |= _FEE_LINE
                first = last = filed
                if fact.trace_codes:  # type: ignore[attr-defined]  # settlements and lines alone are fresh
                    coded.add(fact.visit)  # type: ignore[attr-defined]
            if first < begin:
                begin = first
            if last > end:
                end = last
        given = fresh(history, settlements)
        latest = work.pending[0]
        latest_ref = ""
        account = effects.account
        for pending in work.pending:
            fact = pending[0]
            ref = fact.ref
            if ref not in held:
                state.add(ref, fact, pending[2])  # type: ignore[arg-type]
                account[fact.kind, "admitted"] += 1
                latest, latest_ref = pending, ref
                continue
            outcome, changed = state.fold(fact)  # a line twice
            account[fact.kind, outcome.value] += 1
            if changed:
                latest, latest_ref = pending, ref
        work.latest = latest
        work.pending = []
        work.oldest = _LATEST
        if coded:
            given += trace_codes.give(history, coded)
        effects.sums.extend(given, latest_ref, latest[1].time_ms or 0)
        self._concern(work, kinds, Span(begin, end), references, self._of_stays)

    def _concern(
        self, work: _Work, kinds: int, span: Span, references: References, spared: frozenset[str] = _NONE
    ) -> None:
        """Note where the rules that read such facts must judge again, but for those that these cannot concern."""
        state = work.state
        history = state.history
        begin, end = span
        changed_references = False
        if self._uses_references:
            now = history.references
            changed_references = references is not now and references != now
        findings = state.findings
        standing = {held.rule for held in findings.values()} if findings else ()
        choosing = self._choosing
        readers = choosing.reading(kinds, history) if standing else choosing.able(kinds, history)
        touched = span
        reach = 0, 0
        for rule, _, back, ahead, uses_references, able, silent in readers:
            if rule in spared:
                continue
            if rule not in standing and (not able or (silent is not None and silent(history))):
                continue  # nothing to find, nothing to withdraw
            if changed_references and uses_references:
                work.spans[rule] = ALWAYS
                continue
            if reach != (back, ahead):
                reach = back, ahead
                touched = Span(begin - back, end + ahead)
            work.spans[rule] = widened(touched, rule, findings.values()) if rule in standing else touched
        if changed_references:
            for rule, detector in self._rules.active.items():
                if detector.uses_references and rule not in work.spans:
                    work.spans[rule] = ALWAYS
        if history.past is not None and self._pasts.reaches_into(work.spans, history.past):
            state.complete()
            self._concern(work, kinds, span, references, spared)

    def _touched(self, work: _Work, visits: Iterable[str]) -> Span:
        """All times that the waiting facts, the facts they cancel and their visits speak of."""
        history = work.state.history
        held = history.facts
        times = []
        for fact, _, _ in work.pending:
            if type(fact) is FeeLine:
                times.append(fact.charged_at)
            else:
                times += [filed_at(fact), fact.at, last_time(fact)]
                if history.makes_stay(fact):
                    times.append(filed_at(fact) + self._general.open_stay)
            for name in affected(fact):
                old = held.get(name)
                if old is not None:
                    times += [filed_at(old), old.at, last_time(old)]
        for visit in visits:
            hull = history.hull(visit)
            if hull is not None:
                times += hull
        return Span(min(times), max(times))

    def _clip(self, work: _Work) -> None:
        """Leave alone what hangs on forgotten facts: such findings are frozen."""
        floor = work.state.history.floor
        if floor is None:
            return
        for rule, span in work.spans.items():
            work.spans[rule] = Span(max(span.begin, floor + self._rules.reach(rule)[1]), span.end)

    @staticmethod
    def _send(deltas: dict[Any, int], cause: Cause, effects: Effects) -> None:
        for contribution in sorted(deltas):
            effects.sums.add(contribution, deltas[contribution], cause.ref, cause.time_ms)

    def _judge(self, work: _Work, effects: Effects) -> None:
        if not work.spans:
            return
        state = work.state
        history = state.history
        rules, active, awaited = self._rules, self._rules.active, self._scorer.models.awaited
        cause = None
        standing = {held.rule for held in state.findings.values()} if state.findings else ()
        for rule, span in work.spans.items():
            if span.begin > span.end:
                continue
            detector = active.get(rule)
            if rule not in standing and (detector is None or (span is ALWAYS and self._choosing.quiet(rule, history))):
                continue  # of other spans `_concern` has seen to it
            scored = detector is not None and detector.scored
            if scored and not awaited:
                continue  # nothing is known to score by: what stands is left as it is
            for part in rules.parts(rule, span, self._scorer.models) if scored else (span,):
                found = rules.judge(rule, history, part)
                if not found and rule not in standing:
                    continue
                cause = work.cause if cause is None else cause
                for change, before, after in changes(
                    state.findings, rule, part, found, cause, state.person, history.floor
                ):
                    effects.alerts.append(change)
                    state.moved(before, after)
        work.spans = {}
        if self._waiting:
            state.wake = self._choosing.wake(history)


def _cause(ref: str, record: Record) -> Cause:
    return Cause(ref, (record.topic, record.partition, record.offset), record.time_ms or 0)
