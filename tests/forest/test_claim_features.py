"""Features of a settlement: each by itself, both sides of every boundary, and what is missing."""

from math import e, log
from typing import Any

import numpy as np
import pytest

from detectors.claim_baselines import Baselines, Usual, UsualLines, fit_baselines
from detectors.claim_features import FEATURES, WINDOW, by_name, earlier_of, features, matrix, region_of
from detectors.feature_set import KINDS, UNITS
from tests.forest.claims import FIRST_DAY, NOON, history_of, line, settlement
from topics.facts import FeeLine, Settlement
from topics.registry import Institution, Registry
from topics.times import DAY, HOUR

BASELINES = Baselines(
    peers={
        "": Usual(20_000, 1_000_000, 20_000),
        "11": Usual(10_000, 500_000, 10_000),
        "11/J06": Usual(5_000, 250_000, 5_000),
        "11/J06/3": Usual(8_000, 250_000, 8_000),
        "11/J06/3/2": Usual(9_000, 250_000, 9_000),
        "21": Usual(800_000, 500_000, 80_000),
    },
    lines={"": UsualLines(100_000, 200_000, 50_000, 4_000), "11": UsualLines(500_000, 100_000, 0, 2_500)},
    own_share=50_000,
    settled=36_000,
)


def registry() -> Registry:
    """Two hospitals a degree apart, of unlike levels, and one without coordinates."""
    found = Registry()
    found.put(Institution(valid_from=0, institution="H1", level="3", longitude=118_000_000, latitude=34_000_000))
    found.put(
        Institution(
            valid_from=0, institution="H2", level="2", longitude=118_000_000, latitude=35_000_000, place="320300"
        )
    )
    found.put(Institution(valid_from=0, institution="H3"))
    return found


def of(*others: Settlement | FeeLine, known: Registry | None = None, **values: Any) -> dict[str, float]:  # noqa: ANN401
    """Features by name of an ordinary settlement with some fields set, beside other facts of its person."""
    one = settlement(**values)
    return dict(by_name(features(one, history_of(one, *others, registry=known), BASELINES)))


def test_an_ordinary_settlement() -> None:
    """100 yuan, 60 of them from the fund, on a Thursday noon, for the first time, without lines."""
    assert of() == {
        "total": pytest.approx(log(10_000)),
        "relative": 0,
        "deviation": 0,
        "fund_share": 0.6,
        "own_share": 0.05,
        "stay": 0,
        "per_day": pytest.approx(log(10_000)),
        "per_day_relative": 0,
        "drug_share": 0.5,
        "exam_share": 0.1,
        "material_share": 0,
        "lines_per_day": 2.5,
        "hour": 12,
        "weekday": 3,
        "visits_7d": 0,
        "visits_30d": 0,
        "stays_90d": 0,
        "institutions_30d": 1,
        "cost_30d": pytest.approx(log(100)),
        "distance": 0,
        "out_of_region": 0,
    }


def test_amounts_below_a_yuan_count_as_one() -> None:
    """Nothing charged is no logarithm of 0, and no share of 0."""
    row = of(total=0, fund=0, own_expense=0)
    assert row["total"] == row["per_day"] == pytest.approx(log(100))
    assert row["fund_share"] == row["own_share"] == 0
    assert of(total=99)["total"] == of(total=100)["total"] < of(total=101)["total"]


BORN_IN = FIRST_DAY - 30 * 366


@pytest.mark.parametrize(
    ("med_type", "diagnosis", "institution", "born", "usual"),
    [
        ("11", "J069", "H1", BORN_IN, 9_000),
        ("11", "J06", "H1", BORN_IN, 9_000),
        ("11", "J069", "H1", None, 8_000),
        ("11", "J069", "H1", FIRST_DAY - 50 * 366, 8_000),
        ("11", "J069", "H2", BORN_IN, 5_000),
        ("11", "J069", "H3", BORN_IN, 5_000),
        ("11", "J069", "H9", BORN_IN, 5_000),
        ("11", "J07", "H1", BORN_IN, 10_000),
        ("11", None, "H1", BORN_IN, 10_000),
        ("11", "", "H1", BORN_IN, 10_000),
        ("21", "J069", "H1", BORN_IN, 800_000),
        ("41", "J069", "H1", BORN_IN, 20_000),
    ],
)
def test_the_peers_a_cost_is_compared_with(
    med_type: str, diagnosis: str | None, institution: str, born: int | None, usual: int
) -> None:
    """The narrowest group known: kind, disease, level, age; without age; without level; the kind; everything."""
    row = of(
        known=registry(),
        med_type=med_type,
        diagnosis=diagnosis,
        institution=institution,
        birth_day=born,
        total=round(usual * e),
    )
    assert row["relative"] == pytest.approx(1, abs=1e-3)


def test_the_age_comes_from_the_identity_number_where_the_birthday_is_missing() -> None:
    """Born in 1995: 30 years old."""
    row = of(known=registry(), diagnosis="J06", total=9_000, certno="320311199506011213")
    assert row["relative"] == 0


