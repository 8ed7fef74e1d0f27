"""The features of one settlement that the isolation forest looks at.

They come from the settlement, the lines of its visit, the person's settlements of the 90 days before it, the registry
as of the time of care, and baselines frozen in the model. Training, backtest and live use this one function, over the
same history. Rows are float32.

What is missing never looks unusual: each feature says what stands in for it, mostly what is typical in the baselines.
Amounts below one yuan count as one yuan.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.claim_baselines import (
    Baselines,
    Bill,
    age_band,
    bill_of,
    groups,
    log_fen,
    stay_days,
)
from detectors.feature_set import Feature, digest
from detectors.geography import distance_mm
from detectors.history import PersonHistory
from detectors.units import PPM
from topics.facts import Settlement
from topics.registry import Institution, Registry
from topics.times import DAY, HOUR

REVISION: Final = 2
"""Raised when a feature is computed in another way under the same name: older models are refused then."""

WINDOW: Final = 90 * DAY
"""How far back a row looks, seconds of care time."""

_WEEK: Final = 7 * DAY
_MONTH: Final = 30 * DAY
_KM: Final = 1_000_000
_THURSDAY: Final = 3  # 1970-01-01, with Monday as 0

FEATURES: Final[tuple[Feature, ...]] = (
    Feature("total", "money", "医疗费总额{value}", "total cost {value}", "Total cost of the settlement."),
    Feature(
        "relative",
        "ratio",
        "费用为同类同病种结算中位数的{value}",
        "cost {value} the median of its peers",
        "Total cost beside the median of the narrowest known peer group: kind of care, disease, level of institution, "
        "age band.",
    ),
    Feature(
        "deviation",
        "spreads",
        "费用高出同类同病种中位数{value}",
        "cost {value} above its peers",
        "The same distance in spreads of the peer group, so that groups whose bills vary much count less.",
    ),
    Feature(
        "fund_share",
        "share",
        "基金支付占{value}",
        "the fund pays {value}",
        "Fund payment by total cost; 0 where nothing was charged.",
    ),
    Feature(
        "own_share",
        "share",
        "全自费占{value}",
        "own expense is {value}",
        "Own expense by total cost; where it is not stated, the typical share.",
    ),
    Feature(
        "stay",
        "days",
        "就诊历时{value}",
        "visit lasted {value}",
        "From begin to end of the visit; to the settlement without an end; 0 without a begin.",
    ),
    Feature(
        "per_day", "money", "日均费用{value}", "cost a day {value}", "Total cost by days; under a day counts as one."
    ),
    Feature(
        "per_day_relative",
        "ratio",
        "日均费用为同类同病种中位数的{value}",
        "cost a day {value} the median of its peers",
        "Cost a day beside the median cost a day of the same peer group.",
    ),
    Feature(
        "drug_share",
        "share",
        "药品占明细费用的{value}",
        "drugs are {value} of the lines' cost",
        "Lines of categories 09 to 11 by all lines of the visit; without lines what is typical for the kind of care.",
    ),
    Feature(
        "exam_share",
        "share",
        "检查检验占明细费用的{value}",
        "exams and tests are {value} of the lines' cost",
        "Lines of categories 03 and 04, likewise.",
    ),
    Feature(
        "material_share",
        "share",
        "耗材占明细费用的{value}",
        "materials are {value} of the lines' cost",
        "Lines of category 08, likewise.",
    ),
    Feature(
        "lines_per_day",
        "rate",
        "每日明细{value}条",
        "fee lines a day: {value}",
        "Lines of the visit by days; without lines what is typical for the kind of care.",
    ),
    Feature(
        "hour",
        "hour",
        "结算时刻{value}",
        "settled at {value}",
        "Time of settlement; at exactly 00:00:00 (a date without a time) the typical hour.",
    ),
    Feature("weekday", "weekday", "{value}就诊", "care on a {value}", "Day of the week of the care time."),
    Feature(
        "visits_7d",
        "count",
        "此前7天内另有{value}次就诊",
        "other visits in the 7 days before: {value}",
        "Different visits of the person with care time in the 7 days before.",
    ),
    Feature(
        "visits_30d",
        "count",
        "此前30天内另有{value}次就诊",
        "other visits in the 30 days before: {value}",
        "Likewise in the 30 days before.",
    ),
    Feature(
        "stays_90d",
        "count",
        "此前90天内另有{value}次住院",
        "other stays in the 90 days before: {value}",
        "Different inpatient visits of the person in the 90 days before.",
    ),
    Feature(
        "institutions_30d",
        "count",
        "30天内就诊机构{value}家",
        "institutions within 30 days: {value}",
        "Different institutions of those visits, this one included.",
    ),
    Feature(
        "cost_30d",
        "money",
        "此前30天内其他结算共{value}",
        "other settlements of the 30 days before: {value}",
        "Total cost of the person's other settlements in the 30 days before; 1 yuan without any.",
    ),
    Feature(
        "distance",
        "km",
        "距上一次就诊机构{value}",
        "{value} from the institution of the visit before",
        "Great-circle distance to the institution of the person's last settlement in the 90 days before; 0 without "
        "one, or without coordinates of both.",
    ),
    Feature(
        "out_of_region",
        "flag",
        "异地就医",
        "care outside the place of insurance",
        "Whether both places are known and differ.",
    ),
)

FEATURE_SET: Final = digest(FEATURES, REVISION)
"""What a model file must carry to be used with this code."""

_care_time = attrgetter("care_time")


def earlier_of(settlements: Sequence[Settlement], settlement: Settlement) -> Sequence[Settlement]:
    """Those of a person's standing settlements (by care time) that count as earlier.

    Their care time lies in (t - WINDOW, t), t being the settlement's own; those of exactly its time do not count, so
    that two of one moment do not depend on their order.
    """
    now = settlement.care_time
    begin = bisect_left(settlements, now - WINDOW + 1, key=_care_time)
    return settlements[begin : bisect_left(settlements, now, lo=begin, key=_care_time)]


def features(settlement: Settlement, history: PersonHistory, baselines: Baselines) -> tuple[float, ...]:
    """The values of FEATURES for one standing settlement.

    Args:
        settlement: the settlement to look at.
        history: of its person, with the registry.
        baselines: what is usual.
    """
    now, total = settlement.care_time, settlement.total
    institution = history.registry.get(Institution, settlement.institution, at=now)
    level = (institution.level or "") if institution is not None else ""
    usual = baselines.usual(groups(settlement, level, age_band(settlement)))
    amount = log_fen(total)
    relative = amount - log_fen(usual.total)

    share = settlement.fund / total if total > 0 else 0.0
    if settlement.own_expense is None:
        own = baselines.own_share / PPM
    else:
        own = settlement.own_expense / total if total > 0 else 0.0

    days = stay_days(settlement)
    per_day = log_fen(total / days) if days > 1.0 else amount
    bill = bill_of(history.raw_lines(settlement.institution, settlement.visit), days)
    if bill is None:
        typical = baselines.usual_lines(settlement.med_type)
        bill = Bill(typical.drugs / PPM, typical.exams / PPM, typical.materials / PPM, typical.lines / 1_000)

    earlier = earlier_of(history.settlements, settlement)
    week, month, stays, institutions, cost = _before(settlement, earlier, history.general.inpatient)
    distance = 0.0
    if earlier and earlier[-1].institution != settlement.institution:
        other = history.registry.get(Institution, earlier[-1].institution, at=now)
        millimetres = distance_mm(institution, other)
        distance = 0.0 if millimetres is None else millimetres / _KM

    home, place = settlement.insured_place, settlement.care_place
    return (
        amount,
        relative,
        relative * PPM / usual.spread,
        share,
        own,
        days,
        per_day,
        per_day - log_fen(usual.per_day),
        *bill,
        (settlement.settled_at % DAY or baselines.settled) / HOUR,
        float((now // DAY + _THURSDAY) % 7),
        week,
        month,
        stays,
        institutions,
        log_fen(cost),
        distance,
        1.0 if home and place and home != place else 0.0,
    )


def region_of(settlement: Settlement, registry: Registry) -> str:
    """Whose threshold holds: the place of the institution, else the place of care; empty: not known."""
    institution = registry.get(Institution, settlement.institution, at=settlement.care_time)
    place = institution.place if institution is not None else None
    return place or settlement.care_place or ""


def _before(
    settlement: Settlement, earlier: Sequence[Settlement], inpatient: frozenset[str]
) -> tuple[float, float, float, float, int]:
    """Visits of the week and month before, stays of all of the window, institutions and cost (fen) of the month."""
    if not earlier:
        return 0.0, 0.0, 0.0, 1.0, 0
    now, visit = settlement.care_time, settlement.visit
    week, month = now - _WEEK, now - _MONTH
    recent: set[str] = set()
    visits: set[str] = set()
    stays: set[str] = set()
    institutions = {settlement.institution}
    cost = 0
    for other in earlier:
        if other.visit != visit and other.med_type in inpatient:
            stays.add(other.visit)
        time = other.care_time
        if time <= month:
            continue
        institutions.add(other.institution)
        cost += other.total
        if other.visit != visit:
            visits.add(other.visit)
            if time > week:
                recent.add(other.visit)
    return float(len(recent)), float(len(visits)), float(len(stays)), float(len(institutions)), cost


def matrix(rows: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """Rows of `features` as the float32[n, features] that a forest scores."""
    return np.array(rows, np.float32).reshape(len(rows), len(FEATURES))


def by_name(row: Sequence[float]) -> Mapping[str, float]:
    """The values of a row by the names of their features."""
    return {feature.name: float(value) for feature, value in zip(FEATURES, row, strict=True)}
