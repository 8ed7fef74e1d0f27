"""Fits one part of a model on its rows: forest, usual ranges, bins to tell drift by, thresholds."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from detectors.feature_set import Feature
from detectors.forest import Forest
from detectors.model import Settings
from detectors.model_part import BINS, PERCENTS, Counts, Part
from detectors.tree_layout import Tree
from detectors.units import PPM
from monitor.budgets import thresholds
from monitor.score_watch import binned
from monitor.training_tables import Rows, Table


class TrainingError(Exception):
    """A model cannot be fitted on these facts with these settings; the message says why."""


def fitted_part(
    fitted: Table, judged: Table, features: Sequence[Feature], feature_set: str, settings: Settings
) -> Part:
    """Fit a part.

    Args:
        fitted: what the forest is fitted on.
        judged: what the thresholds are chosen on; the same table where nothing is held out.
        features: of the rows.
        feature_set: their digest.
        settings: how to fit, and the wanted alerts.

    Raises:
        TrainingError: a feature is not a finite number.
    """
    if not np.isfinite(fitted.rows).all():
        raise TrainingError("a feature is not a finite number")
    rows = _ordered(fitted.rows)
    grid = _grid(rows)
    forest = _forest(rows, _spread(rows, grid), settings)
    scores = forest.score(rows)
    step = PERCENTS // BINS
    score_edges = np.percentile(scores, np.arange(step, PERCENTS - 1, step), method="lower").astype(np.float32)
    edges = np.vstack([grid[:, step : PERCENTS - 1 : step], score_edges]).astype(np.float32)
    shares = binned(edges, rows, scores) * PPM // len(rows)
    part = Part(
        features=features,
        feature_set=feature_set,
        forest=forest,
        grid=np.ascontiguousarray(grid),
        edges=np.ascontiguousarray(edges),
        shares=shares.astype(np.int32),
        thresholds={"": 0},
        counts=Counts(len(fitted), 0 if judged is fitted else len(judged), 0),
    )
    return with_thresholds(part, judged, settings)


def refitted(fitted: Table, settings: Settings) -> Forest:
    """The forest alone that training would fit on these rows with these settings."""
    rows = _ordered(fitted.rows)
    return _forest(rows, _spread(rows, _grid(rows)), settings)


def _ordered(rows: Rows) -> Rows:
    """By their values: the forest's sampling follows the order of rows."""
    ordered: Rows = rows[np.lexsort(rows.T[::-1])]
    return ordered


def _grid(rows: Rows) -> Rows:
    """Percentiles of each feature."""
    return np.percentile(rows, np.arange(PERCENTS), axis=0, method="lower").T.astype(np.float32)


def with_thresholds(part: Part, judged: Table, settings: Settings) -> Part:
    """The part with the thresholds that the wanted alerts give on these rows."""
    scores = part.forest.score(judged.rows)
    whole = int(judged.days.max() - judged.days.min()) + 1
    found = thresholds(scores, judged.regions, whole, settings)
    limits = np.array([found.get(region, found[""]) for region in judged.regions])
    counts = msgspec.structs.replace(part.counts, over_threshold=int((scores > limits).sum()))
    return replace(part, thresholds=found, counts=counts)


def spread_of(rows: Rows) -> Rows:
    """The unit of distance beyond the greatest fitted value, of each feature."""
    return _spread(rows, _grid(rows))


def _spread(rows: Rows, grid: Rows) -> Rows:
    """The middle nine tenths of each feature; where they are one value its whole range, else 1."""
    middle = grid[:, 95] - grid[:, 5]
    whole = rows.max(axis=0) - rows.min(axis=0)
    return np.where(middle > 0, middle, np.where(whole > 0, whole, 1)).astype(np.float32)


def _forest(rows: Rows, spread: Rows, settings: Settings) -> Forest:
    from sklearn.ensemble import IsolationForest

    fitted = IsolationForest(  # type: ignore[no-untyped-call]
        n_estimators=settings.trees,
        max_samples=min(settings.max_samples, len(rows)),
        random_state=settings.seed,
        n_jobs=1,  # the trees' seeds are dealt out by worker
    ).fit(rows)
    return forest_of(fitted, rows, spread)


def forest_of(fitted: "object", rows: Rows, spread: Rows) -> Forest:
    """A fitted scikit-learn IsolationForest, laid out flat."""
    trees = (
        Tree(
            left=tree.children_left.tolist(),
            right=tree.children_right.tolist(),
            feature=tree.feature.tolist(),
            threshold=tree.threshold.tolist(),
            samples=tree.n_node_samples.tolist(),
        )
        for tree in (estimator.tree_ for estimator in fitted.estimators_)  # type: ignore[attr-defined]
    )
    samples: int = fitted.max_samples_  # type: ignore[attr-defined]
    return Forest.of(trees, samples=samples, upper=rows.max(axis=0), spread=spread)


def library() -> str:
    """What forests are fitted with, and its version."""
    import sklearn

    return f"scikit-learn {sklearn.__version__}"
