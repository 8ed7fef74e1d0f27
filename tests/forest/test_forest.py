"""Scores: scikit-learn's within 1e-6, the same bits in every batch, never falling beyond the fitted range."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from detectors.forest import SCALE, TAIL, Forest, ForestError
from detectors.tree_layout import Tree, average_path_length
from tests.forest.claims import random_rows

WIDTH = 12


@cache
def both(trees: int = 100, samples: int = 256, width: int = WIDTH) -> tuple[Forest, Any, NDArray[np.float32]]:
    """A forest, scikit-learn's own, and the rows they were fitted on."""
    rows = random_rows(3_000, width)
    reference: Any = IsolationForest(n_estimators=trees, max_samples=samples, random_state=1)  # type: ignore[no-untyped-call]
    reference.fit(rows)
    forest = Forest.of(
        (
            Tree(
                tree.tree_.children_left.tolist(),
                tree.tree_.children_right.tolist(),
                tree.tree_.feature.tolist(),
                tree.tree_.threshold.tolist(),
                tree.tree_.n_node_samples.tolist(),
            )
            for tree in reference.estimators_
        ),
        samples=reference.max_samples_,
        upper=rows.max(axis=0),
        spread=rows.std(axis=0),
    )
    return forest, reference, rows


@pytest.mark.parametrize(
    ("trees", "samples", "width"), [(100, 256, WIDTH), (100, 256, 1), (1, 2, 3), (7, 3, 4), (20, 3_000, 5)]
)
def test_the_forest_part_equals_scikit_learn(trees: int, samples: int, width: int) -> None:
    """Within 1e-6, inside the fitted range, outside it, and exactly on the thresholds."""
    forest, reference, rows = both(trees, samples, width)
    wild = random_rows(1_000, width, seed=5) * np.float32(3)
    on_thresholds = rows[:200].copy()
    on_thresholds[:, 0] = np.resize(forest.threshold[np.isfinite(forest.threshold)], 200)
    for some in (rows, wild, on_thresholds, -np.abs(wild) * np.float32(1e6)):
        ours = forest.forest_part(some) / SCALE
        assert np.abs(ours + reference.score_samples(some)).max() < 1e-6


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, -0.1, -0.3, 1e-30])
def test_a_value_on_a_threshold_goes_left(threshold: float) -> None:
    """The greatest float32 up to a threshold goes left and the next one right, wherever the threshold lies."""
    stump = Tree([1, -1, -1], [2, -1, -1], [0, -2, -2], [threshold, -2, -2], [10, 9, 1])
    forest = Forest.of([stump], samples=10, upper=np.ones(1, np.float32), spread=np.ones(1, np.float32))
    up, down = np.float32(np.inf), np.float32(-np.inf)
    near = np.float32(threshold)
    at = near if float(near) <= threshold else np.nextafter(near, down)
    rows = np.array([[np.nextafter(at, down)], [at], [np.nextafter(at, up)]], np.float32)
    before, on, after = forest.forest_part(rows)
    assert before == on < after


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 64, 100, 255, 256, 257, 999, 1_000])
def test_a_score_does_not_depend_on_the_batch(size: int) -> None:
    """Cut into batches of any size, each row has the same whole number, forest and tail and contributions."""
    forest, _, rows = both()
    some = np.vstack([rows[:1_500], random_rows(700, WIDTH, seed=2) * np.float32(4)])
    scores, shares = forest.score(some), forest.contributions(some)
    for start in range(0, len(some) if size > 3 else 300, size):
        batch = some[start : start + size]
        assert np.array_equal(forest.score(batch), scores[start : start + size])
        assert np.array_equal(forest.contributions(batch), shares[start : start + size])


def test_a_score_does_not_depend_on_the_memory_layout() -> None:
    """Rows in column order, or a slice of a wider array, score as their copies."""
    forest, _, rows = both()
    for some in (rows, rows[:100]):
        assert np.array_equal(forest.score(np.asfortranarray(some)), forest.score(some))
    wide = np.hstack([rows, rows])
    assert np.array_equal(forest.score(wide[::2, :WIDTH]), forest.score(rows[::2]))


def test_a_score_falls_as_paths_grow() -> None:
    """The table of powers is monotone, 1 for a path of nothing, one half for the mean path, and near 2 ** -x."""
    forest, _, _ = both()
    paths = np.linspace(0, 4 * forest.normaliser, 50_000).astype(np.int64)
    scores = forest._power(paths)
    assert (np.diff(scores) <= 0).all()
    assert scores[0] == SCALE
    assert forest._power(np.array([forest.normaliser]))[0] == SCALE // 2
    exact = SCALE * 2.0 ** (-paths / forest.normaliser)
    assert np.abs(scores - exact).max() < 0.6  # rounding, and a little for the table
    assert forest._power(np.array([forest.normaliser * 30]))[0] == 0


