"""Leave too long: an inpatient away for hours, or into the night (SQ note 3).

A leave lasts over 6 h, or past the first 22:00 after it began. It ends when the inpatient is back or the stay ends,
whichever is first; one that has not ended lasts as far as ticks have come.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.durations import spelled
from detectors.findings import Finding, Span
from detectors.history import PersonHistory
from detectors.said import length
from detectors.stays import STAY_FACTS
from detectors.terms import RuleTerms
from detectors.units import ClockTime, Duration, shown
from topics.facts import Leave
from topics.times import DAY, format_time


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`length`: how long a leave may last; `back_by`: the time of day by which it must be over."""

    length: Duration
    back_by: ClockTime


class LeaveTooLong(Detector[PersonHistory]):
    """Judges each leave."""

    rule_id = "leave-too-long"
    reads = STAY_FACTS
    needs = (Leave,)
    limits = Limits
    stays_alone = True
    says: ClassVar = frozenset({"begin", "length", "limit", "most", "back_by"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - a leave depends on nothing but its own stay
        """None: the leave belongs to the stay, whose whole course is judged again with any change."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a leave begun in the span."""
        for leave in history.all_of(Leave):
            if span.holds(leave.begin):
                due, end = due_back(leave, terms.limits), _end(leave, history)
                if (history.now if end is None else end) > due:
                    yield _finding(history, leave, due, end, terms)

    def wake(self, history: PersonHistory, terms: RuleTerms) -> int | None:
        """When the next leave that goes on will have lasted too long."""
        going_on = (leave for leave in history.all_of(Leave) if _end(leave, history) is None)
        ripe = (due_back(leave, terms.limits) + 1 for leave in going_on)
        return min((time for time in ripe if time > history.now), default=None)


def due_back(leave: Leave, limits: Limits) -> int:
    """The last local second at which a leave may end."""
    evening = leave.begin // DAY * DAY + limits.back_by
    if evening <= leave.begin:
        evening += DAY
    return min(leave.begin + limits.length, evening)


def _end(leave: Leave, history: PersonHistory) -> int | None:
    """When the leave ended, local second; None: not yet."""
    stay = history.stays.get(leave.visit)
    ends = [end for end in (leave.end, stay.end if stay else None) if end is not None]
    return min(ends, default=None)


def _finding(history: PersonHistory, leave: Leave, due: int, end: int | None, terms: RuleTerms) -> Finding:
    stay = history.stays.get(leave.visit)
    limit = spelled(due - leave.begin)
    # what time alone changes must not change the finding: a leave that goes on is "more than the limit"
    observed = f"> {limit}" if end is None else spelled(end - leave.begin)
    return terms.finding(
        about=("leave", f"{leave.visit}/{format_time(leave.begin)}"),
        anchor=leave.begin,
        window=(leave.begin, due if end is None else end),
        person=leave.person,
        institution=leave.institution,
        facts=[leave.ref, *(stay.facts if stay else ())],
        observed=observed,
        limit=limit,
        amount=stay.fund if stay else None,
        says={
            "begin": format_time(leave.begin),
            "length": length(due - leave.begin, over=True) if end is None else length(end - leave.begin),
            "limit": length(due - leave.begin),
            "most": length(terms.limits.length),
            "back_by": shown(terms.limits.back_by),
        },
    )
