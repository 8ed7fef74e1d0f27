"""What the report shows of a forest: how scores lie, how stable they are, what a threshold costs, what drifts."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.forest import SCALE
from detectors.model import Settings
from detectors.model_part import Part
from detectors.model_reasons import Nouns, Reason, reasons
from monitor.fitting import refitted
from monitor.score_watch import SCORE, binned, psi
from monitor.training_tables import Table

OTHER_SEEDS: Final = 4
TOP: Final = 15
"""Outliers that are shown with their reasons."""

_BARS: Final = 48
_STEPS: Final = 60
_LEAST_TOP: Final = 20
_REASONS: Final = 3

Scores = NDArray[np.int64]


class Distribution(NamedTuple):
    """How scores lie, in parts of one: limits of the bars, and the share of rows in each, in per cent.

    `judged` is None where nothing was held out.
    """

    edges: Sequence[float]
    fitted: Sequence[float]
    judged: Sequence[float] | None


class Outlier(NamedTuple):
    """One of the rows with the highest scores."""

    name: str
    region: str
    score: int
    over: bool
    reasons: Sequence[Reason]


class Stability(NamedTuple):
    """How far forests of other seeds agree on the judged rows.

    Attributes:
        seed: of the other forest.
        correlation: of the ranks of all rows.
        kept: of the rows with the highest scores, how many are among the other forest's.
        top: how many rows those are.
    """

    seed: int
    correlation: float
    kept: int
    top: int


class Budget(NamedTuple):
    """Alerts a day, over all regions, at each threshold (parts of one)."""

    thresholds: Sequence[float]
    a_day: Sequence[float]


class Figures(NamedTuple):
    """All of one forest."""

    part: Part
    rows: int
    days: int
    distribution: Distribution
    outliers: Sequence[Outlier]
    stability: Sequence[Stability]
    budget: Budget
    drift: Sequence[tuple[str, float]]


def figures(part: Part, fitted: Table, judged: Table, settings: Settings, nouns: Nouns) -> Figures:
    """Work out what is shown of a part of a model.

    Args:
        part: the part.
        fitted: what its forest was fitted on.
        judged: what its thresholds were chosen on; the same table where nothing was held out.
        settings: how it was fitted.
        nouns: what rows are called.
    """
    scores = part.forest.score(judged.rows)
    before = None if judged is fitted else part.forest.score(fitted.rows)
    days = int(judged.days.max() - judged.days.min()) + 1
    return Figures(
        part=part,
        rows=len(judged),
        days=days,
        distribution=distribution(scores if before is None else before, None if before is None else scores),
        outliers=outliers(part, judged, scores, nouns),
        stability=stability(fitted, judged, scores, part.counts.over_threshold, settings),
        budget=budget(scores, days),
        drift=[] if before is None else drift(part, judged, scores),
    )


def distribution(fitted: Scores, judged: Scores | None) -> Distribution:
    """Shares of rows by score."""
    given = fitted if judged is None else np.concatenate([fitted, judged])
    edges = np.linspace(given.min(), max(given.max(), given.min() + 1), _BARS + 1)

    def shares(scores: Scores) -> list[float]:
        listed: list[float] = (np.histogram(scores, edges)[0] * 100 / len(scores)).tolist()
        return listed

    return Distribution((edges / SCALE).tolist(), shares(fitted), None if judged is None else shares(judged))


def outliers(part: Part, judged: Table, scores: Scores, nouns: Nouns) -> list[Outlier]:
    """The rows with the highest scores, highest first; equal scores by name."""
    order = sorted(range(len(scores)), key=lambda place: (-int(scores[place]), judged.names[place]))[:TOP]
    shares = part.forest.contributions(judged.rows[order]).tolist()
    return [
        Outlier(
            name=judged.names[place],
            region=judged.regions[place],
            score=int(scores[place]),
            over=bool(scores[place] > part.threshold(judged.regions[place])),
            reasons=reasons(part, judged.rows[place], share, _REASONS, nouns),
        )
        for place, share in zip(order, shares, strict=True)
    ]


def stability(fitted: Table, judged: Table, scores: Scores, over: int, settings: Settings) -> list[Stability]:
    """Fit forests with the seeds that follow, and hold their scores of the judged rows against the model's."""
    top = min(max(over, _LEAST_TOP), len(scores))
    mine, first = _ranks(scores), _highest(scores, top)
    found = []
    for step in range(1, OTHER_SEEDS + 1):
        seed = (settings.seed + step) % (1 << 32)
        other = refitted(fitted, msgspec.structs.replace(settings, seed=seed)).score(judged.rows)
        correlation = float(np.corrcoef(mine, _ranks(other))[0, 1]) if len(scores) > 1 else 1.0
        found.append(Stability(seed, correlation, len(first & _highest(other, top)), top))
    return found


def budget(scores: Scores, days: int) -> Budget:
    """Alerts a day at thresholds from the median score to the highest."""
    ordered = np.sort(scores)
    low = int(ordered[(len(ordered) - 1) // 2])
    limits = np.linspace(low, max(int(ordered[-1]), low + 1), _STEPS)
    over = len(ordered) - np.searchsorted(ordered, limits, side="right")
    return Budget((limits / SCALE).tolist(), (over / days).tolist())


def drift(part: Part, judged: Table, scores: Scores) -> list[tuple[str, float]]:
    """Population stability index of the held-out days against the fitted ones, by feature, and of the score."""
    counts = binned(part.edges, judged.rows, scores).astype(np.float64)
    names = [*(feature.name for feature in part.features), SCORE]
    return [(name, psi(part.shares[place], counts[place])) for place, name in enumerate(names)]


def _ranks(scores: Scores) -> Scores:
    return np.argsort(np.argsort(scores, kind="stable"), kind="stable")


def _highest(scores: Scores, count: int) -> set[int]:
    return set(np.argsort(-scores, kind="stable")[:count].tolist())
