"""The features of one institution-day that the isolation forest looks at.

They come from the day's sums, those of the institution's 28 days before it, the registry as of the day, and baselines
frozen in the model. Training, backtest and live use this one function, over the same history of sums. Rows are float32.

An institution known for less than 14 days before the day has no past yet: what compares with it says "as usual".
Silent days count 0 from the first settlement on. Amounts below one yuan count as one yuan.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.claim_baselines import SMALLEST_GROUP, log_fen, median
from detectors.feature_set import Feature, digest
from detectors.institution_days import (
    COST,
    FUND,
    INPATIENT_SETTLEMENTS,
    NIGHT,
    OUT_OF_REGION,
    PERSONS,
    REPEATED,
    SETTLEMENTS,
    STAYS,
    STAYS_COST,
)
from detectors.panes import KeyHistory
from topics.registry import Institution
from topics.times import DAY

REVISION: Final = 1
"""Raised when a feature is computed in another way under the same name: older models are refused then."""

PAST_DAYS: Final = 28
WINDOW: Final = PAST_DAYS * DAY
"""How far back a row looks, seconds."""

MEASURES: Final = (
    COST,
    FUND,
    INPATIENT_SETTLEMENTS,
    NIGHT,
    OUT_OF_REGION,
    PERSONS,
    REPEATED,
    SETTLEMENTS,
    STAYS,
    STAYS_COST,
)

_ENOUGH: Final = 14
_WEEK: Final = 7
_SCALE: Final = 1.4826
_THURSDAY: Final = 3  # 1970-01-01, with Monday as 0
_SATURDAY: Final = 5
_LEAST: Final = 0.1  # the deviation is at least this part of the median, as in cost-spike

FEATURES: Final[tuple[Feature, ...]] = (
    Feature("settlements", "count", "当日结算{value}笔", "settlements of the day: {value}", "Settlements of the day."),
    Feature("fund", "money", "当日基金支出{value}", "fund cost of the day {value}", "Fund payment of the day."),
    Feature("average", "money", "次均费用{value}", "average cost {value}", "Total cost of the day by its settlements."),
    Feature(
        "average_past",
        "ratio",
        "次均费用为本机构此前28天的{value}",
        "average cost {value} that of its own 28 days before",
        "Average cost beside the average of the institution's 28 days before.",
    ),
    Feature(
        "average_peers",
        "ratio",
        "次均费用为同级机构中位数的{value}",
        "average cost {value} that of institutions of its level",
        "Average cost beside the median of institution-days of the same level; of all where the level is unknown.",
    ),
    Feature(
        "stay_average",
        "money",
        "当日结清住院次均{value}",
        "stays settled that day cost {value} each",
        "Average cost of the stays settled on the day; without any, what is typical for the level.",
    ),
    Feature("fund_share", "share", "基金支付占{value}", "the fund pays {value}", "Fund payment by total cost."),
    Feature(
        "inpatient_share",
        "share",
        "住院结算占{value}",
        "inpatient settlements are {value}",
        "Inpatient settlements by all of the day.",
    ),
    Feature(
        "night_share",
        "share",
        "夜间结算占{value}",
        "settlements by night are {value}",
        "Settlements between night_from and night_to by all of the day.",
    ),
    Feature(
        "away_share",
        "share",
        "异地结算占{value}",
        "settlements from out of the region are {value}",
        "Settlements whose places of insurance and care are known and differ, by all of the day.",
    ),
    Feature(
        "repeat_share",
        "share",
        "7天内再次就诊者占{value}",
        "persons back within 7 days are {value}",
        "Persons of the day who had another visit at the institution on one of the 6 days before, by all of the day.",
    ),
    Feature(
        "per_person",
        "rate",
        "人均结算{value}笔",
        "settlements a person: {value}",
        "Settlements of the day by its persons.",
    ),
    Feature(
        "volume_past",
        "ratio",
        "结算笔数为本机构前四周同一星期日的{value}",
        "settlements {value} those of the same weekday before",
        "Settlements beside the median of the same weekday of the four weeks before, each plus one.",
    ),
    Feature(
        "fund_past",
        "ratio",
        "基金支出为本机构前四周同一星期日的{value}",
        "fund cost {value} that of the same weekday before",
        "Fund payment beside the median of the same weekday of the four weeks before.",
    ),
    Feature(
        "fund_deviation",
        "spreads",
        "基金支出高出本机构此前28天中位数{value}",
        "fund cost {value} above its own 28 days before",
        "Distance of the fund payment from the median of the 28 days before, in spreads of at least 10 % of it.",
    ),
    Feature(
        "weekend_share",
        "share",
        "近28天周末结算占{value}",
        "settlements on weekends within 28 days are {value}",
        "Settlements on Saturdays and Sundays of the 28 days up to the day by all of them.",
    ),
    Feature(
        "growth",
        "ratio",
        "近7天基金支出为前7天的{value}",
        "fund cost of 7 days {value} that of the 7 before",
        "Fund payment of the 7 days up to the day beside that of the 7 days before them.",
    ),
)

FEATURE_SET: Final = digest(FEATURES, REVISION)
"""What a model file must carry to be used with this code."""


class DayBaselines(msgspec.Struct, frozen=True):
    """What is usual among institution-days, frozen when a model is fitted.

    Attributes:
        average: level of institution -> median average cost of a settlement, fen; "" for all.
        stay_average: level -> median average cost of a settled stay, fen; "" for all.
    """

    average: dict[str, int]
    stay_average: dict[str, int]


def level_of(history: KeyHistory, day: int) -> str:
    """The level of the institution on a day; empty: not known."""
    institution = history.registry.get(Institution, history.key, at=day * DAY)
    return (institution.level or "") if institution is not None else ""


def region_of(history: KeyHistory, day: int) -> str:
    """Whose threshold holds: the place of the institution; empty: not known."""
    institution = history.registry.get(Institution, history.key, at=day * DAY)
    return (institution.place or "") if institution is not None else ""


def fit_day_baselines(seen: Iterable[tuple[KeyHistory, int]]) -> DayBaselines:
    """Find out what is usual among institution-days; their order does not matter."""
    average: dict[str, list[int]] = {"": []}
    stays: dict[str, list[int]] = {"": []}
    for history, day in seen:
        pane = history.panes[day]
        for name in {level_of(history, day), ""}:
            if pane.get(SETTLEMENTS):
                average.setdefault(name, []).append(pane.get(COST, 0) // pane[SETTLEMENTS])
            if pane.get(STAYS):
                stays.setdefault(name, []).append(pane.get(STAYS_COST, 0) // pane[STAYS])
    return DayBaselines(_medians(average), _medians(stays))


def _medians(groups: Mapping[str, Sequence[int]]) -> dict[str, int]:
    return {
        name: median(values) if values else 0
        for name, values in sorted(groups.items())
        if not name or len(values) >= SMALLEST_GROUP
    }


def features(history: KeyHistory, day: int, baselines: DayBaselines) -> tuple[float, ...]:
    """The values of FEATURES for one institution and a day with settlements.

    Args:
        history: of the institution, with the registry.
        day: days since 1970-01-01; it has settlements.
        baselines: what is usual.
    """
    panes = history.panes
    pane = panes[day]
    number, fund, cost = pane[SETTLEMENTS], pane.get(FUND, 0), pane.get(COST, 0)
    persons, stays = pane.get(PERSONS, 0), pane.get(STAYS, 0)
    average = log_fen(cost / number)
    level = level_of(history, day)
    usual = baselines.average.get(level, baselines.average[""])
    usual_stay = baselines.stay_average.get(level, baselines.stay_average[""])

    past = _Past(history, day)
    known = past.days >= _ENOUGH
    count_before = sum(past.settlements)
    average_before = log_fen(sum(past.cost) / count_before) if count_before else average
    return (
        float(number),
        log_fen(fund),
        average,
        average - average_before if known else 0.0,
        average - log_fen(usual),
        log_fen(pane.get(STAYS_COST, 0) / stays) if stays else log_fen(usual_stay),
        fund / cost if cost > 0 else 0.0,
        pane.get(INPATIENT_SETTLEMENTS, 0) / number,
        pane.get(NIGHT, 0) / number,
        pane.get(OUT_OF_REGION, 0) / number,
        pane.get(REPEATED, 0) / persons if persons else 0.0,
        number / persons if persons else 1.0,
        log((number + 1) / (_middle(past.same_weekday(past.settlements)) + 1)) if known else 0.0,
        log_fen(fund) - log_fen(_middle(past.same_weekday(past.fund))) if known else 0.0,
        _deviation(fund, past.fund) if known else 0.0,
        _weekend_share(day, number, past.settlements),
        _growth(fund, past.fund) if known else 0.0,
    )


class _Past:
    """The last days before a day, the nearest first; none before the institution's first settlement."""

    def __init__(self, history: KeyHistory, day: int) -> None:
        known = history.first_day(SETTLEMENTS) if history.floor is None else history.floor // DAY
        self.days = min(PAST_DAYS, day - (day if known is None else known))
        before = [history.panes.get(day - back, {}) for back in range(1, self.days + 1)]
        self.settlements = [pane.get(SETTLEMENTS, 0) for pane in before]
        self.fund = [pane.get(FUND, 0) for pane in before]
        self.cost = [pane.get(COST, 0) for pane in before]

    @staticmethod
    def same_weekday(values: Sequence[int]) -> Sequence[int]:
        """Of the weeks before."""
        return values[_WEEK - 1 :: _WEEK]


def _middle(values: Sequence[int]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _deviation(value: int, before: Sequence[int]) -> float:
    middle = _middle(before)
    spread = _SCALE * _middle([round(2 * abs(one - middle)) for one in before]) / 2
    return (value - middle) / max(spread, _LEAST * middle, 100.0)


def _weekend_share(day: int, number: int, before: Sequence[int]) -> float:
    counts = [number, *before[: PAST_DAYS - 1]]
    whole = sum(counts)
    off = sum(count for back, count in enumerate(counts) if (day - back + _THURSDAY) % _WEEK >= _SATURDAY)
    return off / whole if whole else 0.0


def _growth(fund: int, before: Sequence[int]) -> float:
    week = fund + sum(before[: _WEEK - 1])
    other = sum(before[_WEEK - 1 : 2 * _WEEK - 1])
    return (log_fen(week) - log_fen(other)) if week and other else 0.0


def matrix(rows: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """Rows of `features` as the float32[n, features] that a forest scores."""
    return np.array(rows, np.float32).reshape(len(rows), len(FEATURES))
