"""A person's history: the facts that stand, in event-time order, whatever the order of their arrival.

The history folds facts in (versions, reversals and voids included), tells what changed, and offers views to
detectors. It never sees arrival order, offsets or a clock: `now` is the greatest tick.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from detectors.findings import Span
from detectors.lines import NetLine, by_time, net
from detectors.references import ATTRIBUTES, References, Tally, given, most_frequent, tally
from detectors.standing import StandingFacts, affected
from detectors.stays import Stay
from detectors.terms import General
from topics.facts import (
    Admission,
    CardLoss,
    Death,
    Discharge,
    Enrolment,
    FeeLine,
    Leave,
    PersonFact,
    PresenceCheck,
    Reversal,
    SelfPayStay,
    Settlement,
    Transfer,
)
from topics.money import share
from topics.registry import Registry

if TYPE_CHECKING:  # the model's features look at settlements of a history
    from detectors.model import Model

F = TypeVar("F", bound=PersonFact)

KEPT_FOR_EVER: Final = (Enrolment, Death, CardLoss)


def filed_at(fact: PersonFact) -> int:
    """The local second under which a fact is filed: care time of a settlement, event time of all others."""
    return fact.care_time if isinstance(fact, Settlement) else fact.at


def last_time(fact: PersonFact) -> int:
    """The latest time a fact speaks of."""
    if isinstance(fact, Settlement):
        return max(fact.settled_at, fact.care_time, fact.end or 0)
    end = getattr(fact, "end", None)
    return max(fact.at, end) if end is not None else fact.at


class Scored(NamedTuple):
    """A settlement's anomaly score (fixed point) and the row of features behind it."""

    score: int
    row: Any


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
        self._now = now
        self.forgotten: dict[str, dict[Any, Tally]] = {}
        self.floor: int | None = None
        """First local second that is fully kept; None while nothing was forgotten."""
        self.model: Model | None = None
        self.scores: dict[str, Scored] = {}
        """Anomaly scores by settlement id, filled in by the engine for the span it judges."""
        self._visits: dict[str, set[str]] = {}

    @property
    def now(self) -> int:
        """The greatest tick, local second."""
        return self._now

    @now.setter
    def now(self, time: int) -> None:
        if time != self._now:
            self._now = time
            self.__dict__.pop("_net_lines", None)  # whether a stay is still open depends on it

    def load(self, facts: Iterable[PersonFact]) -> None:
        """Take facts that were folded before (from stored state)."""
        for fact in facts:
            self._hold(fact.ref, fact)

    def _hold(self, ref: str, fact: Any) -> None:  # noqa: ANN401 - see the base class
        old = self.facts.get(ref)
        if old is not None and (visit := getattr(old, "visit", None)):
            self._visits[visit].discard(ref)
        super()._hold(ref, fact)
        if visit := getattr(fact, "visit", None):
            self._visits.setdefault(visit, set()).add(ref)

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
        going -= {ref for ref in going if self._needed(self.facts[ref], going)}
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
            self._drop(ref)
        self.floor = floor
        self._forget_views()
        return unmatched

    def _needed(self, fact: PersonFact, going: set[str]) -> bool:
        """Whether a reversal or void still cancels something that is kept."""
        target = affected(fact)[1:2]
        return bool(target) and target[0] in self.facts and target[0] not in going

    # ------------------------------------------------------------------ views

    def _forget_views(self) -> None:
        for name in ("settlements", "references", "_by_type", "stays", "_lines_by_visit", "_net_lines"):
            self.__dict__.pop(name, None)

    @cached_property
    def _by_type(self) -> dict[type[PersonFact], list[PersonFact]]:
        found: dict[type[PersonFact], list[PersonFact]] = {}
        for ref in self.facts:
            fact = self.live(ref)
            if fact is not None:
                found.setdefault(type(fact), []).append(fact)
        for facts in found.values():
            facts.sort(key=lambda fact: (fact.at, fact.ref))
        return found

    def all_of(self, kind: type[F]) -> Sequence[F]:
        """The standing facts of a kind by event time, ties by identity."""
        return self._by_type.get(kind, [])  # type: ignore[return-value]  # filed by their type

    @cached_property
    def settlements(self) -> Sequence[Settlement]:
        """The standing settlements by care time, ties by id."""
        return sorted(self.all_of(Settlement), key=attrgetter("care_time", "id"))

    @cached_property
    def references(self) -> References:
        """Enrolled values, else the most frequent among the person's facts, ties to the earliest."""
        enrolled = self.live("enrolment:" + self.person)
        givers: list[Settlement | Admission] = [*self.all_of(Settlement), *self.all_of(Admission)]
        values = []
        for attribute in ATTRIBUTES:
            value = given(enrolled, attribute) if isinstance(enrolled, Enrolment) else None
            if value is None:
                value = most_frequent(tally(givers, attribute, self.forgotten.get(attribute, {})))
            values.append(value)
        return References(*values)

    def visit(self, visit: str) -> Iterator[PersonFact]:
        """The standing facts of a visit, in no order."""
        for ref in self._visits.get(visit, ()):
            fact = self.live(ref)
            if fact is not None:
                yield fact

    def is_stay(self, visit: str) -> bool:
        """Whether the visit is a stay: it has an admission, or a settlement of an inpatient type."""
        return any(
            isinstance(fact, Admission) or (isinstance(fact, Settlement) and fact.med_type in self.general.inpatient)
            for fact in self.visit(visit)
        )

    @cached_property
    def _lines_by_visit(self) -> dict[tuple[str, str], list[FeeLine]]:
        found: dict[tuple[str, str], list[FeeLine]] = {}
        for line in self.all_of(FeeLine):
            found.setdefault((line.institution, line.visit), []).append(line)
        return found

    def raw_lines(self, institution: str, visit: str) -> Sequence[FeeLine]:
        """The standing lines of a visit as they were uploaded, cancelling lines among them."""
        return self._lines_by_visit.get((institution, visit), [])

    @cached_property
    def stays(self) -> dict[str, Stay]:
        """The person's stays by mdtrt_id, in order of begin, ties by mdtrt_id."""
        parts: dict[str, _Parts] = {}
        for kind in _OF_STAYS:
            for fact in self.all_of(kind):
                parts.setdefault(fact.visit, _Parts()).add(fact)
        stays = [
            part.stay(visit, self.person, self.general.open_stay)
            for visit, part in parts.items()
            if self.is_stay(visit)
        ]
        return {stay.visit: stay for stay in sorted(stays, key=lambda stay: (stay.begin, stay.visit))}

    def lines(self, institution: str, visit: str) -> Sequence[NetLine]:
        """The live lines of a visit, net of their cancels, by time."""
        key = institution, visit
        found = self._net_lines.get(key)
        if found is None:
            found = self._net_lines[key] = self._live_lines(institution, visit)
        return found

    @property
    def visits_with_lines(self) -> Iterable[tuple[str, str]]:
        """Institution and mdtrt_id of every visit that has lines, in a stable order."""
        return sorted(self._lines_by_visit)

    @cached_property
    def _net_lines(self) -> dict[tuple[str, str], Sequence[NetLine]]:
        return {}

    def _live_lines(self, institution: str, visit: str) -> Sequence[NetLine]:
        settlements = [fact for fact in self.visit(visit) if isinstance(fact, Settlement)]
        stay = self.stays.get(visit)
        if not settlements and self._was_settled(visit) and not (stay is not None and stay.is_open(self.now)):
            return []
        last = max(settlements, key=attrgetter("settled_at", "id"), default=None)
        med_type = last.med_type if last else stay.med_type if stay else None
        return by_time(net(self.raw_lines(institution, visit), med_type))

    def _was_settled(self, visit: str) -> bool:
        return any(isinstance(self.facts[ref], Settlement) for ref in self._visits.get(visit, ()))

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
        stay = any(isinstance(fact, Admission | SelfPayStay) for fact in facts)
        ended = any(
            isinstance(fact, Discharge) or (isinstance(fact, SelfPayStay | Settlement) and fact.end is not None)
            for fact in facts
        )
        return Span(begin, max(end, begin + self.general.open_stay) if stay and not ended else end)


