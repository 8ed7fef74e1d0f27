"""Features of a settlement: each by itself, both sides of every boundary, and what is missing."""

from math import e, log
from typing import Any

import numpy as np
import pytest

from detectors.claim_features import (
    FEATURES,
    WINDOW,
    Baselines,
    by_name,
    earlier_of,
    features,
    fit_baselines,
    matrix,
)
from tests.forest.claims import FIRST_DAY, NOON, settlement
from topics.facts import Settlement
from topics.times import DAY, HOUR

BASELINES = Baselines(
    medians={"11": {"": 10_000, "J06": 5_000}, "21": {"": 800_000}}, median=20_000, own_share=50_000, settled=36_000
)


def of(*earlier: Settlement, **values: Any) -> dict[str, float]:  # noqa: ANN401 - any field of a settlement
    """Features by name of an ordinary settlement with some fields set."""
    return dict(by_name(features(settlement(**values), earlier, BASELINES)))


def test_an_ordinary_settlement() -> None:
    """100 yuan, 60 of them from the fund, on a Thursday noon, for the first time."""
    row = of()
    assert row == {
        "total": pytest.approx(log(10_000)),
        "relative": 0,
        "fund_share": 0.6,
        "own_share": 0.05,
        "stay": 0,
        "per_day": pytest.approx(log(10_000)),
        "hour": 12,
        "weekend": 0,
        "visits_7d": 0,
        "visits_30d": 0,
        "institutions_30d": 1,
        "out_of_region": 0,
    }


def test_amounts_below_a_yuan_count_as_one() -> None:
    """Nothing charged is no logarithm of 0, and no share of 0."""
    row = of(total=0, fund=0, own_expense=0)
    assert row["total"] == row["per_day"] == pytest.approx(log(100))
    assert row["fund_share"] == row["own_share"] == 0
    assert of(total=99)["total"] == of(total=100)["total"] < of(total=101)["total"]


@pytest.mark.parametrize(
    ("med_type", "diagnosis", "usual"),
    [
        ("11", "J069", 5_000),
        ("11", "J06", 5_000),
        ("11", "J07", 10_000),
        ("11", None, 10_000),
        ("11", "", 10_000),
        ("21", "J069", 800_000),
        ("41", "J069", 20_000),
        ("41", None, 20_000),
    ],
)
def test_the_group_a_cost_is_compared_with(med_type: str, diagnosis: str | None, usual: int) -> None:
    """The disease within its kind of care; else the kind; else everything."""
    row = of(med_type=med_type, diagnosis=diagnosis, total=round(usual * e))
    assert row["relative"] == pytest.approx(1, abs=1e-3)


def test_the_share_of_own_expense() -> None:
    """As stated; the typical one where none is stated, not where it is stated as 0."""
    assert of(own_expense=2_500)["own_share"] == 0.25
    assert of(own_expense=0)["own_share"] == 0
    assert of(own_expense=None)["own_share"] == 0.05


@pytest.mark.parametrize(
    ("begin", "end", "days"),
    [
        (NOON - 3 * DAY, NOON, 3),
        (NOON - 3 * DAY, NOON - DAY, 2),
        (NOON - 3 * DAY, None, 3),
        (None, NOON, 0),
        (None, None, 0),
        (NOON, NOON - DAY, 0),
    ],
)
def test_the_length_of_a_stay(begin: int | None, end: int | None, days: float) -> None:
    """From begin to end; to the settlement without an end; 0 without a begin or with an end before it."""
    assert of(begin=begin, end=end)["stay"] == days


def test_cost_a_day() -> None:
    """The total over the days of the stay; a stay of less than a day counts as one day."""
    assert of(total=90_000, begin=NOON - 3 * DAY, end=NOON)["per_day"] == pytest.approx(log(30_000))
    assert of(total=90_000, begin=NOON - HOUR, end=NOON)["per_day"] == pytest.approx(log(90_000))
    assert of(total=150, begin=NOON - 9 * DAY, end=NOON)["per_day"] == pytest.approx(log(100))


def test_the_hour_of_settlement() -> None:
    """Of the settlement, not of the care; a date without a time takes the typical hour."""
    midnight = FIRST_DAY * DAY
    assert of(settled_at=midnight + 1)["hour"] == pytest.approx(1 / 3600)
    assert of(settled_at=midnight + DAY - 1)["hour"] == pytest.approx(24, abs=1e-3)
    assert of(settled_at=midnight)["hour"] == 10
    assert of(begin=midnight + 3 * HOUR)["hour"] == 12


@pytest.mark.parametrize(("day", "flag"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 0), (9, 1)])
def test_the_weekend(day: int, flag: float) -> None:
    """2026-01-01 is a Thursday: the third and fourth are the weekend; the day of care counts."""
    assert of(settled_at=NOON + day * DAY)["weekend"] == flag
    assert of(begin=NOON + day * DAY, settled_at=NOON + 12 * DAY)["weekend"] == flag


