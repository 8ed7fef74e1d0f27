"""Overlapping stays: one person in two stays at a time (SQ note 2).

Two stays of a person overlap by more than 12 h. Not where the former ended by transfer out on the day the later one
begins. A stay without an end lasts as far as ticks have come. One finding about the stay beginning later.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.durations import spelled
from detectors.findings import ALWAYS, Finding, Span
from detectors.history import PersonHistory
from detectors.said import length
from detectors.stays import STAY_FACTS, TRANSFERRED_OUT, Stay
from detectors.terms import RuleTerms
from detectors.units import Duration
from topics.times import DAY


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`overlap`: how long two stays may overlap."""

    overlap: Duration


class OverlappingStays(Detector[PersonHistory]):
    """Judges each stay against those begun before it."""

    rule_id = "overlapping-stays"
    reads = STAY_FACTS
    needs_stays = 2
    limits = Limits
    stays_alone = True
    says: ClassVar = frozenset({"overlap", "limit", "stays"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - its number bounds the overlap, not the anchor
        """None: the later stay begins within the former one, whose whole course is judged again with any change."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a stay that begins in the span."""
        for later, formers in _overlapping(history, terms.limits.overlap, span):
            found = [former for former in formers if _overlap(former, later, history.now) > terms.limits.overlap]
            if found:
                yield _finding(found, later, terms)

    def wake(self, history: PersonHistory, terms: RuleTerms) -> int | None:
        """When the next two stays that go on will have overlapped for too long."""
        if not any(stay.is_open(history.now) for stay in history.stays.values()):
            return None
        ripe = (later.begin + terms.limits.overlap + 1 for later, _ in _overlapping(history, terms.limits.overlap))
        return min((time for time in ripe if time > history.now), default=None)


def _overlapping(history: PersonHistory, most: int, span: Span = ALWAYS) -> Iterator[tuple[Stay, list[Stay]]]:
    """Stays begun in the span with those before them that overlap for too long, or would once ticks have come."""
    if len(history.stays) < 2:
        return
    before: list[Stay] = []
    for later in history.stays.values():
        if later.begin > span.end:
            return
        before = [former for former in before if former.span.end > later.begin + most]
        if span.holds(later.begin) and later.span.end > later.begin + most:
            formers = [former for former in before if not _handed_over(former, later)]
            if formers:
                yield later, formers
        before.append(later)


def _handed_over(former: Stay, later: Stay) -> bool:
    return former.way == TRANSFERRED_OUT and former.end is not None and former.end // DAY == later.begin // DAY


def _overlap(former: Stay, later: Stay, now: int) -> int:
    return min(former.until(now), later.until(now)) - later.begin


def _finding(formers: Sequence[Stay], later: Stay, terms: RuleTerms) -> Finding:
    limit = spelled(terms.limits.overlap)
    # what time alone changes must not change the finding: an overlap that goes on is "more than the limit"
    goes_on = later.end is None or any(former.end is None for former in formers)
    longest = max(min(former.span.end, later.span.end) for former in formers) - later.begin
    observed = f"> {limit}" if goes_on else spelled(longest)
    return terms.finding(
        about=("stay", later.visit),
        anchor=later.begin,
        window=(min(former.begin for former in formers), max(stay.span.end for stay in (*formers, later))),
        person=later.person,
        institution=later.institution,
        facts=[ref for stay in (*formers, later) for ref in stay.facts],
        observed=observed,
        limit=limit,
        amount=later.fund,
        says={
            "overlap": length(terms.limits.overlap if goes_on else longest, over=goes_on),
            "limit": length(terms.limits.overlap),
            "stays": len(formers) + 1,
        },
    )
