"""Makes what is known of a person's past (`detectors.past`) from the facts that were read and from the past before."""

from typing import Any, Final, NamedTuple

from detectors.history import PersonHistory, last_time
from detectors.past import Past, joined
from detectors.standing import affected
from monitor.judging import Rules
from monitor.person_state import PersonState, is_kept, may_change
from monitor.state import person_chunk
from topics.facts import Admission, FeeLine, SelfPayStay, Settlement

_MOST: Final = 128
"""Facts that are kept beside the chunk they are filed in, and values of an attribute: with more there is no past."""

_OF_VISITS: Final = frozenset({Settlement, FeeLine})
"""Kinds of facts that alone make no stay of a visit."""


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
        if type(fact) not in _OF_VISITS:
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
