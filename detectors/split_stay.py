"""Split stay: discharged and admitted again at the same institution (SQ note 5, §54(3)).

The later of two stays begins 0 to 15 d after the former's end, and it is for the same disease; or in the same
department and after at most 7 d; or after at most 1 d. Or between two insured stays the person paid a stay there, and
each begins within 1 d of the last one's end. Not where the later is an emergency (24) or of an exempt disease, nor
where the former ended by transfer out or death. Open stays have no end; an unknown disease or department is never the
same; a self-pay stay without an end ends when the person's next stay begins.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import ClassVar, NamedTuple

import msgspec

from detectors.detector import Detector
from detectors.durations import spelled
from detectors.findings import Finding, Span
from detectors.history import PersonHistory
from detectors.said import length
from detectors.self_pay import self_pay_before
from detectors.settlements import disease
from detectors.stays import DIED, STAY_FACTS, TRANSFERRED_OUT, Stay
from detectors.terms import General, RuleTerms
from detectors.units import Duration
from topics.facts import SelfPayStay


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of the rule.

    Attributes:
        same_disease: longest gap of two stays for the same disease.
        same_department: longest gap of two stays in the same department.
        any_reason: longest gap of any two stays, and before and after a self-pay stay between them.
        self_pay: longest self-pay stay that is looked at.
        emergencies: med_type of later stays that are left out.
    """

    same_disease: Duration
    same_department: Duration
    any_reason: Duration
    self_pay: Duration
    emergencies: frozenset[str]


class _Split(NamedTuple):
    """A former stay, how long before the later one (or the self-pay stay) it ended, and how long is too short."""

    gap: int
    limit: int
    former: Stay
    between: SelfPayStay | None = None


class SplitStay(Detector[PersonHistory]):
    """Judges each stay against those that ended before it."""

    rule_id = "split-stay"
    reads = STAY_FACTS
    needs_stays = 2
    limits = Limits
    stays_alone = True
    says: ClassVar = frozenset({"gap", "limit", "stays", "self_paid"})

    def reach(self, limits: Limits) -> int:
        """From the former stay's end to the later one's begin, with or without a self-pay stay between them."""
        return max(limits.same_disease, limits.same_department, limits.self_pay + 2 * limits.any_reason)

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - whatever its numbers
        """None: a stay does not touch those before it."""
        return 0

    def looks(self, limits: Limits, *, self_paid: bool) -> int:
        """To the end of the former stay."""
        return self.reach(limits) if self_paid else max(limits.same_disease, limits.same_department, limits.any_reason)

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a stay that begins in the span."""
        if len(history.stays) < 2:
            return
        ended = sorted(((stay.end, stay) for stay in history.stays.values() if stay.end is not None), key=itemgetter(0))
        for later in history.stays.values():
            if span.holds(later.begin) and _counts(later, terms.limits, history.general):
                splits = [*_direct(ended, later, terms.limits), *_self_paid(history, ended, later, terms.limits)]
                if splits:
                    yield _finding(splits, later, terms)


def _counts(later: Stay, limits: Limits, general: General) -> bool:
    exempt = later.diagnosis is not None and later.diagnosis.startswith(general.frequency_exempt)
    return not exempt and later.med_type not in limits.emergencies


def _formers(ended: Sequence[tuple[int, Stay]], later: Stay, time: int, most: int) -> Iterator[tuple[int, Stay]]:
    """Stays at the later one's institution that ended at most so long before a time, with that gap (seconds)."""
    begin = bisect_left(ended, time - most, key=itemgetter(0))
    for end, former in ended[begin : bisect_right(ended, time, lo=begin, key=itemgetter(0))]:
        before = (former.begin, former.visit) < (later.begin, later.visit)
        if before and former.institution == later.institution and former.way not in {TRANSFERRED_OUT, DIED}:
            yield time - end, former


def _direct(ended: Sequence[tuple[int, Stay]], later: Stay, limits: Limits) -> Iterator[_Split]:
    sick, department = disease(later.diagnosis), later.place(later.begin).department
    longest = max(limits.same_disease, limits.same_department, limits.any_reason)
    for gap, former in _formers(ended, later, later.begin, longest):
        left = former.place(later.begin - gap).department
        reasons = (
            (limits.same_disease, sick is not None and disease(former.diagnosis) == sick),
            (limits.same_department, department is not None and left == department),
            (limits.any_reason, True),
        )
        limit = next((limit for limit, holds in reasons if holds and gap <= limit), None)
        if limit is not None:
            yield _Split(gap, limit, former)


def _self_paid(
    history: PersonHistory, ended: Sequence[tuple[int, Stay]], later: Stay, limits: Limits
) -> Iterator[_Split]:
    for own in self_pay_before(history, later, limits.any_reason, limits.self_pay):
        for gap, former in _formers(ended, later, own.begin, limits.any_reason):
            yield _Split(gap, limits.any_reason, former, own)


def _finding(splits: Sequence[_Split], later: Stay, terms: RuleTerms) -> Finding:
    formers = {split.former.visit: split.former for split in splits}
    between = {split.between.ref for split in splits if split.between is not None}
    nearest = min(splits, key=lambda split: (split.between is not None, split.gap, split.former.visit))
    gap, limit = spelled(nearest.gap), spelled(nearest.limit)
    return terms.finding(
        about=("stay", later.visit),
        anchor=later.begin,
        window=(min(former.begin for former in formers.values()), later.span.end),
        person=later.person,
        institution=later.institution,
        facts=[*(ref for stay in (*formers.values(), later) for ref in stay.facts), *between],
        observed=gap,
        limit=limit,
        amount=later.fund,
        says={
            "gap": length(nearest.gap),
            "limit": length(nearest.limit),
            "stays": len(formers),
            "self_paid": len(between),
        },
    )
