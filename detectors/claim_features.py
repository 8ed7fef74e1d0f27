"""The features of one settlement that the isolation forest looks at.

They come from the settlement, the person's settlements of the 30 days before it, and baselines frozen in the model.
Training, backtest and live use this one function. Rows are float32.

What is missing never looks unusual: own expense takes the typical share of the baselines; without a begin the stay
is 0 days, without an end it runs to the settlement; an unknown disease is compared with its kind of care, an unknown
kind with all settlements; an unknown place of insurance or care counts as care at home; a settlement at exactly
00:00:00 (a date without a time) takes the typical hour. Amounts below one yuan count as one yuan.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from math import log
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.feature_set import Feature, digest
from detectors.settlements import disease
from topics.facts import Settlement
from topics.money import FEN
from topics.times import DAY, HOUR

REVISION: Final = 1
"""Raised when a feature is computed in another way under the same name: older models are refused then."""

WINDOW: Final = 30 * DAY
"""How far back a row looks, seconds of care time."""

_WEEK: Final = 7 * DAY
_SMALLEST_GROUP: Final = 30
"""Settlements that a disease or kind of care needs for a median of its own."""

_PPM: Final = 1_000_000

FEATURES: Final[tuple[Feature, ...]] = (
    Feature("total", "money", "医疗费总额{value}", "total cost {value}"),
    Feature(
        "relative", "ratio", "费用为同病种同类别中位数的{value}", "cost {value} the median for such care and disease"
    ),
    Feature("fund_share", "share", "基金支付占{value}", "the fund pays {value}"),
    Feature("own_share", "share", "全自费占{value}", "own expense is {value}"),
    Feature("stay", "days", "就诊历时{value}", "visit lasted {value}"),
    Feature("per_day", "money", "日均费用{value}", "cost a day {value}"),
    Feature("hour", "hour", "结算时刻{value}", "settled at {value}"),
    Feature("weekend", "flag", "周末就诊", "care on a weekend"),
    Feature("visits_7d", "count", "此前7天内另有{value}次就诊", "other visits in the 7 days before: {value}"),
    Feature("visits_30d", "count", "此前30天内另有{value}次就诊", "other visits in the 30 days before: {value}"),
    Feature("institutions_30d", "count", "30天内就诊机构{value}家", "institutions within 30 days: {value}"),
    Feature("out_of_region", "flag", "异地就医", "care outside the place of insurance"),
)

FEATURE_SET: Final = digest(FEATURES, REVISION)
"""What a model file must carry to be used with this code."""


class Baselines(msgspec.Struct, frozen=True):
    """What is usual, frozen when a model is fitted.

    Attributes:
        medians: median total cost, fen, by kind of care (med_type), then disease; "" is the kind as a whole.
        median: median total cost of all settlements, fen.
        own_share: typical share of own expense in the total cost, parts per million.
        settled: typical time of settlement, seconds since local midnight.
    """

    medians: dict[str, dict[str, int]]
    median: int
    own_share: int
    settled: int

    def usual(self, med_type: str, diagnosis: str | None) -> int:
        """Median total cost, fen, of settlements of this kind and disease, or of the next wider group that is known."""
        kind = self.medians.get(med_type)
        if kind is None:
            return self.median
        return kind.get(disease(diagnosis) or "", kind[""])


def fit_baselines(settlements: Iterable[Settlement]) -> Baselines:
    """Find out what is usual; the order of the settlements does not matter.

    Raises:
        ValueError: there are no settlements.
    """
    groups: dict[tuple[str, str], array[int]] = {}
    own, settled = array("q"), array("q")
    for settlement in settlements:
        group = settlement.med_type, disease(settlement.diagnosis) or ""
        groups.setdefault(group, array("q")).append(settlement.total)
        settled.append(settlement.settled_at % DAY)
        if settlement.own_expense is not None and settlement.total > 0:
            own.append(settlement.own_expense * _PPM // settlement.total)
    if not settled:
        raise ValueError("no settlements to find out from what is usual")
    kinds: dict[str, array[int]] = {}
    for (med_type, _), totals in groups.items():
        kinds.setdefault(med_type, array("q")).extend(totals)
    everything = array("q")
    for totals in kinds.values():
        everything.extend(totals)
    medians: dict[str, dict[str, int]] = {}
    for med_type, totals in sorted(kinds.items()):
        if len(totals) >= _SMALLEST_GROUP:
            medians[med_type] = {"": _median(totals)}
    for (med_type, name), totals in sorted(groups.items()):
        if name and len(totals) >= _SMALLEST_GROUP:
            medians[med_type][name] = _median(totals)
    known = array("q", (second for second in settled if second))
    return Baselines(
        medians=medians,
        median=_median(everything),
        own_share=_median(own) if own else 0,
        settled=_median(known) if known else 12 * HOUR,
    )


def _median(values: Sequence[int]) -> int:
    """The lower median: a value that occurs, not a mean of two."""
    return sorted(values)[(len(values) - 1) // 2]


def earlier_of(settlements: Sequence[Settlement], settlement: Settlement) -> Sequence[Settlement]:
    """Those of a person's standing settlements (by care time) that count as earlier.

    Their care time lies in (t - WINDOW, t), t being the settlement's own; those of exactly its time do not count, so
    that two of one moment do not depend on their order.
    """
    now = settlement.care_time
    begin = bisect_right(settlements, now - WINDOW, key=attrgetter("care_time"))
    return settlements[begin : bisect_left(settlements, now, lo=begin, key=attrgetter("care_time"))]


def features(settlement: Settlement, earlier: Iterable[Settlement], baselines: Baselines) -> tuple[float, ...]:
    """The values of FEATURES for one settlement.

    Args:
        settlement: the settlement to look at.
        earlier: the person's settlements before it, see `earlier_of`; in any order.
        baselines: what is usual.
    """
    now, visit, total = settlement.care_time, settlement.visit, settlement.total
    amount = log(total) if total > FEN else _LOG_YUAN
    usual = baselines.usual(settlement.med_type, settlement.diagnosis)

    share = settlement.fund / total if total > 0 else 0.0
    if settlement.own_expense is None:
        own = baselines.own_share / _PPM
    else:
        own = settlement.own_expense / total if total > 0 else 0.0

    days = 0.0
    if settlement.begin is not None:
        end = settlement.settled_at if settlement.end is None else settlement.end
        days = max(end - settlement.begin, 0) / DAY
    per_day = amount
    if days > 1.0:
        per_day = max(amount - log(days), _LOG_YUAN)

    recent: set[str] = set()
    visits: set[str] = set()
    institutions = {settlement.institution}
    week = now - _WEEK
    for other in earlier:
        institutions.add(other.institution)
        if other.visit != visit:
            visits.add(other.visit)
            if other.care_time > week:
                recent.add(other.visit)

    home, place = settlement.insured_place, settlement.care_place
    return (
        amount,
        amount - (log(usual) if usual > FEN else _LOG_YUAN),
        share,
        own,
        days,
        per_day,
        (settlement.settled_at % DAY or baselines.settled) / HOUR,
        1.0 if (now // DAY + _THURSDAY) % 7 >= _SATURDAY else 0.0,
        float(len(recent)),
        float(len(visits)),
        float(len(institutions)),
        1.0 if home and place and home != place else 0.0,
    )


_LOG_YUAN: Final = log(FEN)
_THURSDAY: Final = 3  # 1970-01-01, with Monday as 0
_SATURDAY: Final = 5


def matrix(rows: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """Rows of `features` as the float32[n, features] that a forest scores."""
    return np.array(rows, np.float32).reshape(len(rows), len(FEATURES))


def by_name(row: Sequence[float]) -> Mapping[str, float]:
    """The values of a row by the names of their features."""
    return {feature.name: float(value) for feature, value in zip(FEATURES, row, strict=True)}
