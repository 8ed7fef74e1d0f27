"""What an institution is watched by besides its alerts: quota against time, growth, silence. No I/O, no clock."""

from typing import Final, NamedTuple

from detectors.institution_days import FUND, INPATIENT_FUND, SETTLEMENTS
from detectors.panes import KeyHistory
from topics.registry import Quota
from topics.times import DAY, period_days

WEEK: Final = 7
BUSY_DAYS: Final = 5
"""An institution that settled on so many of the week's days before yesterday, and not since, is silent (ours)."""


class QuotaUse(NamedTuple):
    """How far a quota is used and how far its period has passed.

    Attributes:
        period: `2026`, `2026Q3` or `2026-11`.
        used: inpatient fund cost of the period so far, fen.
        quota: of the whole period, fen.
        passed: days of the period so far, today included.
        days: of the whole period.
    """

    period: str
    used: int
    quota: int
    passed: int
    days: int

    @property
    def pressure(self) -> float:
        """Share used over share passed: over 1, it is used faster than time passes."""
        return self.used * self.days / (self.quota * self.passed) if self.quota else 0.0


class Look(NamedTuple):
    """One institution on one day.

    Attributes:
        silent: settled on most days of the week before yesterday, and neither yesterday nor today.
        week: fund cost of the seven full days before today, fen.
        week_before: of the seven days before those.
        quota: of its longest running period; None without one.
    """

    silent: bool
    week: int
    week_before: int
    quota: QuotaUse | None


def look(history: KeyHistory, today: int) -> Look:
    """Look at an institution as of a local day."""
    settled = history.measure(SETTLEMENTS, today - 1 - WEEK, today)
    since = any(day >= today - 1 for day in settled)
    fund = history.measure(FUND, today - 2 * WEEK, today - 1)
    return Look(
        silent=not since and len(settled) >= BUSY_DAYS,
        week=sum(amount for day, amount in fund.items() if day >= today - WEEK),
        week_before=sum(amount for day, amount in fund.items() if day < today - WEEK),
        quota=_quota(history, today),
    )


def _quota(history: KeyHistory, today: int) -> QuotaUse | None:
    longest: QuotaUse | None = None
    for period in sorted({quota.period for quota in history.registry.all_of(Quota, history.key)}):
        first, after = period_days(period)
        quota = history.registry.get(Quota, history.key, period, at=today * DAY)
        if not first <= today < after or quota is None or not quota.quota:
            continue
        if longest is None or after - first > longest.days:
            used = sum(history.measure(INPATIENT_FUND, first, today).values())
            longest = QuotaUse(period, used, quota.quota, today - first + 1, after - first)
    return longest
