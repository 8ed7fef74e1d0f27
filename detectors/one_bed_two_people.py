"""One bed, two people: two persons' stays on one bed overlap in one piece (SQ note 2, CF §15).

The bed is an institution, ward and bed number, all three known; who moves takes another bed. Neither is under
`infant` of age when the later one comes. The finding is about the stay that came to the bed later; its discriminator
is the ward and bed: a stay that shares two beds is two findings, each held by the one key that knows its bed's stays.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.beds import KIND, PIECES, BedStay, read
from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.panes import KeyHistory
from detectors.terms import RuleTerms
from detectors.units import Duration
from topics.money import half_up, shown
from topics.times import DAY, HOUR


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Overlaps longer than `overlap` of pieces begun at most `window` apart, of persons of at least `infant`."""

    overlap: Duration
    infant: Duration
    window: Duration


class OneBedTwoPeople(Detector[KeyHistory]):
    """Judges the stays on a bed."""

    rule_id = "one-bed-two-people"
    key = KIND
    measures = (PIECES,)
    limits = Limits
    says: ClassVar = frozenset({"hours", "limit", "others"})

    def reach(self, limits: Limits) -> int:
        """A stay matters to those that begin after it, as far as the window."""
        return limits.window

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - any limits
        """The later stay is the one at fault."""
        return 0

    def judge(self, history: KeyHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a stay that came to the bed while another was there."""
        for later, formers in _meetings(history, terms.limits):
            if not span.holds(later.piece.begin):
                continue
            at_fault = [former for former in formers if _too_long(former, later, history.now, terms.limits)]
            if at_fault:
                yield _finding(terms, history.key, later, at_fault)

    def wake(self, history: KeyHistory, terms: RuleTerms) -> int | None:
        """When the next overlap with an open stay becomes too long."""
        coming = []
        for later, formers in _meetings(history, terms.limits):
            time = later.piece.begin + terms.limits.overlap + 1
            if time > history.now:
                coming += [time for former in formers if _too_long(former, later, time, terms.limits)]
        return min(coming, default=None)


def _meetings(history: KeyHistory, limits: Limits) -> Iterator[tuple[BedStay, Sequence[BedStay]]]:
    """Each stay on the bed with those of other persons that came before it and may still be there."""
    stays = sorted(map(read, history.things(PIECES)), key=lambda stay: (stay.piece.begin, stay.visit))
    here: list[BedStay] = []
    for later in stays:
        begin = later.piece.begin
        here = [one for one in here if one.piece.begin >= begin - limits.window and _last(one) > begin]
        formers = [one for one in here if one.person != later.person]
        if formers:
            yield later, formers
        here.append(later)


def _last(stay: BedStay) -> int:
    return stay.piece.open_until if stay.piece.end is None else stay.piece.end


def _too_long(former: BedStay, later: BedStay, now: int, limits: Limits) -> bool:
    begin = later.piece.begin
    for stay in (former, later):
        if stay.birth_day is not None and begin - stay.birth_day * DAY < limits.infant:
            return False
    return min(former.piece.until(now), later.piece.until(now)) - begin > limits.overlap


def _finding(terms: RuleTerms, bed: str, later: BedStay, formers: Sequence[BedStay]) -> Finding:
    begin = later.piece.begin
    ends = [_end(former, later, terms.limits) for former in formers]
    hours = shown(half_up((max(ends) - begin) * 100, HOUR), 2)
    limit = shown(half_up(terms.limits.overlap * 100, HOUR), 2)
    return terms.finding(
        about=("stay", later.visit),
        discriminator=bed.removeprefix(f"{later.institution}/"),
        anchor=begin,
        window=(min(former.piece.begin for former in formers), max(ends)),
        person=later.person,
        institution=later.institution,
        facts=[fact for stay in (later, *formers) for fact in stay.facts],
        observed=hours,
        limit=limit,
        amount=later.fund,
        says={"hours": hours, "limit": limit, "others": len(formers)},
    )


def _end(former: BedStay, later: BedStay, limits: Limits) -> int:
    """When the overlap ends; while one of them is still there, when it became too long: time alone revises nothing."""
    ends = (former.piece.end, later.piece.end)
    known = [end for end in ends if end is not None]
    return min(known) if len(known) == len(ends) else later.piece.begin + limits.overlap + 1
