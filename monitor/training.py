"""Fits a model on past facts: baselines, isolation forests, usual ranges and thresholds.

The last days are held out: the thresholds are chosen on rows that the forests have not seen. The same facts give the
same model to the byte, in whatever order they come.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import claim_features, day_features
from detectors.claim_baselines import Baselines, fit_baselines
from detectors.day_features import DayBaselines, fit_day_baselines
from detectors.feature_set import Feature
from detectors.forest import Forest
from detectors.institution_days import SETTLEMENTS
from detectors.model import Model, Settings
from detectors.model_part import BINS, PERCENTS, Counts, Part
from detectors.panes import KeyHistory
from detectors.ranker import RankerContent
from detectors.tree_layout import Tree
from detectors.units import PPM
from monitor.budgets import thresholds
from monitor.ranking import Trial, fit_ranker
from monitor.samples import TrainingData
from monitor.score_watch import binned
from topics.times import DAY, format_day

LEAST: Final = 256
"""Fewest settlements to fit on."""

LEAST_DAYS: Final = 128
"""Fewest institution-days over the volume gate to fit on; with fewer the model scores settlements alone."""

_MOST_SAMPLES: Final = 1 << 14  # beyond this a tree is deeper than a forest may be
_SLICE: Final = 2_000

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

Rows = NDArray[np.float32]


class TrainingError(Exception):
    """A model cannot be fitted on these facts with these settings; the message says why."""


@dataclass(frozen=True)
class Table:
    """Rows of features, each with its day, region and name.

    Attributes:
        rows: float32[n, features].
        days: int64[n], days since 1970-01-01.
        regions: n regions.
        names: n identities: of a settlement, or institution and day.
        institutions: n institutions.
    """

    rows: Rows
    days: NDArray[np.int64]
    regions: Sequence[str]
    names: Sequence[str]
    institutions: Sequence[str]

    def part(self, chosen: NDArray[np.bool_]) -> "Table":
        """The rows for which it is true."""
        places = np.flatnonzero(chosen).tolist()
        regions, names, institutions = (
            [column[place] for place in places] for column in (self.regions, self.names, self.institutions)
        )
        return Table(self.rows[chosen], self.days[chosen], regions, names, institutions)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Trained:
    """A model with what it was fitted on, for the report.

    Attributes:
        model: the model.
        fitted: settlements that the forest was fitted on.
        judged: those that the thresholds were chosen on (held out, else the fitted ones).
        fitted_days: institution-days, likewise; empty where the model has no part for them.
        judged_days: likewise.
        trial: what came of the dispositions; None: none were given.
    """

    model: Model
    fitted: Table
    judged: Table
    fitted_days: Table
    judged_days: Table
    trial: Trial | None


def fit(data: TrainingData, settings: Settings | None = None, *, progress: Progress | None = None) -> Model:
    """Fit a model; as `train`, without what it was fitted on."""
    return train(data, settings, progress=progress).model


def train(
    data: TrainingData,
    settings: Settings | None = None,
    *,
    dispositions: Mapping[str, bool] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit a model.

    Args:
        data: standing settlements and institution-days, in any order.
        settings: how to fit; `fitted_with` is filled in.
        dispositions: jr_id -> whether reviewers found the alert right; None: the score orders the review queue.
        progress: told what is going on.

    Raises:
        TrainingError: too few settlements, or settings that make no sense.
    """
    chosen = _checked(settings or Settings())
    tell = progress or (lambda _what, _done, _whole: None)
    days = array("q", (settlement.settled_at // DAY for settlement, _ in data.settlements()))
    if len(days) < LEAST:
        raise TrainingError(f"{len(days)} settlements are too few to fit a model on; at least {LEAST} are needed")
    first, last = min(days), max(days)
    cut = _cut(days, chosen.hold_out_days)
    tell("baselines", 0, len(days))
    baselines = fit_baselines(
        (settlement, history.registry, history.raw_lines(settlement.institution, settlement.visit))
        for settlement, history in data.settlements()
        if settlement.settled_at // DAY < cut
    )
    claims = claim_table(data, baselines, tell, len(days))
    before, judged = _split(claims, cut)
    tell("forest", 0, len(before))
    part = _part(before, judged, claim_features.FEATURES, claim_features.FEATURE_SET, chosen)
    trial = None
    if dispositions is not None:
        tell("dispositions", 0, len(dispositions))
        trial = fit_ranker(part.forest, claims.rows, claims.names, claims.institutions, dispositions, chosen.seed)

    over_gate = [each for each in data.institution_days() if _passes(each, chosen)]
    day_baselines = fit_day_baselines((history, day) for history, day in over_gate if day < cut)
    table = day_table(over_gate, day_baselines)
    before_days, judged_days = _split(table, cut)
    day_part = None
    if len(before_days) >= LEAST_DAYS:
        tell("institution-days", 0, len(before_days))
        by_day = msgspec.structs.replace(
            chosen, alerts_per_day=None, regions={}, alerts_per_10k=chosen.day_alerts_per_10k
        )
        day_part = _part(before_days, judged_days, day_features.FEATURES, day_features.FEATURE_SET, by_day)
    model = Model(
        claims=part,
        days=day_part,
        baselines=baselines,
        day_baselines=day_baselines,
        first_day=first,
        last_day=last,
        settings=msgspec.structs.replace(chosen, fitted_with=_library()),
        ranker=None if trial is None else trial.ranker,
    )
    return Trained(model, before, judged, before_days, judged_days, trial)


def recalibrated(model: Model, data: TrainingData, settings: Settings, *, progress: Progress | None = None) -> Model:
    """The model with thresholds chosen anew, on all settlements and institution-days of some later facts.

    Args:
        model: whose forests and baselines stay.
        data: what to choose the thresholds on.
        settings: of it, the wanted alerts.
        progress: told what is going on.

    Raises:
        TrainingError: too few settlements, or settings that make no sense.
    """
    chosen = msgspec.structs.replace(
        model.settings,
        alerts_per_10k=settings.alerts_per_10k,
        alerts_per_day=settings.alerts_per_day,
        regions=settings.regions,
        day_alerts_per_10k=settings.day_alerts_per_10k,
        recalibrated=model.version,
    )
    _checked(chosen)
    tell = progress or (lambda _what, _done, _whole: None)
    whole = sum(1 for _ in data.settlements())
    if whole < LEAST:
        raise TrainingError(f"{whole} settlements are too few to choose thresholds on; at least {LEAST} are needed")
    claims = claim_table(data, model.baselines, tell, whole)
    days = model.days
    if days is not None:
        over_gate = [each for each in data.institution_days() if _passes(each, chosen)]
        if over_gate:
            by_day = msgspec.structs.replace(
                chosen, alerts_per_day=None, regions={}, alerts_per_10k=chosen.day_alerts_per_10k
            )
            days = _with_thresholds(days, day_table(over_gate, model.day_baselines), by_day)
    return replace(model, claims=_with_thresholds(model.claims, claims, chosen), days=days, settings=chosen)


def claim_table(data: TrainingData, baselines: Baselines, tell: Progress, whole: int) -> Table:
    """The features of all settlements."""
    values, days = array("f"), array("q")
    regions, names, institutions = [], [], []
    for number, (settlement, history) in enumerate(data.settlements()):
        if number % _SLICE == 0:
            tell("features", number, whole)
        values.extend(claim_features.features(settlement, history, baselines))
        days.append(settlement.settled_at // DAY)
        regions.append(claim_features.region_of(settlement, history.registry))
        names.append(settlement.id)
        institutions.append(settlement.institution)
    return Table(_matrix(values, len(claim_features.FEATURES)), np.array(days, np.int64), regions, names, institutions)


def day_table(seen: Iterable[tuple[KeyHistory, int]], baselines: DayBaselines) -> Table:
    """The features of institution-days."""
    values, days = array("f"), array("q")
    regions, names, institutions = [], [], []
    for history, day in seen:
        values.extend(day_features.features(history, day, baselines))
        days.append(day)
        regions.append(day_features.region_of(history, day))
        names.append(f"{history.key}/{format_day(day)}")
        institutions.append(history.key)
    return Table(_matrix(values, len(day_features.FEATURES)), np.array(days, np.int64), regions, names, institutions)


def _matrix(values: "array[float]", width: int) -> Rows:
    return np.frombuffer(values, np.float32).reshape(-1, width) if values else np.zeros((0, width), np.float32)


def described(model: Model) -> str:
    """A few lines on a model, for people."""
    made = model.settings
    counts = model.claims.counts
    span = f"{format_day(model.first_day)} to {format_day(model.last_day)}"
    lines = [
        f"model      {model.version}",
        f"data       {span}, {counts.fitted} settlements fitted on, {counts.held_out} held out",
        *_thresholds_said("threshold", model.claims, "settlements"),
        f"forest     {made.trees} trees of {made.max_samples}, seed {made.seed}, {made.fitted_with}",
    ]
    if model.days is None:
        lines.append("days       too few institution-days to fit on: outlier-institution stays quiet")
    else:
        lines.append(f"days       {model.days.counts.fitted} institution-days fitted on")
        lines += _thresholds_said("", model.days, "institution-days")
    if model.ranker is not None:
        lines.append(_queue_said(model.ranker.content))
    if made.recalibrated:
        lines.append(f"from       {made.recalibrated}, with other thresholds")
    return "\n".join(lines)


def _thresholds_said(title: str, part: Part, what: str) -> Iterator[str]:
    counts = part.counts
    judged = counts.held_out or counts.fitted
    yield f"{title:10} {part.threshold('')}, passed by {counts.over_threshold} of {judged} {what} judged"
    for region, threshold in part.thresholds.items():
        if region:
            yield f"           {threshold} in region {region}"


def _queue_said(ranker: RankerContent) -> str:
    ranked, plain = ranker.precision / PPM, ranker.precision_plain / PPM
    return (
        f"queue      ordered by {ranker.confirmed} confirmed and {ranker.dismissed} dismissed alerts: average "
        f"precision {ranked:.3f} on held-out institutions, the score {plain:.3f}"
    )


def _passes(each: tuple[KeyHistory, int], settings: Settings) -> bool:
    history, day = each
    return history.panes[day].get(SETTLEMENTS, 0) >= max(settings.least_settlements, 1)


def _checked(settings: Settings) -> Settings:
    if settings.trees < 1:
        raise TrainingError("at least one tree is needed")
    if not 2 <= settings.max_samples <= _MOST_SAMPLES:
        raise TrainingError(f"max_samples must be 2 to {_MOST_SAMPLES}")
    wanted = (settings.alerts_per_10k, settings.alerts_per_day or 0, settings.day_alerts_per_10k)
    if settings.hold_out_days < 0 or min(*wanted, *settings.regions.values(), 0) < 0:
        raise TrainingError("days to hold out and wanted alerts cannot be negative")
    if not 0 <= settings.seed < 1 << 32:
        raise TrainingError("the seed must be 0 to 4294967295")
    return settings


def _cut(days: Sequence[int], hold_out_days: int) -> int:
    """First held-out day; the day after the last when what is left would be too little to fit on."""
    cut = max(days) - hold_out_days + 1
    return cut if sum(day < cut for day in days) >= LEAST else max(days) + 1


def _split(table: Table, cut: int) -> tuple[Table, Table]:
    """What to fit on and what to choose thresholds on."""
    before = table.days < cut
    fitted = table.part(before)
    return fitted, (fitted if before.all() else table.part(~before))


def _part(fitted: Table, judged: Table, features: Sequence[Feature], feature_set: str, settings: Settings) -> Part:
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
    return _with_thresholds(part, judged, settings)


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


def _with_thresholds(part: Part, judged: Table, settings: Settings) -> Part:
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


def _library() -> str:
    import sklearn

    return f"scikit-learn {sklearn.__version__}"