_OF_STAYS: Final[tuple[type[Any], ...]] = (Admission, Discharge, Settlement, Transfer, Leave, PresenceCheck)


class _Parts:
    """The facts of one visit, by kind."""

    def __init__(self) -> None:
        self._by_kind: dict[type[PersonFact], list[Any]] = {kind: [] for kind in _OF_STAYS}

    def add(self, fact: PersonFact) -> None:
        """Take a fact in; they come by event time."""
        self._by_kind[type(fact)].append(fact)

    def stay(self, visit: str, person: str, open_stay: int) -> Stay:
        """Put the stay together."""
        admission = next(iter(self._by_kind[Admission]), None)
        discharge = next(iter(self._by_kind[Discharge]), None)
        settlements: list[Settlement] = self._by_kind[Settlement]
        begin = admission.begin if admission else min(settlement.care_time for settlement in settlements)
        ends = [one.end for one in settlements if not one.interim and one.end is not None]
        end = discharge.end if discharge else (ends[-1] if ends else None)
        last = max(last_time(fact) for facts in self._by_kind.values() for fact in facts)
        return Stay(
            visit=visit,
            person=person,
            institution=(admission or settlements[-1]).institution,
            begin=begin,
            end=end,
            open_until=max(last, begin + open_stay),
            admission=admission,
            discharge=discharge,
            settlements=settlements,
            transfers=self._by_kind[Transfer],
            leaves=self._by_kind[Leave],
            checks=self._by_kind[PresenceCheck],
        )