def test_the_distance_from_the_peers_in_spreads() -> None:
    """A factor of e is one unit of logarithm: two spreads of outpatient care."""
    assert of(total=round(10_000 * e))["deviation"] == pytest.approx(2, abs=1e-3)


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
    assert of(total=90_000, begin=NOON - 3 * DAY, end=NOON)["per_day_relative"] == pytest.approx(log(3))


def test_what_the_lines_say() -> None:
    """Drugs 09 to 11, exams and tests 03 and 04, materials 08, all by the sum of the lines; lines a day of the stay."""
    lines = [line(category, 1_000) for category in ("09", "10", "11", "03", "04", "08", "12", "05", "14", "01")]
    row = of(*lines, begin=NOON - 2 * DAY, end=NOON)
    assert (row["drug_share"], row["exam_share"], row["material_share"]) == (0.3, 0.2, 0.1)
    assert row["lines_per_day"] == 5
    assert of(*lines)["lines_per_day"] == 10


def test_cancelled_lines_count_for_nothing() -> None:
    """A cancelling line takes its amount off the category of the line it cancels; nothing left is as without lines."""
    drug, exam = line("09", 1_000), line("03", 1_000)
    back = line("14", -1_000, sequence="L9", cancels="L09")
    row = of(drug, exam, back)
    assert (row["drug_share"], row["exam_share"]) == (0, 1)
    assert of(drug, back)["drug_share"] == of()["drug_share"]


def test_lines_of_other_visits_and_institutions_are_not_its_own() -> None:
    """Neither another visit's lines nor lines of the same visit number elsewhere."""
    assert of(line("09", 1_000, visit="V2"), line("09", 1_000, institution="H2")) == of()


def test_the_hour_of_settlement() -> None:
    """Of the settlement, not of the care; a date without a time takes the typical hour."""
    midnight = FIRST_DAY * DAY
    assert of(settled_at=midnight + 1)["hour"] == pytest.approx(1 / 3600)
    assert of(settled_at=midnight + DAY - 1)["hour"] == pytest.approx(24, abs=1e-3)
    assert of(settled_at=midnight)["hour"] == 10
    assert of(begin=midnight + 3 * HOUR)["hour"] == 12


@pytest.mark.parametrize(("day", "weekday"), [(0, 3), (1, 4), (2, 5), (3, 6), (4, 0), (9, 5)])
def test_the_weekday(day: int, weekday: float) -> None:
    """2026-01-01 is a Thursday; the day of care counts."""
    assert of(settled_at=NOON + day * DAY)["weekday"] == weekday
    assert of(begin=NOON + day * DAY, settled_at=NOON + 12 * DAY)["weekday"] == weekday


@pytest.mark.parametrize(
    ("insured", "care", "flag"),
    [("320100", "320100", 0), ("320100", "320500", 1), (None, "320500", 0), ("320100", None, 0), (None, None, 0)],
)
def test_out_of_region(insured: str | None, care: str | None, flag: float) -> None:
    """Only where both places are known and differ."""
    assert of(insured_place=insured, care_place=care)["out_of_region"] == flag


def test_visits_before() -> None:
    """Different visits, not settlements, and not the visit itself; week and month are open on the left."""
    week, month = NOON - 7 * DAY, NOON - 30 * DAY
    earlier = [
        settlement(id="S2", visit="V2", settled_at=week),
        settlement(id="S3", visit="V3", settled_at=week + 1),
        settlement(id="S4", visit="V3", settled_at=week + 2, institution="H2"),
        settlement(id="S5", visit="V1", settled_at=NOON - DAY),
        settlement(id="S6", visit="V6", settled_at=month, institution="H9"),
        settlement(id="S7", visit="V7", settled_at=month + 1),
    ]
    row = of(*earlier)
    assert (row["visits_7d"], row["visits_30d"], row["institutions_30d"]) == (1, 3, 2)
    assert row["cost_30d"] == pytest.approx(log(50_000))
    assert of(*reversed(earlier)) == row


def test_stays_before() -> None:
    """Different inpatient visits of the window, not the settlement's own."""
    stays = [
        settlement(id="S2", visit="V2", med_type="21", settled_at=NOON - WINDOW + 1),
        settlement(id="S3", visit="V3", med_type="21", settled_at=NOON - WINDOW),
        settlement(id="S4", visit="V4", med_type="21", settled_at=NOON - DAY),
        settlement(id="S5", visit="V4", med_type="21", settled_at=NOON - DAY + 1),
        settlement(id="S6", visit="V1", med_type="21", settled_at=NOON - DAY + 2),
        settlement(id="S7", visit="V7", med_type="11", settled_at=NOON - DAY + 3),
    ]
    assert of(*stays)["stays_90d"] == 2