@pytest.mark.parametrize(
    ("insured", "care", "flag"),
    [("320100", "320100", 0), ("320100", "320500", 1), (None, "320500", 0), ("320100", None, 0), (None, None, 0)],
)
def test_out_of_region(insured: str | None, care: str | None, flag: float) -> None:
    """Only where both places are known and differ."""
    assert of(insured_place=insured, care_place=care)["out_of_region"] == flag


def test_visits_before() -> None:
    """Different visits, not settlements, and not the visit itself; the week is open on the left."""
    week = NOON - 7 * DAY
    earlier = [
        settlement(id="S2", visit="V2", settled_at=week),
        settlement(id="S3", visit="V3", settled_at=week + 1),
        settlement(id="S4", visit="V3", settled_at=week + 2, institution="H2"),
        settlement(id="S5", visit="V1", settled_at=NOON - DAY),
    ]
    row = of(*earlier)
    assert (row["visits_7d"], row["visits_30d"], row["institutions_30d"]) == (1, 2, 2)
    assert of(*reversed(earlier)) == row


def test_which_settlements_are_earlier() -> None:
    """Care time within 30 days before, both ends open: neither of the same moment nor of exactly 30 days ago."""
    times = [NOON - WINDOW - 1, NOON - WINDOW, NOON - WINDOW + 1, NOON - 1, NOON, NOON, NOON + 1]
    settlements = [settlement(id=f"S{place}", settled_at=time) for place, time in enumerate(times)]
    assert [one.id for one in earlier_of(settlements, settlements[4])] == ["S2", "S3"]
    assert earlier_of(settlements, settlements[5]) == earlier_of(settlements, settlements[4])
    assert list(earlier_of(settlements, settlements[0])) == []


def test_the_care_time_decides_what_is_earlier() -> None:
    """A stay that began before but was settled after still is earlier."""
    stay = settlement(id="S1", begin=NOON - DAY, settled_at=NOON + DAY)
    visit = settlement(id="S2", settled_at=NOON)
    assert list(earlier_of([stay, visit], visit)) == [stay]


def test_baselines_of_groups() -> None:
    """A disease or kind of care has a median of its own from 30 settlements on; the lower of two middle ones."""
    some = [settlement(diagnosis="J069", total=1_000 * place) for place in range(1, 31)]
    some += [settlement(diagnosis="I10", total=7) for _ in range(29)]
    some += [settlement(med_type="21", total=9) for _ in range(29)]
    baselines = fit_baselines(some)
    assert baselines.medians == {"11": {"": 1_000, "J06": 15_000}}
    assert baselines.usual("11", "I10") == 1_000
    assert baselines.usual("21", None) == baselines.median == 9
    assert fit_baselines(reversed(some)) == baselines


def test_baselines_of_what_may_be_missing() -> None:
    """The typical share of own expense and hour come from settlements that state them."""
    stated = [settlement(own_expense=1_000), settlement(own_expense=2_000), settlement(own_expense=3_000)]
    dates = [settlement(settled_at=FIRST_DAY * DAY)] * 5
    baselines = fit_baselines(stated + dates)
    assert (baselines.own_share, baselines.settled) == (200_000, 12 * HOUR)
    silent = fit_baselines(dates)
    assert (silent.own_share, silent.settled) == (0, 12 * HOUR)
    with pytest.raises(ValueError, match="no settlements"):
        fit_baselines([])


def test_rows_for_the_forest() -> None:
    """float32, a column a feature, empty where there is nothing."""
    row = features(settlement(), [], BASELINES)
    rows = matrix([row, row])
    assert rows.dtype == np.float32
    assert rows.shape == (2, len(FEATURES))
    assert matrix([]).shape == (0, len(FEATURES))


def test_how_values_read() -> None:
    """Units and rounding of every kind of feature, in both languages."""
    values = {
        "total": (log(1_234_567), ("12,300元", "12,300 yuan")),
        "relative": (log(3.24), ("3.2倍", "3.2 times")),
        "fund_share": (0.856, ("86%", "86 %")),
        "stay": (12.04, ("12天", "12 days")),
        "hour": (3.2, ("03:12", "03:12")),
        "weekend": (1.0, ("是", "yes")),
        "visits_7d": (8.0, ("8", "8")),
    }
    by = {feature.name: feature for feature in FEATURES}
    for name, (value, shown) in values.items():
        assert by[name].shown(value) == shown
    assert by["hour"].shown(23.9999)[0] == "23:59"
    assert [by["stay"].shown(days)[1] for days in (0, 1, 1.04, 1.06)] == ["0 days", "1 day", "1 day", "1.1 days"]
    assert by["stay"].span(0, 6.1) == ("0至6.1天", "0 to 6.1 days")
    assert by["hour"].span(8, 18.5) == ("08:00至18:30", "08:00 to 18:30")
    assert by["total"].phrase(log(10_000)) == ("医疗费总额100元", "total cost 100 yuan")
