"""A person's history: the facts that stand, in event-time order, whatever the order of their arrival.

The history folds facts in (versions, reversals and voids included), tells what changed, and offers views to
detectors. It never sees arrival order, offsets or a clock: `now` is the greatest tick.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from detectors.findings import ALWAYS, Span
from detectors.lines import NetLine, by_time, net
from detectors.past import Past
from detectors.references import (
    ATTRIBUTES,
    Counted,
    References,
    Tally,
    confirms,
    count_on,
    enrolled,
    forgotten_before,
    given,
    known_from,
    of_agreeing,
    of_facts,
    tally,
    told_at,
)
from detectors.standing import CANCELLING, Change, StandingFacts, affected
from detectors.stays import PARTS, Stay, put_together
from detectors.terms import General
from detectors.views import view
from topics.facts import (
    PERSON_FACTS,
    Admission,
    CardLoss,
    Death,
    Enrolment,
    FeeLine,
    PersonFact,
    Reversal,
    SelfPayStay,
    Settlement,
    Void,
)
from topics.money import share
from topics.registry import Registry
from topics.versions import standing

if TYPE_CHECKING:  # the model's features look at settlements of a history
    from detectors.model_set import ModelSet

F = TypeVar("F", bound=PersonFact)

KEPT_FOR_EVER: Final = (Enrolment, Death, CardLoss)

KIND_BITS: Final[dict[type[Any], int]] = {kind: 1 << place for place, kind in enumerate(PERSON_FACTS)}
"""A bit for every kind of fact about persons: sets of kinds as numbers are compared and looked up at no cost."""

_REFERRED: Final = frozenset({Settlement, Admission, Enrolment})
"""What the references are made of."""

_VIEWS: Final = (
    "settlements",
    "references",
    "stays",
    "kinds",
    "_visits",
    "_by_type",
    "_care_times",
    "_lines_by_visit",
    "_net_lines",
)

_by_time = attrgetter("at", "ref")
_settled_at = attrgetter("settled_at")
_by_settled = attrgetter("settled_at", "id")
"""The order of `_by_time` among settlements, without properties."""


def _care(settlement: Settlement) -> tuple[int, str]:
    begin = settlement.begin
    return (settlement.settled_at if begin is None else begin), settlement.id


def _file(facts: list[Any], fact: Any, key: Callable[[Any], Any]) -> None:  # noqa: ANN401 - any fact
    """Take a fact into an ordered list."""
    if facts and key(fact) < key(facts[-1]):
        insort(facts, fact, key=key)
    else:
        facts.append(fact)


def _refile(facts: list[Any], change: Change, key: Callable[[Any], Any]) -> None:
    """Take one fact out of an ordered list and another in."""
    if change.before is not None:
        facts.remove(change.before)
    if change.after is not None:
        _file(facts, change.after, key)


def filed_at(fact: PersonFact) -> int:
    """The local second under which a fact is filed: care time of a settlement, event time of all others."""
    if type(fact) is Settlement:
        begin = fact.begin
        return fact.settled_at if begin is None else begin
    return fact.at


def whole_time(settlement: Settlement) -> tuple[int, int]:
    """The first and the last time a settlement speaks of."""
    first = last = settlement.settled_at
    begin, end = settlement.begin, settlement.end
    if begin is not None:
        if begin < first:
            first = begin
        elif begin > last:
            last = begin
    return first, last if end is None or end < last else end


def last_time(fact: PersonFact) -> int:
    """The latest time a fact speaks of."""
    if type(fact) is FeeLine:
        return fact.charged_at
    if type(fact) is Settlement:
        return whole_time(fact)[1]
    end = getattr(fact, "end", None)
    return max(fact.at, end) if end is not None else fact.at


class Scored(NamedTuple):
    """A settlement's anomaly score (fixed point), and for an outlier the row behind it and each feature's share.

    `priority` is the outlier's place in the review queue, parts per million; None where the model does not rank.
    """

    score: int
    threshold: int
    row: Any = None
    shares: Any = None
    priority: int | None = None


class PersonHistory(StandingFacts):
    """The facts of one person, and views of those that stand.

    Args:
        person: the person's number.
        general: code sets and general numbers.
        registry: reference data, looked up as of event times.
        now: the greatest tick, local second.
    """

    def __init__(self, person: str, general: General, registry: Registry, now: int = 0) -> None:
        super().__init__()
        self.person = person
        self.general = general
        self.registry = registry
        self.now = now
        self.forgotten: dict[str, dict[Any, Tally]] = {}
        self.superseded: list[Enrolment | Void] = []
        """Versions of the enrolment, and of its void, that earlier facts are held against."""
        self.floor: int | None = None
        """First local second that is fully kept; None while nothing was forgotten."""
        self.past: Past | None = None
        """What is known of facts that are not in `facts`, since they were not read; None: all of them were."""
        self._agree = False
        self.models: ModelSet | None = None
        self.scores: dict[str, Scored] = {}
        """Anomaly scores by settlement id, filled in by the engine for the span it judges."""

    def load(self, facts: Iterable[PersonFact]) -> set[str]:
        """Take facts that were folded before (from stored state); gives their identities."""
        held = self.facts
        refs = set()
        for fact in facts:
            ref = fact.ref
            refs.add(ref)
            if type(fact) in CANCELLING and ref not in held:
                self._cancelling += 1
            held[ref] = fact
        self._forget_views()
        return refs

    @view
    def _visits(self) -> dict[str, set[str]]:
        """The facts of each visit, standing or not, by identity."""
        found: dict[str, set[str]] = {}
        for ref, fact in self.facts.items():
            if visit := getattr(fact, "visit", None):
                found.setdefault(visit, set()).add(ref)
        return found

    def _hold(self, ref: str, fact: Any) -> None:  # noqa: ANN401 - see the base class
        visits: dict[str, set[str]] | None = self.__dict__.get("_visits")
        if visits is not None:
            old = self.facts.get(ref)
            if old is not None and (visit := getattr(old, "visit", None)):
                visits[visit].discard(ref)
            if visit := getattr(fact, "visit", None):
                visits.setdefault(visit, set()).add(ref)
        super()._hold(ref, fact)

    @property
    def says_who(self) -> bool:
        """Whether anything is held, or was, that references may be made of."""
        return bool(self.facts or self.forgotten or self.superseded) or self.past is not None

    def is_fresh(self, facts: Iterable[Any]) -> bool:
        """Whether facts are ordinary care that nothing here is about yet: visits, with their lines, not seen before.

        None of them is cancelled then or changes what is here, and no stay is touched.
        """
        # without the view, which few persons need, a look at all is quicker than making it
        made: dict[str, set[str]] | None = self.__dict__.get("_visits")
        visits: Collection[str | None]
        if made is None:
            visits = {getattr(fact, "visit", None) for fact in self.facts.values()}
        else:
            visits = {visit for visit, refs in made.items() if refs}
        seen: set[str] = set()
        inpatient = self.general.inpatient
        held = self.facts
        for fact in facts:
            kind = type(fact)
            if kind is Settlement:
                if fact.med_type in inpatient or fact.visit in visits:
                    return False
                ref = fact.ref
                if ref in held or ref in seen:
                    return False
                seen.add(ref)
                if self._cancelling and ("reversal:" + fact.id in held or "void:" + ref in held):
                    return False
            elif kind is not FeeLine or fact.visit in visits or (self._cancelling and "void:" + fact.ref in held):
                return False
        return True

    def add(self, ref: str, fact: Settlement | FeeLine) -> None:
        """Fold in a fact of a new visit (see `is_fresh`), of an identity not held; it changes no other.

        Args:
            ref: its identity.
            fact: the fact.
        """
        counts = self.counts
        counts.read += 1
        counts.admitted += 1
        counts.live += 1
        self._hold(ref, fact)
        views = self.__dict__
        views.pop("_net_lines", None)
        by_type = views.get("_by_type")
        if isinstance(fact, FeeLine):
            views.pop("_lines_by_visit", None)
            if by_type is not None:
                self._file_new(by_type, fact, _by_time)
            return
        if "references" in views and not confirms(fact, self.references, self.general.corrections):
            del views["references"]
        views.pop("_care_times", None)
        if by_type is not None:
            self._file_new(by_type, fact, _by_settled)
        settlements = views.get("settlements")
        if settlements is not None:
            _file(settlements, fact, _care)

    def _file_new(self, by_type: dict[Any, list[Any]], fact: Any, key: Callable[[Any], Any]) -> None:  # noqa: ANN401 - any fact
        held = by_type.setdefault(type(fact), [])
        if not held:
            self.__dict__.pop("kinds", None)
        _file(held, fact, key)

    def touches(self, fact: PersonFact) -> tuple[str, ...]:
        """Visits whose course a fact may change, as far as they are known before it is folded."""
        visits = {getattr(self.facts.get(name), "visit", None) for name in affected(fact)}
        visits.add(getattr(fact, "visit", None))
        return tuple(visit for visit in visits if visit)

    # ------------------------------------------------------------------ forgetting

    def forget(self, refs: Iterable[str], floor: int) -> int:
        """Forget facts for good; what they gave towards the references is kept as counts.

        A reversal or void whose target is still kept stays. Tells how many reversals waited in vain.
        """
        going = set(refs)
        # a void of a reversal is needed only once the reversal is known to stay
        while needed := {ref for ref in going if self._needed(self.facts[ref], going)}:
            going -= needed
        unmatched = 0
        for ref in sorted(going):
            fact = self.facts[ref]
            if isinstance(fact, Reversal):
                unmatched += "settlement:" + fact.settlement not in self.facts
            elif isinstance(fact, Settlement | Admission) and self.live(ref) is not None:
                for attribute in ATTRIBUTES:
                    if given(fact, attribute) is not None:
                        self.forgotten[attribute] = tally([fact], attribute, self.forgotten.get(attribute, {}))
        for ref in going:
            visit = getattr(self.facts[ref], "visit", None)
            if visit:
                self._visits[visit].discard(ref)
                if not self._visits[visit]:
                    del self._visits[visit]
        self._drop(going)
        self.floor = floor if self.floor is None else max(self.floor, floor)
        if self.superseded:
            delay = self.general.corrections
            times = sorted(known_from(fact, delay) for fact in self._enrolments())
            self.superseded = [
                old for old in self.superseded if not any(known_from(old, delay) < time <= floor for time in times)
            ]
        self._forget_views()
        return unmatched

    def reaches_before(self, time: int) -> bool:
        """Whether care before a local second is kept."""
        return any(filed_at(fact) < time for fact in self.facts.values() if type(fact) not in KEPT_FOR_EVER)

    def _needed(self, fact: PersonFact, going: set[str]) -> bool:
        """Whether a reversal or void still cancels something that is kept."""
        target = affected(fact)[1:2]
        return bool(target) and target[0] in self.facts and target[0] not in going

    # ------------------------------------------------------------------ views

    def _forget_views(self) -> None:
        views = self.__dict__
        for name in _VIEWS:
            if name in views:
                del views[name]

    def _refile(self, change: Change) -> None:
        """Bring the views that were made already up to date; what a change may touch otherwise is made anew."""
        views = self.__dict__
        if "references" in views and not self._confirms(change):
            del views["references"]
        if "stays" in views and self._moves_stays(change):
            del views["stays"]
        views.pop("_net_lines", None)
        kind = type(change.after or change.before)
        if kind is FeeLine:
            views.pop("_lines_by_visit", None)
        by_type = views.get("_by_type")
        if by_type is not None:
            facts = by_type.setdefault(kind, [])
            if change.before is not None or not facts:
                views.pop("kinds", None)
            _refile(facts, change, _by_settled if kind is Settlement else _by_time)
        if kind is Settlement:
            views.pop("_care_times", None)
            settlements = views.get("settlements")
            if settlements is not None:
                _refile(settlements, change, _care)

    def _confirms(self, change: Change) -> bool:
        """Whether a change leaves the references as they are: one more fact that says the same, or says nothing."""
        fact = change.after
        if change.before is not None:
            return type(fact) not in _REFERRED and type(change.before) not in _REFERRED
        if type(fact) not in _REFERRED:
            return True
        if type(fact) is Enrolment:
            return False
        return confirms(fact, self.references, self.general.corrections)

    def _lost(self, loser: Any, winner: Any) -> list[Change]:  # noqa: ANN401 - two facts of one identity
        """Keep a version of the enrolment that was known before another: facts of its time are held against it."""
        kind = type(winner)
        if kind is not Enrolment and not (kind is Void and winner.target == "enrolment:" + self.person):
            return []
        self.__dict__.pop("references", None)
        if loser is not None and known_from(loser, 0) < known_from(winner, 0):
            by_time = {(type(fact), known_from(fact, 0)): fact for fact in self.superseded}
            place = kind, known_from(loser, 0)
            by_time[place] = standing(by_time.get(place, loser), loser)
            self.superseded = sorted(by_time.values(), key=lambda fact: (known_from(fact, 0), fact.ref))
        enrolment = self.facts.get("enrolment:" + self.person)
        return [] if enrolment is None else [Change(enrolment, enrolment)]

    def _enrolments(self) -> list[Enrolment | Void]:
        """What is known of the person's enrolment, and what was."""
        facts, found = self.facts, list(self.superseded)
        name = "enrolment:" + self.person
        if name in facts:
            found.append(facts[name])
        if self._cancelling and (void := "void:" + name) in facts:
            found.append(facts[void])
        return found

    def _moves_stays(self, change: Change) -> bool:
        """Whether a change is about a stay, or makes or ends one."""
        for fact in change:
            if fact is not None:
                kind = type(fact)
                if kind is Admission or (kind is Settlement and fact.med_type in self.general.inpatient):
                    return True
                if getattr(fact, "visit", None) in self.stays:
                    return True
        return False

    @view
    def _by_type(self) -> dict[type[PersonFact], list[PersonFact]]:
        found: dict[type[PersonFact], list[PersonFact]] = {}
        every = self.facts.values() if not self._cancelling else filter(None, map(self.live, self.facts))
        for fact in every:
            found.setdefault(type(fact), []).append(fact)
        for kind, facts in found.items():
            if len(facts) > 1:
                facts.sort(key=_by_settled if kind is Settlement else _by_time)
        return found

    @view
    def kinds(self) -> int:
        """The kinds of which a fact stands: their `KIND_BITS`, added up."""
        found = 0
        for kind, facts in self._by_type.items():
            if facts:
                found |= KIND_BITS[kind]
        return found

    def all_of(self, kind: type[F]) -> Sequence[F]:
        """The standing facts of a kind by event time, ties by identity."""
        return self._by_type.get(kind, ())  # type: ignore[return-value]  # filed by their type

    @view
    def settlements(self) -> Sequence[Settlement]:
        """The standing settlements by care time, ties by id."""
        held = self.all_of(Settlement)
        return sorted(held, key=_care) if len(held) > 1 else list(held)

    @view
    def _care_times(self) -> list[int]:
        """The care times of `settlements`."""
        return [one.settled_at if one.begin is None else one.begin for one in self.settlements]

    def settlements_in(self, span: Span) -> Sequence[Settlement]:
        """The standing settlements with care time in the span, by care time, ties by id."""
        begin, end = self.settlement_places(span)
        return self.settlements[begin:end]

    def settlement_places(self, span: Span) -> tuple[int, int]:
        """Where `settlements_in(span)` begins and ends among `settlements`."""
        found = self._care_times
        begin = bisect_left(found, span.begin)
        return begin, bisect_right(found, span.end, lo=begin)

    def settled_in(self, span: Span) -> Sequence[Settlement]:
        """The standing settlements with settlement time in the span, by that time, ties by id."""
        found = self.all_of(Settlement)
        begin = bisect_left(found, span.begin, key=_settled_at)
        return found[begin : bisect_right(found, span.end, lo=begin, key=_settled_at)]

    @view
    def references(self) -> References:
        """Enrolled values, else the most frequent among the person's facts, ties to the earliest.

        Of facts, versions and voids up to `General.corrections` after the time that is asked for.
        """
        found, self._agree = self._referred(self.all_of(Settlement))
        return found

    def references_with(self, more: Sequence[Settlement]) -> References:
        """What the references would be with other settlements besides, of times that are read."""
        return self._referred(sorted([*self.all_of(Settlement), *more], key=_by_settled))[0]

    def _referred(self, settlements: Sequence[Settlement]) -> tuple[References, bool]:
        """The references by these settlements and the admissions, and whether it is known that all facts agree."""
        delay = self.general.corrections
        admissions = self.all_of(Admission)
        known = self._enrolments()
        past = self.past
        if past is None:
            agreed = None if self.forgotten else of_agreeing(settlements, admissions, delay)
            if agreed is None:
                agree = False
                found = of_facts(settlements, admissions, forgotten_before(self.forgotten), delay)
            else:
                agree, found = True, agreed
        else:
            settlements = [one for one in settlements if one.settled_at >= past.begin]
            admissions = [one for one in admissions if told_at(one) >= past.begin]
            more = len(settlements) + len(admissions)
            agree, counted = False, past.counted
            if not all(each.leads_by(more) for each in counted):  # else they are what they were, whatever these say
                counted = count_on(settlements, admissions, counted, delay)
                agree = not self.forgotten and all(len(each.tallies) < 2 for each in counted)
            found = References(*(each.steps for each in counted))
        return (enrolled(known, found, delay), False) if known else (found, agree)

    def counted_until(self, time: int) -> list[Counted]:
        """What facts told before a local second give towards the references, forgotten ones too, by attribute."""
        begin = ALWAYS.begin if self.past is None else self.past.begin
        settlements = [one for one in self.all_of(Settlement) if begin <= one.settled_at < time]
        admissions = [one for one in self.all_of(Admission) if begin <= told_at(one) < time]
        before = forgotten_before(self.forgotten) if self.past is None else self.past.counted
        return count_on(settlements, admissions, before, self.general.corrections)

    @property
    def facts_agree(self) -> bool:
        """Whether it is known at a glance that no fact contradicts the references: all facts say the same."""
        _ = self.references  # which tells it, too
        return self._agree

    def knows(self, visit: str) -> bool:
        """Whether any fact of a visit is known, standing or not."""
        return bool(self._visits.get(visit))

    def visit(self, visit: str) -> Iterator[PersonFact]:
        """The standing facts of a visit, in no order."""
        for ref in self._visits.get(visit, ()):
            fact = self.live(ref)
            if fact is not None:
                yield fact

    def is_stay(self, visit: str) -> bool:
        """Whether the visit is a stay: it has an admission, or a settlement of an inpatient type."""
        return visit in self.stays

    @view
    def _lines_by_visit(self) -> dict[tuple[str, str], list[FeeLine]]:
        found: dict[tuple[str, str], list[FeeLine]] = {}
        for line in self.all_of(FeeLine):
            found.setdefault((line.institution, line.visit), []).append(line)
        return found

    def raw_lines(self, institution: str, visit: str) -> Sequence[FeeLine]:
        """The standing lines of a visit as they were uploaded, cancelling lines among them."""
        return self._lines_by_visit.get((institution, visit), [])

    @view
    def stays(self) -> dict[str, Stay]:
        """The person's stays by mdtrt_id, in order of begin, ties by mdtrt_id."""
        inpatient = self.general.inpatient
        parts: dict[str, list[PersonFact]] = {}
        for admission in self.all_of(Admission):
            parts[admission.visit] = []
        for settlement in self.all_of(Settlement):
            if settlement.med_type in inpatient:
                parts[settlement.visit] = []
        if not parts:
            return {}
        for kind in PARTS:
            for fact in self.all_of(kind):
                if fact.visit in parts:
                    parts[fact.visit].append(fact)
        stays = [self._stay(visit, facts) for visit, facts in parts.items()]
        return {stay.visit: stay for stay in sorted(stays, key=lambda stay: (stay.begin, stay.visit))}

    def _stay(self, visit: str, facts: Sequence[PersonFact]) -> Stay:
        stay = put_together(visit, self.person, facts, self.general.open_stay)
        if stay.end is not None:
            return stay
        return replace(stay, open_until=max(stay.open_until, *map(last_time, self.visit(visit))))

    def lines(self, institution: str, visit: str) -> Sequence[NetLine]:
        """The live lines of a visit, net of their cancels, by time."""
        return self.net_lines(institution, visit) if self.now <= self.live_until(visit) else ()

    def net_lines(self, institution: str, visit: str) -> Sequence[NetLine]:
        """The lines of a visit as `lines` gives them while they are live (see `live_until`)."""
        key = institution, visit
        found = self._net_lines.get(key)
        if found is None:
            settlements = [fact for fact in self.visit(visit) if isinstance(fact, Settlement)]
            last = max(settlements, key=attrgetter("settled_at", "id"), default=None)
            stay = None if last else self.stays.get(visit)
            med_type = last.med_type if last else stay.med_type if stay else None
            found = self._net_lines[key] = by_time(net(self.raw_lines(institution, visit), med_type))
        return found

    def live_until(self, visit: str) -> int:
        """The last local second at which a visit's lines are live: ever, or never, but for stays still open."""
        if not self._cancelling:
            return ALWAYS.end
        was_settled = False
        for ref in self._visits.get(visit, ()):
            if isinstance(self.facts[ref], Settlement):
                if self.live(ref) is not None:
                    return ALWAYS.end
                was_settled = True
        if not was_settled:
            return ALWAYS.end
        stay = self.stays.get(visit)
        return stay.open_until if stay is not None and stay.end is None else ALWAYS.begin

    @property
    def lines_wake(self) -> int | None:
        """The next local second at which lines cease to be live by time alone; for `wake` of rules on lines."""
        if not self._cancelling:
            return None
        ends = {self.live_until(visit) for _, visit in self._lines_by_visit} - {ALWAYS.end}
        return min((end + 1 for end in ends if end >= self.now), default=None)

    @view
    def _net_lines(self) -> dict[tuple[str, str], Sequence[NetLine]]:
        return {}

    def fund_share(self, amount: int, settlement: Settlement | None, visit: str) -> int | None:
        """The fund's part of an amount of a visit's lines, fen, rounded half up; None while none is settled.

        The share is that of the settlement, else of the visit's settlements added up.
        """
        settled = [settlement] if settlement else [f for f in self.visit(visit) if isinstance(f, Settlement)]
        if not settled:
            return None
        return share(amount, sum(one.fund for one in settled), sum(one.total for one in settled))

    def hull(self, visit: str) -> Span | None:
        """From the first to the last time that facts of a visit speak of, standing or not; None if unknown."""
        facts = [self.facts[ref] for ref in self._visits.get(visit, ())]
        if not facts:
            return None
        begin = min(min(filed_at(fact), fact.at) for fact in facts)
        end = max(last_time(fact) for fact in facts)
        # whatever its facts say of an end now: a void, a reversal or a correction may open the stay again
        return Span(begin, max(end, begin + self.general.open_stay) if any(map(self.makes_stay, facts)) else end)

    def makes_stay(self, fact: PersonFact) -> bool:
        """Whether a fact alone makes its visit a stay, insured or not."""
        if isinstance(fact, Settlement):
            return fact.med_type in self.general.inpatient
        return isinstance(fact, Admission | SelfPayStay)
