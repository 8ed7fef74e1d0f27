"""Quota exhausted: an institution's inpatient fund cost of a period is over the quota itself (SQ §41, §42)."""

from collections.abc import Iterator
from itertools import accumulate
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.institution_days import INPATIENT_FUND, INPATIENT_SETTLEMENTS, KIND
from detectors.panes import KeyHistory
from detectors.said import amount
from detectors.terms import RuleTerms
from topics.money import yuan
from topics.registry import Quota
from topics.times import DAY, format_day, period_days


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None of its own: the quota stands in the registry."""


class QuotaExhausted(Detector[KeyHistory]):
    """Judges an institution's inpatient fund cost against its quota."""

    rule_id = "quota-exhausted"
    key = KIND
    measures = (INPATIENT_FUND, INPATIENT_SETTLEMENTS)
    consults = (Quota,)
    limits = Limits
    says: ClassVar = frozenset({"cost", "quota", "excess", "day", "period"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """A finding hangs on the first day of its period: none lies after a day that it looks at."""
        return 0

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - periods are as long as the registry says
        """A year at most: the period that a day belongs to."""
        return 366 * DAY

    def judge(self, history: KeyHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield at most one finding a period; its window ends on the day the quota was used up."""
        for period in sorted({quota.period for quota in history.registry.all_of(Quota, history.key)}):
            first, after = period_days(period)
            if not span.holds(first * DAY):
                continue
            fund = history.measure(INPATIENT_FUND, first, after - 1)
            quota = history.registry.get(Quota, history.key, period, at=max(fund) * DAY) if fund else None
            cost = sum(fund.values())
            if quota is None or cost <= quota.quota:
                continue
            reached = zip(fund, accumulate(fund.values()), strict=True)
            day = next(day for day, total in reached if total > quota.quota)
            yield terms.finding(
                about=("institution", f"{history.key}/{period}"),
                anchor=first * DAY,
                window=(first * DAY, day * DAY + DAY - 1),
                person=None,
                institution=history.key,
                facts=[],
                facts_total=sum(history.measure(INPATIENT_SETTLEMENTS, first, after - 1).values()),
                observed=yuan(cost),
                limit=yuan(quota.quota),
                amount=cost - quota.quota,
                says={
                    "cost": amount(cost),
                    "quota": amount(quota.quota),
                    "excess": amount(cost - quota.quota),
                    "day": format_day(day),
                    "period": period,
                },
            )
