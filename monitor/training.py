"""Fits a model on past settlements: baselines, isolation forest, usual ranges and the threshold.

The last days are held out: the threshold is chosen on settlements that the forest has not seen. The same settlements
give the same model to the byte, in whatever order they come.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.claim_features import FEATURES, Baselines, features, fit_baselines
from detectors.forest import Forest
from detectors.model import PERCENTS, Counts, Model, Settings
from detectors.tree_layout import Tree
from topics.facts import Settlement
from topics.times import DAY, format_day

LEAST: Final = 256
"""Fewest settlements to fit on."""

_MOST_SAMPLES: Final = 1 << 14  # beyond this a tree is deeper than a forest may be
_BUDGET: Final = 10_000

Sample = tuple[Settlement, Sequence[Settlement]]
"""A settlement, and the person's settlements before it (`claim_features.earlier_of`)."""

Progress = Callable[[str, int], None]
"""Called with what is being done and how many settlements it concerns."""

Rows = NDArray[np.float32]


class TrainingError(Exception):
    """A model cannot be fitted on these settlements with these settings; the message says why."""


def fit(samples: Iterable[Sample], settings: Settings | None = None, *, progress: Progress | None = None) -> Model:
    """Fit a model.

    Args:
        samples: standing settlements with their earlier ones, in any order. Gone through three times: an iterator is
            put into a list first, a collection is not copied.
        settings: how to fit; `fitted_with` is filled in.
        progress: told what is going on.

    Raises:
        TrainingError: too few settlements, or settings that make no sense.
    """
    chosen = _checked(settings or Settings())
    tell = progress or (lambda _what, _count: None)
    if isinstance(samples, Iterator):
        samples = list(samples)
    days = array("q", (settlement.settled_at // DAY for settlement, _ in samples))
    if len(days) < LEAST:
        raise TrainingError(f"{len(days)} settlements are too few to fit a model on; at least {LEAST} are needed")
    first, last = min(days), max(days)
    cut = _cut(days, chosen.hold_out_days)
    tell("baselines", len(days))
    baselines = fit_baselines(settlement for settlement, _ in samples if settlement.settled_at // DAY < cut)
    tell("features", len(days))
    before, held_out = _rows(samples, baselines, cut)
    return fit_rows(before, held_out, baselines, (first, last), chosen, cut=cut, progress=tell)


def fit_rows(
    rows: Rows,
    held_out: Rows,
    baselines: Baselines,
    span: tuple[int, int],
    settings: Settings | None = None,
    *,
    cut: int | None = None,
    progress: Progress | None = None,
) -> Model:
    """Fit a model on prepared rows.

    Args:
        rows: float32[n, features] to fit on, at least LEAST.
        held_out: rows to choose the threshold on; none: it is chosen on `rows`.
        baselines: those the rows were computed with.
        span: first and last day of all rows, days since 1970-01-01.
        settings: how to fit.
        cut: first held-out day, for a budget by day.
        progress: told what is going on.

    Raises:
        TrainingError: too few rows, or settings that make no sense.
    """
    chosen = _checked(settings or Settings())
    tell = progress or (lambda _what, _count: None)
    if len(rows) < LEAST:
        raise TrainingError(f"{len(rows)} settlements are too few to fit a model on; at least {LEAST} are needed")
    if rows.shape[1] != len(FEATURES) or not np.isfinite(rows).all():
        raise TrainingError("rows that are not finite values of the features")
    rows = rows[np.lexsort(rows.T[::-1])]  # the sampling follows the order of rows: make it that of their values
    grid = np.percentile(rows, np.arange(PERCENTS), axis=0, method="lower").T.astype(np.float32)
    tell("forest", len(rows))
    forest = _forest(rows, _spread(rows, grid), chosen)
    judged = held_out if len(held_out) else rows
    tell("threshold", len(judged))
    scores = forest.score(judged)
    first, last = span
    judged_days = last - (cut if len(held_out) and cut is not None else first) + 1
    threshold = _threshold(scores, judged_days, chosen)
    return Model(
        forest=forest,
        baselines=baselines,
        grid=np.ascontiguousarray(grid),
        threshold=threshold,
        first_day=first,
        last_day=last,
        counts=Counts(fitted=len(rows), held_out=len(held_out), over_threshold=int((scores > threshold).sum())),
        settings=msgspec.structs.replace(chosen, fitted_with=_library()),
    )


def described(model: Model) -> str:
    """A few lines on a model, for people."""
    counts, made = model.counts, model.settings
    span = f"{format_day(model.first_day)} to {format_day(model.last_day)}"
    lines = (
        f"model      {model.version}",
        f"data       {span}, {counts.fitted} settlements fitted on, {counts.held_out} held out",
        f"threshold  {model.threshold}, passed by {counts.over_threshold} of {counts.held_out or counts.fitted}",
        f"forest     {made.trees} trees of {made.max_samples}, seed {made.seed}, {made.fitted_with}",
    )
    return "\n".join(lines)


def _checked(settings: Settings) -> Settings:
    if settings.trees < 1:
        raise TrainingError("at least one tree is needed")
    if not 2 <= settings.max_samples <= _MOST_SAMPLES:
        raise TrainingError(f"max_samples must be 2 to {_MOST_SAMPLES}")
    if settings.hold_out_days < 0 or settings.alerts_per_10k < 0 or (settings.alerts_per_day or 0) < 0:
        raise TrainingError("days to hold out and wanted alerts cannot be negative")
    if not 0 <= settings.seed < 1 << 32:
        raise TrainingError("the seed must be 0 to 4294967295")
    return settings


def _cut(days: Sequence[int], hold_out_days: int) -> int:
    """First held-out day; the day after the last when what is left would be too little to fit on."""
    cut = max(days) - hold_out_days + 1
    return cut if sum(day < cut for day in days) >= LEAST else max(days) + 1


def _rows(samples: Iterable[Sample], baselines: Baselines, cut: int) -> tuple[Rows, Rows]:
    before, held_out = array("f"), array("f")
    for settlement, earlier in samples:
        side = before if settlement.settled_at // DAY < cut else held_out
        side.extend(features(settlement, earlier, baselines))
    width = len(FEATURES)
    return (
        np.frombuffer(before, np.float32).reshape(-1, width),
        np.frombuffer(held_out, np.float32).reshape(-1, width) if held_out else np.zeros((0, width), np.float32),
    )


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
    trees = (
        Tree(
            left=tree.children_left.tolist(),
            right=tree.children_right.tolist(),
            feature=tree.feature.tolist(),
            threshold=tree.threshold.tolist(),
            samples=tree.n_node_samples.tolist(),
        )
        for tree in (estimator.tree_ for estimator in fitted.estimators_)
    )
    return Forest.of(trees, samples=fitted.max_samples_, upper=rows.max(axis=0), spread=spread)


def _threshold(scores: NDArray[np.int64], days: int, settings: Settings) -> int:
    """The least threshold that no more than the wanted number of scores are greater than."""
    if settings.alerts_per_day is not None:
        wanted = settings.alerts_per_day * days
    else:
        wanted = settings.alerts_per_10k * len(scores) // _BUDGET
    ordered = np.sort(scores)[::-1]
    return int(ordered[min(wanted, len(ordered) - 1)])


def _library() -> str:
    import sklearn

    return f"scikit-learn {sklearn.__version__}"
