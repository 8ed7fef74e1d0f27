"""Bed in name only: an inpatient who is not there when somebody looks (SQ note 3, CF §15).

A presence check of a stay says absent, no papers were shown, more than 2 h after the begin and more than 2 h before
the end (of an open stay: as far as ticks have come), and no leave with papers covers the time. Certain from the second
such check of the stay on.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.history import PersonHistory
from detectors.stays import STAY_FACTS, Stay
from detectors.terms import RuleTerms
from detectors.units import Duration
from topics.facts import PresenceCheck
from topics.times import format_time


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of the rule.

    Attributes:
        arriving: checks count only this long after the begin.
        leaving: and this long before the end.
        certain: from so many such checks on the severity is `certain_severity`.
    """

    arriving: Duration
    leaving: Duration
    certain: int
    certain_severity: str


class HangBed(Detector[PersonHistory]):
    """Judges presence checks of stays."""

    rule_id = "hang-bed"
    reads = STAY_FACTS
    needs = (PresenceCheck,)
    limits = Limits
    stays_alone = True
    says: ClassVar = frozenset({"checks", "first", "last"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - its numbers lie within the stay
        """None: checks belong to the stay, whose whole course is judged again with any change."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a stay whose first such check lies in the span."""
        for stay, checks in _absences(history, terms.limits):
            until = stay.until(history.now) - terms.limits.leaving
            found = [check for check in checks if check.checked_at < until]
            if found and span.holds(found[0].checked_at):
                yield _finding(stay, found, terms)

    def wake(self, history: PersonHistory, terms: RuleTerms) -> int | None:
        """When the next check of a stay that goes on will lie long enough before what may be its end."""
        ripe = (
            check.checked_at + terms.limits.leaving + 1
            for stay, checks in _absences(history, terms.limits)
            if stay.is_open(history.now)
            for check in checks
        )
        return min((time for time in ripe if time > history.now), default=None)


def _absences(history: PersonHistory, limits: Limits) -> Iterator[tuple[Stay, list[PresenceCheck]]]:
    """Stays with the checks at fault, those too among them that will be once ticks have come."""
    if not history.all_of(PresenceCheck):
        return
    for stay in history.stays.values():
        checks = [
            check
            for check in stay.checks
            if check.present == "absent"
            and not check.papers
            and stay.begin + limits.arriving < check.checked_at < stay.span.end - limits.leaving
            and not stay.excused(check.checked_at)
        ]
        if checks:
            yield stay, checks


def _finding(stay: Stay, checks: Sequence[PresenceCheck], terms: RuleTerms) -> Finding:
    certain = len(checks) >= terms.limits.certain
    first, last = checks[0].checked_at, checks[-1].checked_at
    return terms.finding(
        about=("stay", stay.visit),
        anchor=first,
        window=stay.span,
        person=stay.person,
        institution=stay.institution,
        facts=[*stay.facts, *(check.ref for check in checks)],
        observed=len(checks),
        limit=0,
        amount=stay.fund,
        says={"checks": len(checks), "first": format_time(first), "last": format_time(last)},
        severity=terms.limits.certain_severity if certain else None,
    )