positive = st.floats(0, 2.0**100, width=32)


@given(place=st.integers(0, WIDTH - 1), row=st.integers(0, 999), steps=st.tuples(positive, positive))
def test_beyond_the_fitted_range_a_score_never_falls(place: int, row: int, steps: tuple[float, float]) -> None:
    """Of two values above the greatest fitted one, the greater never scores lower."""
    forest, _, rows = both()
    pair = np.vstack([rows[row], rows[row]])
    pair[:, place] = [forest.upper[place] + np.float32(step) for step in sorted(steps)]
    nearer, farther = forest.score(pair)
    assert farther >= nearer


def test_the_tail_tells_far_from_farther() -> None:
    """Nothing up to the greatest fitted value; TAIL at one spread above it, twice that at three, and so on."""
    forest, _, rows = both()
    assert not forest.tail_part(rows).any()
    row = np.repeat(rows[:1], 5, axis=0)
    place = 1
    row[:, place] = forest.upper[place] + np.array([0, 1, 3, 7, 1e20], np.float32) * forest.spread[place]
    tail = forest.tail_part(row)
    assert tail[0, place] == 0
    assert np.abs(tail[1:4, place] - TAIL * np.array([1, 2, 3])).max() <= 2
    assert tail[4, place] > 60 * TAIL
    assert not np.delete(tail, place, axis=1).any()
    assert np.array_equal(forest.score(row), forest.forest_part(row) + tail.sum(axis=1))


def test_contributions_account_for_the_whole_path() -> None:
    """In path lengths, the shares of all features add up to the mean path minus the row's, exactly."""
    forest, _, rows = both()
    levels = forest._levels
    mean = int(levels[0].expected.sum(dtype=np.int64))
    paths = levels[-1].expected.take(forest._walk(rows)[-1]).sum(axis=1, dtype=np.int64)
    assert np.array_equal(forest._shorter(rows).sum(axis=1), mean - paths)


def test_the_planted_feature_comes_first() -> None:
    """One feature of an ordinary row moved far out of its range contributes most, in at least 95 of 100 rows."""
    forest, _, rows = both()
    chance = np.random.default_rng(3)
    scores = forest.score(rows)
    planted = rows[scores < np.percentile(scores, 80)]  # another feature may rightly come first where one stood out
    places = chance.choice([place for place in range(WIDTH) if place % 4 != 3], len(planted))
    far = forest.upper + 2 * forest.spread
    planted[np.arange(len(planted)), places] = far[places]
    assert (forest.contributions(planted).argmax(axis=1) == places).mean() >= 0.95


def test_no_rows_are_no_scores() -> None:
    """An empty batch gives empty arrays."""
    forest, _, rows = both()
    assert forest.score(rows[:0]).shape == (0,)
    assert forest.contributions(rows[:0]).shape == (0, WIDTH)


def test_the_mean_path_of_a_search() -> None:
    """c(n) at its first values and at the paper's sample size."""
    assert [average_path_length(rows) for rows in (0, 1, 2)] == [0, 0, 1]
    assert average_path_length(256) == pytest.approx(10.2448, abs=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused(bad: float) -> None:
    """It would walk somewhere and score as if it were known."""
    forest, _, rows = both()
    row = rows[:2].copy()
    row[1, 3] = bad
    with pytest.raises(ForestError, match="finite"):
        forest.score(row)


def test_rows_of_another_shape_are_refused() -> None:
    """Too few features, one row alone, float64."""
    forest, _, rows = both()
    wrongs: tuple[Any, ...] = (rows[:, :-1], rows[0], rows.astype(np.float64), rows.tolist())
    for wrong in wrongs:
        with pytest.raises(ForestError):
            forest.score(wrong)


def test_arrays_that_are_no_forest_are_refused() -> None:
    """No trees, a feature that does not exist, a spread of 0, arrays of another size."""
    forest, _, _ = both()
    parts = {name: getattr(forest, name) for name in Forest.__dataclass_fields__}
    Forest(**parts)
    feature, spread = forest.feature.copy(), forest.spread.copy()
    feature[5] = WIDTH
    spread[0] = 0
    for change in (
        {"feature": feature},
        {"spread": spread},
        {"trees": 99},
        {"depth": 0},
        {"normaliser": 0},
        {"threshold": forest.threshold.astype(np.float64)},
    ):
        with pytest.raises(ForestError):
            Forest(**(parts | change))
    with pytest.raises(ForestError, match="at least one tree"):
        Forest.of([], samples=256, upper=forest.upper, spread=forest.spread)
