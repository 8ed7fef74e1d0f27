"""Drift: told when enough was seen, by event day, for each model by itself; hours and weekdays by whole weeks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.claim_features import FEATURES, features, matrix
from detectors.model import Model, Settings
from monitor.score_watch import LEAST, SCORE, ScoreWatch
from monitor.training import fit
from tests.forest.claims import FIRST_DAY, data, fitted, history

NAMES = [feature.name for feature in FEATURES]
MUCH = 0.25


def rows_of(model: Model) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows like those that the model was fitted on, dealt out over eight days."""
    rows = matrix([features(one, each, model.baselines) for one, each in history(4_000)])
    return rows, FIRST_DAY + np.arange(len(rows)) % 8


def watched(
    rows: NDArray[np.float32], days: NDArray[np.int64], model: Model, batch: int = 100, watch: ScoreWatch | None = None
) -> ScoreWatch:
    """A watch that has seen the rows in batches."""
    watch = watch or ScoreWatch()
    scores = model.claims.forest.score(rows)
    for start in range(0, len(rows), batch):
        part = slice(start, start + batch)
        watch.saw(model, rows[part], scores[part], days[part])
    return watch


def test_the_same_sort_of_settlements_does_not_drift() -> None:
    """Every feature and the score lie far below the limit; the scores have not moved."""
    rows, days = rows_of(fitted())
    watch = watched(rows, days, fitted())
    found = watch.drift(fitted())
    assert found.keys() == {*NAMES, SCORE}
    assert max(found.values()) < 0.1, found
    shift = watch.shift(fitted())
    assert shift is not None
    assert abs(shift) < 0.1


@pytest.mark.parametrize("name", ["fund_share", "drug_share", "total", "visits_30d"])
def test_a_feature_that_moves_is_told_by_name(name: str) -> None:
    """It lies over the limit, and no other feature does."""
    rows, days = rows_of(fitted())
    place = NAMES.index(name)
    rows[:, place] = rows[:, place] * 1.3 + 0.5
    found = watched(rows, days, fitted()).drift(fitted())
    assert {feature for feature, index in found.items() if index > MUCH} - {SCORE} == {name}


def test_scores_that_rise_shift_upwards() -> None:
    """Both the index of the score and the share over the median say so."""
    rows, days = rows_of(fitted())
    rows[:, NAMES.index("own_share")] = 1
    rows[:, NAMES.index("hour")] = 3
    watch = watched(rows, days, fitted())
    shift = watch.shift(fitted())
    assert shift is not None
    assert shift > 0.15
    assert watch.drift(fitted())[SCORE] > MUCH


def test_few_rows_say_nothing() -> None:
    """From LEAST rows on."""
    rows, _ = rows_of(fitted())
    for count, told in ((LEAST - 1, False), (LEAST, True)):
        watch = watched(rows[:count], np.full(count, FIRST_DAY), fitted(), batch=1)
        assert bool(watch.drift(fitted())) is told
        assert (watch.shift(fitted()) is not None) is told
    assert ScoreWatch().drift(fitted()) == {}


def test_hour_and_weekday_need_seven_days_that_are_over() -> None:
    """Part of a week would always look like drift."""
    rows, _ = rows_of(fitted())
    for length, told in ((7, False), (8, True)):
        found = watched(rows, FIRST_DAY + np.arange(len(rows)) % length, fitted()).drift(fitted())
        assert ("hour" in found, "weekday" in found) == (told, told)
        assert "total" in found


def test_days_of_long_ago_are_forgotten() -> None:
    """Eight event days count, in whatever order they come; a later week that is as usual ends the drift."""
    rows, _ = rows_of(fitted())
    odd = rows.copy()
    odd[:, NAMES.index("fund_share")] = 0
    early, late = FIRST_DAY + np.arange(len(rows)) % 8, FIRST_DAY + 8 + np.arange(len(rows)) % 8
    watch = watched(odd, early, fitted())
    assert watch.drift(fitted())["fund_share"] > MUCH
    watched(rows, late, fitted(), watch=watch)
    assert watch.drift(fitted())["fund_share"] < 0.1
    watched(odd, early, fitted(), watch=watch)  # late facts of days that do not count any more
    assert watch.drift(fitted())["fund_share"] < 0.1


def test_two_models_are_watched_side_by_side() -> None:
    """Batches that hold settlements of both, as around a switch, take nothing from either."""
    other = fit(data(1_000), Settings(trees=10, max_samples=64))
    rows, days = rows_of(fitted())
    watch = ScoreWatch()
    for start in range(0, len(rows), 100):
        part = slice(start, start + 100)
        for model in (fitted(), other):
            watched(rows[part], days[part], model, watch=watch)
    assert watch.drift(fitted()) == watched(rows, days, fitted()).drift(fitted())
    assert watch.drift(other).keys() == {*NAMES, SCORE}


def test_large_batches_weigh_as_much_as_small_ones() -> None:
    """A sampled row stands for all that it was drawn from: half of the rows in one batch are half of the picture."""
    rows, _ = rows_of(fitted())
    odd = rows[:2_000].copy()
    odd[:, NAMES.index("fund_share")] = 0
    days = np.full(2_000, FIRST_DAY)
    watch = watched(rows[:2_000], days, fitted(), batch=10)
    before = watch.shift(fitted())
    watched(odd, days, fitted(), batch=2_000, watch=watch)
    assert before is not None
    lowest = watch._days[fitted().version][FIRST_DAY][NAMES.index("fund_share")][0]
    assert lowest == pytest.approx(2_200, abs=150)
