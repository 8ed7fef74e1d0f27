"""Plants about a whole institution: ahead of its quota, beyond it, dearer than last year.

Each has a hospital of its own in which patients stay four days and one or two leave a day. Quota and last year's
average are set to what the plan adds up to, so the outcome is known to the fen.
"""

from dataclasses import dataclass

from monitor.simulator.bills import Settled
from monitor.simulator.governor import quarter
from monitor.simulator.planting.plan import Plan, PlantError
from monitor.simulator.region import Institution, quota_entry
from topics.times import DAY, HOUR, format_month, period_days

_LENGTH = 4
_PROGRESS_SHARE = 0.6
"""How far into the period an institution ahead of its quota goes."""
_FEWEST_STAYS = 34
_PLENTY = 10_000_000_000
_STEPS = (0, 5, 10)
_RATIOS = (1_025, 1_075, 1_150)
"""Cost over the pace of the quota, in thousandths, in the middle of each step."""


@dataclass(frozen=True)
class _Stretch:
    """Days of a quota period on which stays are settled."""

    period: str
    first: int
    last: int
    through: int
    length: int

    @property
    def days(self) -> int:
        return self.last - self.first + 1


def _stretch(plan: Plan, rule: str, share: float, *, through: float) -> _Stretch:
    """The stretch of a month or quarter in the span that has stays settled on most of its days.

    Args:
        plan: the plan.
        rule: for the message.
        share: least share of the days so far (`through` < 1), or of the whole period, with a stay settled.
        through: share of the period after which no stay is settled.

    Raises:
        PlantError: no period of the span will do.
    """
    begin, end = plan.config.begin + _LENGTH, plan.config.begin + plan.config.full_days - 1
    found = []
    for day in range(begin, end + 1):
        for period in (quarter(day), format_month(day)):
            first, after = period_days(period)
            cut = first + int(through * (after - first)) - 1
            last = min(end, after - 1, cut)
            stretch = _Stretch(period, max(begin, first), last, last - first + 1, after - first)
            needed = share * (stretch.through if through < 1 else stretch.length)
            if stretch.days >= max(needed, 5) and stretch.through * 10 >= stretch.length * 3:
                found.append(stretch)
    if not found:
        raise PlantError(f"{rule} cannot be planted: no month or quarter has enough of its days in the span")
    return max(found, key=lambda one: (one.days / (one.through if through < 1 else one.length), one.days, one.period))


def _hospital(plan: Plan) -> Institution:
    return plan.region.add_planted(plan.rng)


def _run(plan: Plan, hospital: Institution, days: list[int]) -> list[Settled]:
    """One stay settled on each of the days."""
    settled = []
    for day in days:
        end = day * DAY + 10 * HOUR
        stay = plan.stay(plan.person(), hospital, end - _LENGTH * DAY, end)
        settled.append(plan.send(stay))
    return settled


def _step(over: int, base: int) -> str | None:
    """The highest step (per cent) by which `over` exceeds `base`; both of any one unit."""
    passed = [step for step in _STEPS if over * 100 > base * (100 + step)]
    return str(passed[-1]) if passed else None


def quota_progress(plan: Plan, number: int) -> None:
    """Cost ahead of the quota's pace, without using it up."""
    stretch = _stretch(plan, "quota-progress", 0.7, through=_PROGRESS_SHARE)
    hospital = _hospital(plan)
    settled = _run(plan, hospital, list(range(stretch.first, stretch.last + 1)))
    cost = sum(one.fund for one in settled)
    quota = cost * stretch.length * 1000 // (stretch.through * _RATIOS[number % 3])
    plan.registry.append(quota_entry(hospital.code, stretch.period, quota))
    step = _step(cost * stretch.length, quota * stretch.through)
    plan.label("quota-progress", "institution", f"{hospital.code}/{stretch.period}", step)


def quota_exhausted(plan: Plan, number: int) -> None:
    """Cost beyond the quota; so also ahead of its pace."""
    stretch = _stretch(plan, "quota-exhausted", 0.6, through=1.0)
    hospital = _hospital(plan)
    settled = _run(plan, hospital, list(range(stretch.first, stretch.last + 1)))
    cost = sum(one.fund for one in settled)
    quota = cost * 100 // (107 + number % 3)
    plan.registry.append(quota_entry(hospital.code, stretch.period, quota))
    about = f"{hospital.code}/{stretch.period}"
    plan.label("quota-exhausted", "institution", about)
    plan.label("quota-progress", "institution", about, _step(cost * stretch.length, quota * stretch.through))


def avg_cost_growth(plan: Plan, number: int) -> None:
    """A month whose stays cost more on average than last year's, by more than the first or the second step."""
    days = _month(plan)
    hospital = _hospital(plan)
    settled = _run(plan, hospital, [days[stay % len(days)] for stay in range(_FEWEST_STAYS + number % 4)])
    total = sum(one.total for one in settled)
    base = total * 1000 // (len(settled) * (1_150 if number % 2 else 1_075))
    plan.registry.append(quota_entry(hospital.code, quarter(days[0]), _PLENTY, base))
    step = _step(total, base * len(settled))
    plan.label("avg-cost-growth", "institution", f"{hospital.code}/{format_month(days[0])}", step)


def _month(plan: Plan) -> list[int]:
    """The days of the month that has most of them, if enough, in the span."""
    begin, end = plan.config.begin + _LENGTH, plan.config.begin + plan.config.full_days
    months: dict[str, list[int]] = {}
    for day in range(begin, end):
        months.setdefault(format_month(day), []).append(day)
    days = max(months.values(), key=len, default=[])
    if len(days) * 2 < _FEWEST_STAYS + 4:
        raise PlantError("avg-cost-growth cannot be planted: no month has enough of its days in the span")
    return days
