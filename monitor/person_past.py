"""What is known of a person's past (`detectors.past`): made from the facts that were read and from the past before."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from detectors.contributions import ROUTES
from detectors.findings import Span
from detectors.history import KIND_BITS, PersonHistory, last_time
from detectors.past import Past, joined
from detectors.references import confirms
from detectors.standing import affected
from monitor.choosing import Choosing
from monitor.judging import Rules
from monitor.person_state import PersonState, is_kept, may_change
from monitor.scoring import ForestScorer
from monitor.state import MANY_FACTS, PERSON_CHUNK_DAYS, person_chunk
from topics.facts import Admission, FeeLine, PersonFact, PresenceCheck, SelfPayStay, Settlement
from topics.times import DAY

VISITED: Final = (Settlement, FeeLine)
"""Kinds of facts that may be judged without reading the person's past; alone they make no stay of a visit."""

AROUND: Final = (max(route.around for route in ROUTES) + 1) * DAY
"""How far before a changed fact others may matter for what it gives to other keys, seconds."""

_ROOM: Final = 2 * DAY
"""How much longer than rules look back facts are read: some come a day late."""

_STAY: Final = 12 * DAY
"""As far back facts are read at least: a stay that is settled began days before."""

_MOST: Final = 128
"""Facts that are kept beside the chunk they are filed in, and values of an attribute: with more there is no past."""


class Reaches(NamedTuple):
    """How far rules look back from facts after the past, seconds.

    Attributes:
        runs: those that know of earlier facts by runs.
        stays: those that look at stays alone, of a person who has never paid one.
        self_paid: the same of any person.
    """

    runs: int
    stays: int
    self_paid: int


class Pasts:
    """When a person's past is kept, and when it spares reading the facts before it.

    Args:
        rules: detectors of persons with their terms.
        choosing: which of them a change concerns.
        scorer: says whether settlements are scored.
    """

    def __init__(self, rules: Rules, choosing: Choosing, scorer: ForestScorer) -> None:
        self._rules, self._choosing, self._scorer = rules, choosing, scorer
        of_stays = [rule for rule, detector in rules.active.items() if detector.stays_alone]
        self._reaches = Reaches(
            max(map(rules.looks, rules.going_on), default=0),
            max((rules.looks(rule, self_paid=False) for rule in of_stays), default=0),
            max(map(rules.looks, of_stays), default=0),
        )

    def keep(self, state: PersonState, *, again: bool) -> None:
        """Bring what is known of a person's past up to what was judged, so that the next facts need not be.

        Args:
            state: of the person, judged.
            again: whether all of it was judged anew, and not what facts changed.
        """
        history = state.history
        if not (state.changed or again):
            return
        if (
            (len(history.facts) < MANY_FACTS and history.past is None)
            or not history.settlements
            or state.wake is not None
        ):
            state.keep_past(None)
            return
        look = max(self._choosing.looks(history.kinds, scored=self._scorer.models.awaited), AROUND) + _ROOM
        begin = person_chunk(history.settlements[-1].care_time - max(look, _STAY)) * PERSON_CHUNK_DAYS * DAY
        known = state.past
        if known is None or again or not state.past_holds or begin > known.begin:
            state.keep_past(past_of(state, self._rules, begin, self._reaches))
        elif history.past is None:  # all was read, so any finding may have changed
            state.keep_past(replace(known, open=chunks_open(state, known)))

    def suffices(
        self,
        state: PersonState,
        past: Past,
        waiting: Sequence[PersonFact],
        touched: Callable[[set[str]], int] | None,
        *,
        inpatient: bool,
    ) -> bool:
        """Whether facts can be judged by what was read: nothing else has to do with them.

        Args:
            state: of the person.
            past: as it was read.
            waiting: the facts, not folded yet.
            touched: gives the first local second that they and their visits speak of; None: they are fresh.
            inpatient: whether all of them settle stays of which nothing else is known.
        """
        history = state.history
        if state.wake is not None:
            return False
        kinds = history.kinds
        settlements: list[Settlement] = []
        visits = set()
        for fact in waiting:
            if not isinstance(fact, VISITED) or past.knows(fact.visit) or past.knows(fact.ref):
                return False
            if isinstance(fact, Settlement):
                if fact.ref in history.facts:
                    return False
                settlements.append(fact)
            visits.add(fact.visit)
            kinds |= KIND_BITS[type(fact)]
        begin = min(map(_begin, waiting)) if touched is None else touched(visits)
        look = self._choosing.looks(kinds, scored=self._scorer.models.awaited, inpatient=inpatient)
        if begin < past.begin + look or any(one.settled_at < past.begin + AROUND for one in settlements):
            return False
        if look and _seen_before(history, past.begin + look, begin):
            return False
        references, delay = history.references, history.general.corrections
        if all(confirms(settlement, references, delay) for settlement in settlements):
            return True
        return history.references_with(settlements) == references

    def reaches_into(self, spans: Mapping[str, Span], past: Past) -> bool:
        """Whether a rule that must judge spans has to look at facts that were not read."""
        for rule, span in spans.items():
            detector = self._rules.active.get(rule)
            if rule in self._rules.going_on or (
                detector is not None and detector.scored and not self._scorer.models.awaited
            ):
                continue
            before = 0 if detector is not None and detector.stays_alone else self._rules.reach(rule)[1]
            if span.begin - before < past.begin:
                return True
        return False


