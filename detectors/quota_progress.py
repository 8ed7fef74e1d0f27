"""Quota progress: an institution spends its inpatient quota faster than the period passes (SQ §42).

On the last day D of the period on which inpatient fund cost is known, cost through D is held against
quota x (days through D) / (days of the period).
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.institution_days import INPATIENT_FUND, INPATIENT_SETTLEMENTS
from detectors.panes import KeyHistory
from detectors.said import amount
from detectors.terms import RuleTerms
from detectors.units import PPM, Share
from topics.money import half_up, shown, yuan
from topics.registry import Quota
from topics.times import DAY, format_day, period_days


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `begin` of the period on, more than each of `steps` ahead of the pace."""

    begin: Share
    steps: tuple[Share, ...]


class QuotaProgress(Detector[KeyHistory]):
    """Judges an institution's inpatient fund cost against the pace of its quota."""

    rule_id = "quota-progress"
    key = "institution"
    measures = (INPATIENT_FUND,)
    consults = (Quota,)
    limits = Limits
    says: ClassVar = frozenset({"cost", "pace", "ahead", "step", "day", "period", "quota"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """A finding hangs on the first day of its period: none lies after a day that it looks at."""
        return 0

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - periods are as long as the registry says
        """A year at most: the period that a day belongs to."""
        return 366 * DAY

    def judge(self, history: KeyHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield at most one finding a period: the highest step passed."""
        today = history.now // DAY
        periods = {quota.period for quota in history.registry.all_of(Quota, history.key)}
        for period in sorted(periods):
            first, after = period_days(period)
            if not span.holds(first * DAY):
                continue
            fund = history.measure(INPATIENT_FUND, first, min(after - 1, today))
            if not fund:
                continue
            last = max(fund)
            quota = history.registry.get(Quota, history.key, period, at=last * DAY)
            if quota is None:
                continue
            passed, length = last - first + 1, after - first
            if passed * PPM < terms.limits.begin * length:
                continue
            cost = sum(fund.values())
            finding = _finding(history, terms, quota, (first, last, length), cost)
            if finding is not None:
                yield finding

    def wake(self, history: KeyHistory, terms: RuleTerms) -> int | None:  # noqa: ARG002 - any limits
        """The begin of the next day that has cost already but is not reached by the clock."""
        coming = history.next_day(INPATIENT_FUND, history.now // DAY + 1)
        return None if coming is None else coming * DAY

    def woken(self, limits: Limits) -> int:
        """The period of the day reached is judged."""
        return self.reach_back(limits)


def _finding(
    history: KeyHistory, terms: RuleTerms, quota: Quota, days: tuple[int, int, int], cost: int
) -> Finding | None:
    first, last, length = days
    passed = last - first + 1
    # exact: cost > pace x (1 + step), both sides times length and PPM
    over = [step for step in terms.limits.steps if cost * length * PPM > quota.quota * passed * (PPM + step)]
    if not over:
        return None
    step = max(over)
    pace = half_up(quota.quota * passed, length)
    settlements = sum(history.measure(INPATIENT_SETTLEMENTS, first, last).values())
    percent = f"{step * 100 // PPM}"
    return terms.finding(
        about=("institution", f"{history.key}/{quota.period}"),
        discriminator=percent,
        anchor=first * DAY,
        window=(first * DAY, last * DAY + DAY - 1),
        person=None,
        institution=history.key,
        facts=[],
        facts_total=settlements,
        observed=yuan(cost),
        limit=yuan(pace),
        amount=cost - pace,
        says={
            "cost": amount(cost),
            "pace": amount(pace),
            "ahead": shown(half_up((cost - pace) * 1000, pace), 1) if pace else "-",
            "step": percent,
            "day": format_day(last),
            "period": quota.period,
            "quota": amount(quota.quota),
        },
    )
