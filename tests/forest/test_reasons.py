"""Reasons: the planted feature first, wording in both languages, the same every time."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import day_features
from detectors.claim_features import FEATURES, features, matrix
from detectors.model_part import Part
from detectors.model_reasons import explain, reasons
from tests.forest.claims import NOON, fitted, history, history_of, settlement
from tests.forest.days import fitted_with_days, institutions
from topics.times import DAY, HOUR

NAMES = [feature.name for feature in FEATURES]


def row_of(*earlier: Any, **values: Any) -> NDArray[np.float32]:  # noqa: ANN401 - any field of a settlement
    """The row of an ordinary settlement with some fields set."""
    usual = {"begin": NOON - 600, "end": NOON, "diagnosis": "I10", "total": 14_000, "fund": 8_400, "own_expense": 900}
    one = settlement(**(usual | values))
    row: NDArray[np.float32] = matrix([features(one, history_of(one, *earlier), fitted().baselines)])[0]
    return row


def first(row: NDArray[np.float32]) -> str:
    """The feature that adds most."""
    model = fitted()
    return reasons(model.claims, row, model.claims.forest.contributions(row.reshape(1, -1))[0].tolist())[0].feature


def planted(part: Part, rows: NDArray[np.float32], place: int) -> float:
    """Ordinary rows, one feature moved four spreads beyond the fitted range: how often it is the first reason."""
    scores = part.forest.score(rows)
    rows = rows[scores < np.percentile(scores, 80)]  # what is unusual already may rightly come first
    rows[:, place] = part.forest.upper[place] + 4 * part.forest.spread[place]
    shares = part.forest.contributions(rows)
    found = [reasons(part, row, share.tolist(), 1)[0].feature for row, share in zip(rows, shares, strict=True)]
    return found.count(part.features[place].name) / len(found)


@pytest.mark.parametrize("name", NAMES)
def test_the_planted_feature_of_a_settlement_is_the_first_reason(name: str) -> None:
    """Whichever of the 21 it is: named first in at least 95 of 100."""
    model = fitted()
    rows = matrix([features(one, each, model.baselines) for one, each in history(1_000, seed=77)])
    assert planted(model.claims, rows, NAMES.index(name)) >= 0.95


@pytest.mark.parametrize("name", [feature.name for feature in day_features.FEATURES])
def test_the_planted_feature_of_an_institution_day_is_the_first_reason(name: str) -> None:
    """Whichever of the 17 it is."""
    model = fitted_with_days()
    assert model.days is not None
    seen = institutions(6, seed=99)
    rows = day_features.matrix([day_features.features(each, day, model.day_baselines) for each, day in seen])
    assert planted(model.days, rows, [feature.name for feature in day_features.FEATURES].index(name)) >= 0.95


def test_planted_settlements() -> None:
    """The same through the settlement itself: all own expense, a settlement at night, care elsewhere."""
    assert first(row_of(own_expense=14_000)) == "own_share"
    assert first(row_of(settled_at=NOON - 9 * HOUR)) == "hour"
    assert first(row_of(insured_place="320100", care_place="110000")) == "out_of_region"


def test_a_reason_reads_with_the_usual_range() -> None:
    """Value, 5th to 95th percentile and rank, in both languages."""
    model = fitted()
    visits = [settlement(id=f"S{n}", visit=f"V{n}", settled_at=NOON - n * HOUR) for n in range(2, 30)]
    row = row_of(*visits)
    found = reasons(model.claims, row, model.claims.forest.contributions(row.reshape(1, -1))[0].tolist(), len(FEATURES))
    by = {reason.feature: reason for reason in found}
    reason = by["visits_7d"]
    assert (reason.value, reason.low, reason.percentile) == (("28", "28"), ("0", "0"), 100)
    assert reason.en.startswith("other visits in the 7 days before: 28 (usually 0 to ")
    assert reason.en.endswith(", above all that the model has seen)")
    assert reason.zh.startswith("此前7天内另有28次就诊（通常0至")
    assert reason.zh.endswith("，高于以往全部数据）")
    assert [one.points for one in found] == sorted((one.points for one in found), reverse=True)
    assert all(one.points > 0 for one in found)


def test_ranks_within_the_fitted_range() -> None:
    """Nothing is said inside the usual range; outside it the share of settlements that lie lower, or higher."""
    model = fitted()
    place = NAMES.index("fund_share")
    grid = model.claims.grid[place]
    said = {}
    for percent in (2, 50, 98):
        row = row_of()
        row[place] = grid[percent]
        shares = [0] * len(FEATURES)
        shares[place] = 1
        (reason,) = reasons(model.claims, row, shares)
        said[percent] = reason.en[reason.en.index("(") :], reason.percentile
    assert said[2][0].endswith(", lower than 97 % of settlements)")
    assert "than" not in said[50][0]
    assert said[98][0].endswith("higher than 97 % of settlements)")
    assert [rank for _, rank in said.values()] == [1, 49, 97]


def test_a_flag_reads_with_how_many_share_it() -> None:
    """Not a range: how many of the settlements are so."""
    row = row_of(insured_place="320100", care_place="110000")
    zh, en = explain(fitted().claims, row, limit=1)
    assert en == "Care outside the place of insurance (about 3 % of settlements)."
    assert zh == "异地就医（约占3%）。"


def test_at_most_three_reasons_and_none_that_add_nothing() -> None:
    """The limit holds; contributions of 0 and less are no reasons; ties keep the features' order."""
    model, row = fitted(), row_of()
    assert len(reasons(model.claims, row, [5] * len(FEATURES))) == 3
    assert [one.feature for one in reasons(model.claims, row, [5] * len(FEATURES))] == NAMES[:3]
    assert [one.feature for one in reasons(model.claims, row, [0, -3, 1] + [0] * (len(FEATURES) - 3))] == [NAMES[2]]
    assert reasons(model.claims, row, [0] * len(FEATURES)) == []


def test_an_explanation_names_nobody() -> None:
    """No number of a person, institution or settlement in the sentences; the same sentences every time."""
    row = row_of(person="P99999", institution="H99999", settled_at=NOON + 3 * DAY, total=9_999_900)
    zh, en = explain(fitted().claims, row)
    assert explain(fitted().claims, row) == (zh, en)
    assert zh.endswith("。")
    assert en.endswith(".")
    assert en[0].isupper()
    assert "P9" not in zh + en
    assert "H9" not in zh + en
