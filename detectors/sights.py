"""Where and when a person was seen: the facts that need presence."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detectors.findings import Span
from detectors.history import PersonHistory
from topics.facts import Admission, PresenceCheck
from topics.times import DAY


class Sight(NamedTuple):
    """When and where a person was seen, in order of time and identity."""

    time: int
    ref: str
    institution: str
    about: tuple[str, str]


def sights(history: PersonHistory, types: frozenset[str], span: Span) -> list[Sight]:
    """Settlements of these types by care time, admissions, and presence checks that found the person, in the span.

    A care time or admission at midnight exactly gives only the day and is left out.
    """
    found = [
        Sight(one.care_time, one.ref, one.institution, ("settlement", one.id))
        for one in history.settlements_in(span)
        if one.med_type in types and (one.begin is None or one.begin % DAY)
    ]
    found += [
        Sight(one.begin, one.ref, one.institution, ("stay", one.visit))
        for one in history.all_of(Admission)
        if one.begin % DAY and span.holds(one.begin)
    ]
    found += [
        Sight(one.checked_at, one.ref, one.institution, ("stay", one.visit))
        for one in history.all_of(PresenceCheck)
        if one.present != "absent" and span.holds(one.checked_at)
    ]
    found.sort()
    return found


def elsewhere(ordered: Sequence[Sight]) -> Iterator[tuple[Sight, Sight]]:
    """Each of the sights, in order, with the latest earlier one at another institution, where there is one."""
    last: Sight | None = None
    other: Sight | None = None  # the latest before `last` at another institution than that of `last`
    for sight in ordered:
        if last is not None and last.institution != sight.institution:
            other = last
        if other is not None:
            yield sight, other
        last = sight