def test_the_distance_from_the_institution_before() -> None:
    """A degree of latitude is 111 km; the last one before counts; 0 without one or without coordinates."""
    before = settlement(id="S2", visit="V2", settled_at=NOON - HOUR, institution="H2")
    assert of(before, known=registry())["distance"] == pytest.approx(111.19, abs=0.01)
    assert of(before)["distance"] == 0
    assert of(before, known=registry(), institution="H3")["distance"] == 0
    home = settlement(id="S3", visit="V3", settled_at=NOON - 60, institution="H1")
    assert of(before, home, known=registry())["distance"] == 0
    assert of(known=registry())["distance"] == 0


def test_which_settlements_are_earlier() -> None:
    """Care time within 90 days before, both ends open: neither of the same moment nor of exactly 90 days ago."""
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


def test_the_region_of_a_settlement() -> None:
    """The institution's registered place, else the place of care, else none."""
    known = registry()
    assert region_of(settlement(institution="H2", care_place="1"), known) == "320300"
    assert region_of(settlement(institution="H1", care_place="1"), known) == "1"
    assert region_of(settlement(institution="H1"), known) == ""


def test_baselines_of_groups() -> None:
    """A group has figures of its own from 30 settlements on; the lower of two middle ones; the order is nothing."""
    known = registry()
    some = [settlement(diagnosis="J069", total=1_000 * place) for place in range(1, 31)]
    some += [settlement(diagnosis="I10", total=700) for _ in range(29)]
    some += [settlement(med_type="21", total=900) for _ in range(29)]
    baselines = fit_baselines((one, known, ()) for one in some)
    assert {name: usual.total for name, usual in baselines.peers.items()} == {
        "": 900,
        "11": 1_000,
        "11/J06": 15_000,
        "11/J06/3": 15_000,
    }
    assert baselines.peers["11/J06"].per_day == 15_000
    assert baselines.peers["11"].spread >= 50_000
    assert fit_baselines((one, known, ()) for one in reversed(some)) == baselines


def test_baselines_of_what_may_be_missing() -> None:
    """The typical share of own expense, hour and lines come from settlements that state them."""
    stated = [settlement(own_expense=1_000), settlement(own_expense=2_000), settlement(own_expense=3_000)]
    dates = [settlement(settled_at=FIRST_DAY * DAY)] * 5
    known = Registry()
    lines = [line("09", 2_500), line("12", 7_500)]
    baselines = fit_baselines([*((one, known, lines) for one in stated), *((one, known, ()) for one in dates)])
    assert (baselines.own_share, baselines.settled) == (200_000, 12 * HOUR)
    assert baselines.usual_lines("11") == UsualLines(250_000, 0, 0, 2_000)
    silent = fit_baselines((one, known, ()) for one in dates)
    assert (silent.own_share, silent.settled, silent.usual_lines("11")) == (0, 12 * HOUR, UsualLines())
    with pytest.raises(ValueError, match="no settlements"):
        fit_baselines([])


def test_rows_for_the_forest() -> None:
    """float32, a column a feature, empty where there is nothing."""
    row = features(settlement(), history_of(settlement()), BASELINES)
    rows = matrix([row, row])
    assert rows.dtype == np.float32
    assert rows.shape == (2, len(FEATURES))
    assert matrix([]).shape == (0, len(FEATURES))


def test_each_feature_has_a_name_a_unit_and_a_sentence() -> None:
    """Names are unique; the unit is one that is explained; the sentence ends."""
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert KINDS.keys() == UNITS.keys()
    for feature in FEATURES:
        assert feature.kind in UNITS
        assert feature.means.endswith(".")


def test_how_values_read() -> None:
    """Units and rounding of every kind of feature, in both languages."""
    values = {
        "total": (log(1_234_567), ("12,300元", "12,300 yuan")),
        "relative": (log(3.24), ("3.2倍", "3.2 times")),
        "deviation": (7.04, ("7倍常见波动", "7 times the usual spread")),
        "fund_share": (0.856, ("86%", "86 %")),
        "stay": (12.04, ("12天", "12 days")),
        "lines_per_day": (3.14, ("3.1", "3.1")),
        "hour": (3.2, ("03:12", "03:12")),
        "weekday": (6.0, ("周日", "Sunday")),
        "visits_7d": (8.0, ("8", "8")),
        "distance": (111.2, ("111公里", "111 km")),
        "out_of_region": (1.0, ("是", "yes")),
    }
    by = {feature.name: feature for feature in FEATURES}
    assert {by[name].kind for name in values} == KINDS.keys()
    for name, (value, shown) in values.items():
        assert by[name].shown(value) == shown
    assert by["hour"].shown(23.9999)[0] == "23:59"
    assert [by["stay"].shown(days)[1] for days in (0, 1, 1.04, 1.06)] == ["0 days", "1 day", "1 day", "1.1 days"]
    assert by["stay"].span(0, 6.1) == ("0至6.1天", "0 to 6.1 days")
    assert by["hour"].span(8, 18.5) == ("08:00至18:30", "08:00 to 18:30")
    assert by["total"].phrase(log(10_000)) == ("医疗费总额100元", "total cost 100 yuan")
