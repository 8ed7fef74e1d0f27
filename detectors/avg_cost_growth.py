"""Average cost growth: a month's stays cost more on average than last year's (SQ §38).

The average medfee_sumamt of the stays settled in a month (by their last settlement) is held against base_avg_cost of
the shortest quota period that covers the month and has one. Over the first step is a warning, over the last the part
above is withheld. At stake is the cost above the step passed.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.institution_days import KIND, STAYS, STAYS_COST
from detectors.panes import KeyHistory
from detectors.said import amount
from detectors.terms import RuleTerms
from detectors.units import PPM, Share
from topics.money import half_up, shown, yuan
from topics.registry import Quota
from topics.times import DAY, format_month, period_days


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Growth above `over`, and what follows from it."""

    over: Share
    tier: str


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steps of growth, judged from `stays` a month on."""

    steps: tuple[Step, ...]
    stays: int


class AvgCostGrowth(Detector[KeyHistory]):
    """Judges a month's average cost of stays against last year's."""

    rule_id = "avg-cost-growth"
    key = KIND
    measures = (STAYS, STAYS_COST)
    consults = (Quota,)
    limits = Limits
    says: ClassVar = frozenset({"average", "base", "growth", "step", "stays", "month"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """A finding hangs on the first day of its month: none lies after a day that it looks at."""
        return 0

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """A month at most."""
        return 31 * DAY

    def judge(self, history: KeyHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield at most one finding a month: the highest step passed."""
        quotas = {quota.period for quota in history.registry.all_of(Quota, history.key)}
        if not quotas:
            return
        days = history.days_from(span.begin // DAY, span.end // DAY + 31)
        for month in sorted({format_month(day) for day in days if STAYS in history.panes[day]}):
            first, after = period_days(month)
            if not span.holds(first * DAY):
                continue
            stays = history.measure(STAYS, first, after - 1)
            number = sum(stays.values())
            if number < terms.limits.stays:
                continue
            base = _base(history, quotas, first, after, max(stays))
            if base is None:
                continue
            cost = sum(history.measure(STAYS_COST, first, after - 1).values())
            passed = [step for step in terms.limits.steps if cost * PPM > number * base * (PPM + step.over)]
            if passed:
                yield _finding(history, terms, month, max(passed, key=lambda step: step.over), (number, cost, base))


def _base(history: KeyHistory, periods: set[str], first: int, after: int, last: int) -> int | None:
    """Last year's average, fen, from the shortest period around the month; as of the last day with stays."""
    covering = []
    for period in periods:
        begin, end = period_days(period)
        if begin <= first and after <= end:
            quota = history.registry.get(Quota, history.key, period, at=last * DAY)
            if quota is not None and quota.base_average is not None:
                covering.append((end - begin, quota.base_average))
    return min(covering)[1] if covering else None


def _finding(history: KeyHistory, terms: RuleTerms, month: str, step: Step, sums: tuple[int, int, int]) -> Finding:
    number, cost, base = sums
    first, after = period_days(month)
    percent = f"{step.over * 100 // PPM}"
    average = half_up(cost, number)
    growth = shown(half_up((cost - number * base) * 1000, number * base), 1) if base else "-"
    return terms.finding(
        about=("institution", f"{history.key}/{month}"),
        discriminator=percent,
        anchor=first * DAY,
        window=(first * DAY, after * DAY - 1),
        person=None,
        institution=history.key,
        facts=[],
        facts_total=number,
        observed=yuan(average),
        limit=yuan(base),
        amount=half_up(cost * PPM - number * base * (PPM + step.over), PPM),
        tier=step.tier,
        says={
            "average": amount(average),
            "base": amount(base),
            "growth": growth,
            "step": percent,
            "stays": number,
            "month": month,
        },
    )