def _begin(fact: Any) -> int:  # noqa: ANN401 - a settlement or a line
    """The first local second that it speaks of."""
    return fact.charged_at if type(fact) is FeeLine else min(fact.care_time, fact.settled_at)


def _seen_before(history: PersonHistory, begun: int, time: int) -> bool:
    """Whether a visit lasts to a local second during which the person was seen before another one.

    Of a stay the earliest fact at fault counts, wherever it lies, and where the person was before that.
    """
    visits = {one.visit for one in history.all_of(Admission) if one.begin < begun}
    visits |= {one.visit for one in history.all_of(PresenceCheck) if one.checked_at < begun}
    return any(last_time(fact) >= time for visit in visits for fact in history.visit(visit))


def past_of(state: PersonState, rules: Rules, begin: int, reaches: Reaches) -> Past | None:
    """What is known of the facts before a local second, the begin of a chunk; None: too much to be kept aside."""
    history = state.history
    before = history.past
    counted = history.counted_until(begin)
    if any(len(each.tallies) > _MOST for each in counted):
        return None
    live, resting = _parted(state, begin, reaches)
    if len(live) > _MOST:
        return None
    until = begin + reaches.runs
    past = Past(
        terms=rules.mark,
        begin=begin,
        until=until,
        counted=counted,
        runs=rules.runs(history, begin, until),
        known=joined(b"" if before is None else before.known, resting),
        open=[],
        facts=live,
    )
    past.open = chunks_open(state, past)
    return past


def chunks_open(state: PersonState, past: Past) -> list[int]:
    """The chunks before the past's end in which findings are anchored that facts after it may change."""
    first = person_chunk(past.begin)
    about = past.about()
    anchored = {person_chunk(held.anchor) for held in state.findings.values() if may_change(held, past.begin, about)}
    return sorted(number for number in anchored if number < first)


def _parted(state: PersonState, begin: int, reaches: Reaches) -> tuple[list[Any], set[str]]:
    """Of facts filed before `begin` those that must be at hand, by identity, and the names of all others.

    Args:
        state: of the person.
        begin: local second that visits must last to; stays as far before it as rules look.
        reaches: how far that is.
    """
    history = state.history
    first = person_chunk(begin)
    lasting = _lasting(history, begin, reaches)
    earlier = {ref: fact for ref, fact in history.facts.items() if not is_kept(fact) and state.number(fact) < first}
    live = {ref for ref, fact in earlier.items() if _visit(fact) in lasting}
    for ref, fact in earlier.items():
        if _visit(fact) is None:  # it cancels others
            targets = affected(fact)[1:]
            if _last(fact) >= begin or any(
                name in live or (name in history.facts and name not in earlier) for name in targets
            ):
                live.add(ref)
    names: set[str] = set()
    for ref, fact in earlier.items():
        if ref not in live:
            visit = _visit(fact)
            if visit is not None:
                names.add(visit)
            if type(fact) is not FeeLine:
                names.update(affected(fact))
    return [earlier[ref] for ref in sorted(live)], names


def _lasting(history: PersonHistory, begin: int, reaches: Reaches) -> set[str]:
    """The visits that last to a local second, and the stays that last to as far before it as rules look."""
    lasts: dict[str, int] = {visit: stay.span.end for visit, stay in history.stays.items()}
    more = set(lasts)  # whatever makes more of a visit than settlements and lines
    paid = set()
    for fact in history.facts.values():
        visit = _visit(fact)
        if visit is None:
            continue
        last = _last(fact)
        if last > lasts.get(visit, last - 1):
            lasts[visit] = last
        if not isinstance(fact, VISITED):
            more.add(visit)
            if isinstance(fact, SelfPayStay):
                paid.add(visit)
    far = begin - reaches.self_paid
    since = far if any(lasts[visit] >= far for visit in paid) else begin - reaches.stays
    return {visit for visit, last in lasts.items() if last >= (since if visit in more else begin)}


def _visit(fact: Any) -> str | None:  # noqa: ANN401 - any fact
    return getattr(fact, "visit", None) or None


def _last(fact: Any) -> int:  # noqa: ANN401 - any fact
    """The last local second that a fact speaks of, or was told at."""
    last: int = max(last_time(fact), fact.at)
    return max(last, fact.uploaded_at) if isinstance(fact, Admission) else last
