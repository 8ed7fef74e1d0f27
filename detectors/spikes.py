"""How high a day's measure is beside others, and what a cost spike says about it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from detectors.findings import Finding
from detectors.institution_days import FUND, INPATIENT_SETTLEMENTS, NIGHT, OUT_OF_REGION, PERSONS, SETTLEMENTS
from detectors.panes import KeyHistory
from detectors.said import grouped
from detectors.spread import deviation_quadrupled, median_doubled
from detectors.terms import RuleTerms
from detectors.units import PPM
from topics.money import yuan
from topics.registry import Quota
from topics.times import DAY, format_day, period_days

QUOTA: Final = "quota"

_NAMES: Final = {
    FUND: ("统筹基金支出（元）", "fund cost (yuan)"),
    SETTLEMENTS: ("结算笔数", "number of settlements"),
    PERSONS: ("就诊人数", "number of persons"),
    OUT_OF_REGION: ("异地结算笔数", "number of out-of-region settlements"),
    NIGHT: ("夜间结算笔数", "number of settlements by night"),
    QUOTA: ("住院统筹支出（元）", "inpatient fund cost (yuan)"),
}


class Baseline(NamedTuple):
    """How far is too far: factors in parts per million, as the rule's limits name them."""

    deviations: int
    scale: int
    least: int
    times: int


class Spike(NamedTuple):
    """A measure, its value, the highest value that would not stand out, and the window's first day."""

    measure: str
    value: int
    limit: int
    usual: int | None
    days: int


def spike(measure: str, value: int, before: Sequence[int], floor: int, baseline: Baseline) -> Spike | None:
    """The measure's spike; None when the value does not stand out beside those of the days before.

    All in whole numbers: with `median` twice the median and `mad` four times the deviation in parts per million.
    """
    median = median_doubled(before)
    if value * 2 <= median:
        return None
    mad = max(deviation_quadrupled(before, median) * PPM, baseline.least * median * 2)
    unit = 4 * PPM**3
    bounds = (
        (median * 2 * PPM**3 + baseline.deviations * baseline.scale * mad) // unit,
        baseline.times * median // (2 * PPM),
        (median + 2 * floor) // 2,
    )
    limit = max(bounds)  # a whole number is above a bound when it is above the bound rounded down
    return Spike(measure, value, limit, median // 2, len(before)) if value > limit else None


def daily_share(history: KeyHistory, day: int, cost: int, share: int) -> Spike | None:
    """The spike of inpatient fund cost over `share` (parts per million) of a quota's part of a day.

    Where several periods hold the day, the shortest with a spike.
    """
    if not cost:
        return None
    found = []
    for period in {quota.period for quota in history.registry.all_of(Quota, history.key)}:
        first, after = period_days(period)
        quota = history.registry.get(Quota, history.key, period, at=day * DAY) if first <= day < after else None
        if quota is not None:
            limit = share * quota.quota // ((after - first) * PPM)
            if cost > limit:
                found.append((after - first, limit))
    return Spike(QUOTA, cost, min(found)[1], None, 0) if found else None


def finding(history: KeyHistory, terms: RuleTerms, day: int, found: Spike) -> Finding:
    """What the rule says about a spike; at stake is what money lies above the limit."""
    money = found.measure in {FUND, QUOTA}
    value, limit = (yuan(one) if money else one for one in (found.value, found.limit))
    zh, en = _NAMES[found.measure]
    usual = ""
    if found.usual is not None:
        usual = grouped(yuan(found.usual) if money else str(found.usual))
    counted = INPATIENT_SETTLEMENTS if found.measure == QUOTA else SETTLEMENTS
    return terms.finding(
        about=("institution", f"{history.key}/{format_day(day)}"),
        discriminator=found.measure,
        anchor=day * DAY,
        window=(day * DAY, day * DAY + DAY - 1),
        person=None,
        institution=history.key,
        facts=[],
        facts_total=history.panes[day].get(counted, 0),
        observed=value,
        limit=limit,
        amount=found.value - found.limit if money else None,
        says={
            "day": format_day(day),
            "measure_zh": zh,
            "measure_en": en,
            "value": grouped(str(value)),
            "limit": grouped(str(limit)),
            "usual_zh": f"此前{found.days}个同类日的中位数为{usual}" if found.days else "按周期总额日均数的倍数计",
            "usual_en": f"median of the {found.days} days of its kind before: {usual}"
            if found.days
            else "a multiple of the quota's part of a day",
        },
    )
