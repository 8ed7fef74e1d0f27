"""Outpatient during a stay: an inpatient settles outpatient care or buys at a pharmacy (SQ §54(2), §12).

The care time of an outpatient or pharmacy settlement lies on a local day strictly between the first and the last day
of a stay; the last day of an open one is as far as ticks have come. Not for a pharmacy paid with an e-certificate, and
not while on leave with papers. A settlement of the stay itself is none.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import ALWAYS, Finding, Span
from detectors.history import PersonHistory
from detectors.stays import STAY_FACTS, Stay
from detectors.terms import General, RuleTerms
from topics.facts import Settlement
from topics.times import DAY, format_day


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`pharmacy_certificates`: kinds of certificate (mdtrt_cert_type) with which a pharmacy may be paid."""

    pharmacy_certificates: frozenset[str]


class OutpatientDuringStay(Detector[PersonHistory]):
    """Judges the days of outpatient and pharmacy settlements against the stays."""

    rule_id = "outpatient-during-stay"
    reads = STAY_FACTS
    needs_stays = 1
    limits = Limits
    says: ClassVar = frozenset({"day", "begin", "stays"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """None: the settlement lies within the stay, whose whole course is judged again with any change."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a settlement with care time in the span."""
        for settlement, stays in _inside(history, terms, span):
            day = settlement.care_time // DAY
            found = [stay for stay in stays if day < stay.until(history.now) // DAY]
            if found:
                yield _finding(settlement, found, terms)

    def wake(self, history: PersonHistory, terms: RuleTerms) -> int | None:
        """The midnight after the next care during a stay that goes on."""
        if not any(stay.is_open(history.now) for stay in history.stays.values()):
            return None
        since = Span(history.now // DAY * DAY, ALWAYS.end)
        midnights = (settlement.care_time // DAY * DAY + DAY for settlement, _ in _inside(history, terms, since))
        return min(midnights, default=None)


def _inside(history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[tuple[Settlement, list[Stay]]]:
    """Settlements in the span with the stays during which they lie, or will once ticks have come."""
    if not history.stays:
        return
    for settlement in history.settlements_in(span):
        if not _counts(settlement, terms.limits, history.general):
            continue
        time = settlement.care_time
        stays = [
            stay
            for stay in history.stays.values()
            if stay.begin // DAY < time // DAY < stay.span.end // DAY
            and stay.visit != settlement.visit
            and not stay.excused(time)
        ]
        if stays:
            yield settlement, stays


def _counts(settlement: Settlement, limits: Limits, general: General) -> bool:
    if settlement.med_type in general.pharmacy:
        return settlement.certificate not in limits.pharmacy_certificates
    return settlement.med_type in general.outpatient


def _finding(settlement: Settlement, stays: Sequence[Stay], terms: RuleTerms) -> Finding:
    return terms.finding(
        about=("settlement", settlement.id),
        anchor=settlement.care_time,
        window=(min(stay.begin for stay in stays), max(stay.span.end for stay in stays)),
        person=settlement.person,
        institution=settlement.institution,
        facts=[settlement.ref, *(ref for stay in stays for ref in stay.facts)],
        observed=len(stays),
        limit=0,
        amount=settlement.fund,
        says={
            "day": format_day(settlement.care_time // DAY),
            "begin": format_day(min(stay.begin for stay in stays) // DAY),
            "stays": len(stays),
        },
    )
