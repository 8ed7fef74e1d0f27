"""Features of an institution-day: each by itself, both sides of every boundary, and what is missing."""

from math import log

import numpy as np
import pytest

from detectors.day_features import FEATURES, DayBaselines, features, fit_day_baselines, region_of
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
from detectors.model import Model
from detectors.panes import KeyHistory
from tests.forest.claims import FIRST_DAY
from tests.forest.days import fitted_with_days, institution
from topics.registry import Institution, Registry
from topics.times import DAY

DAY0 = FIRST_DAY + 40  # 2026-02-10, a Tuesday
BASELINES = DayBaselines({"": 10_000, "3": 20_000}, {"": 500_000, "3": 900_000})


def with_day(history: KeyHistory, day: int = DAY0, **sums: int) -> KeyHistory:
    """Add a day: 40 settlements of 30 persons for 4,000 yuan, half paid by the fund, with some sums set."""
    given = {SETTLEMENTS: 40, PERSONS: 30, COST: 400_000, FUND: 200_000}
    for name, amount in (given | {name.replace("_", "-"): amount for name, amount in sums.items()}).items():
        history.add(day, name, amount)
    return history


def with_past(days: int, **sums: int) -> KeyHistory:
    """Like days before the day, from so many before on."""
    history = institution()
    for back in range(1, days + 1):
        with_day(history, DAY0 - back, **sums)
    return with_day(history)


def of(history: KeyHistory) -> dict[str, float]:
    """Features of the day by name."""
    row = features(history, DAY0, BASELINES)
    return {feature.name: value for feature, value in zip(FEATURES, row, strict=True)}


def test_a_day_without_a_past() -> None:
    """What compares with the past says as usual."""
    row = of(with_day(institution()))
    assert row == {
        "settlements": 40,
        "fund": pytest.approx(log(200_000)),
        "average": pytest.approx(log(10_000)),
        "average_past": 0,
        "average_peers": 0,
        "stay_average": pytest.approx(log(500_000)),
        "fund_share": 0.5,
        "inpatient_share": 0,
        "night_share": 0,
        "away_share": 0,
        "repeat_share": 0,
        "per_person": pytest.approx(4 / 3),
        "volume_past": 0,
        "fund_past": 0,
        "fund_deviation": 0,
        "weekend_share": 0,
        "growth": 0,
    }


def test_shares_of_a_day() -> None:
    """By settlements; persons who came back by persons; stays by stays."""
    sums = {NIGHT: 10, OUT_OF_REGION: 20, INPATIENT_SETTLEMENTS: 4, REPEATED: 15, STAYS: 2, STAYS_COST: 1_600_000}
    history = with_day(institution(), **{name.replace("-", "_"): amount for name, amount in sums.items()})
    row = of(history)
    assert (row["night_share"], row["away_share"], row["inpatient_share"]) == (0.25, 0.5, 0.1)
    assert row["repeat_share"] == 0.5
    assert row["stay_average"] == pytest.approx(log(800_000))


@pytest.mark.parametrize(("days", "known"), [(13, False), (14, True)])
def test_a_past_is_known_from_two_weeks_on(days: int, known: bool) -> None:
    """Days since the first settlement, silent ones among them."""
    row = of(with_past(days, **{FUND: 100_000, COST: 200_000}))
    assert (row["growth"] != 0) is known
    assert row["fund_past"] == pytest.approx(log(2) if known else 0)
    assert row["average_past"] == pytest.approx(log(2) if known else 0)
    silent = with_day(with_day(institution(), DAY0 - days))
    assert (of(silent)["volume_past"] != 0) is known


def test_the_same_weekday_is_what_a_day_compares_with() -> None:
    """Tuesdays of four weeks; other days may be what they like."""
    history = institution()
    for back in range(1, 29):
        with_day(history, DAY0 - back, **({} if back % 7 == 0 else {SETTLEMENTS: 400, FUND: 9_000_000}))
    row = of(with_day(history))
    assert row["volume_past"] == row["fund_past"] == 0


def test_distance_from_its_own_past_in_spreads() -> None:
    """Days all alike: the spread is a tenth of the median."""
    history = with_past(28)
    assert of(history)["fund_deviation"] == 0
    history.add(DAY0, FUND, 20_000)
    assert of(history)["fund_deviation"] == pytest.approx(1)


def test_growth_over_a_week() -> None:
    """The seven days up to the day by the seven before; older ones do not matter."""
    history = institution()
    for back in range(1, 29):
        with_day(history, DAY0 - back, **({} if back < 7 else {FUND: 100_000 if back < 14 else 5_000_000}))
    assert of(with_day(history))["growth"] == pytest.approx(log(2))


def test_the_share_of_weekends() -> None:
    """Of the 28 days up to the day: 8 of 28."""
    assert of(with_past(40))["weekend_share"] == pytest.approx(8 / 28)


def test_the_level_and_the_region_come_from_the_registry() -> None:
    """As of the day."""
    registry = Registry()
    registry.put(Institution(valid_from=DAY0 * DAY, institution="H1", level="3", place="320100"))
    history = with_day(with_day(institution(registry=registry), DAY0 - 1))
    assert of(history)["average_peers"] == pytest.approx(-log(2))
    assert of(history)["stay_average"] == pytest.approx(log(900_000))
    assert (region_of(history, DAY0), region_of(history, DAY0 - 1)) == ("320100", "")


def test_baselines_of_levels() -> None:
    """A level has figures of its own from 30 days on; none at all is 0."""
    registry = Registry()
    registry.put(Institution(valid_from=0, institution="H1", level="3"))
    seen = []
    history = institution(registry=registry)
    for day in range(DAY0, DAY0 + 30):
        with_day(history, day)
        seen.append((history, day))
    assert fit_day_baselines(seen) == DayBaselines({"": 10_000, "3": 10_000}, {"": 0})
    assert fit_day_baselines(seen[1:]).average == {"": 10_000}
    assert fit_day_baselines([]) == DayBaselines({"": 0}, {"": 0})


def test_a_model_with_days_comes_back_as_it_was() -> None:
    """Both parts."""
    model = fitted_with_days()
    back = Model.from_bytes(model.to_bytes())
    assert model.days is not None
    assert back.days is not None
    assert np.array_equal(back.days.forest.threshold, model.days.forest.threshold)
    assert back.days.thresholds == model.days.thresholds
    assert back.to_bytes() == model.to_bytes()


def test_the_gate_keeps_small_days_out_of_the_forest() -> None:
    """Training sees the days that the rule judges."""
    model = fitted_with_days()
    assert model.days is not None
    assert model.days.grid[0][0] >= model.settings.least_settlements
