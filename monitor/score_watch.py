"""Watches scores in the stream: drift of features and scores against the model's own data, shadow scores, gaps.

Drift is the population stability index over the model's bins, sum of (now - then) * ln(now / then): below 0.1 little,
above 0.25 much (the credit industry's rule of thumb). It is measured over the last days that were scored, by event time
and for each model by itself: a late fact counts on its own day, and a switch of models takes nothing from either. A
sample of each batch is enough; a sampled row stands for all of its batch that it was drawn from.

Hour and weekday repeat by the week: part of a week never looks like the months that a model was fitted on. They are
measured over seven days that are over, and not before there are seven.
"""

from collections import Counter
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.model import Model
from detectors.model_part import BINS
from detectors.units import PPM

LEAST: Final = 1_000
"""Fewer rows than this say nothing about drift."""

WEEK: Final = 7

SCORE: Final = "score"
"""The name under which the drift of the score itself is told."""

_SAMPLE: Final = 32
_FLOOR: Final = 1e-4  # an empty bin would make the index infinite
_BY_WEEK: Final = frozenset({"hour", "weekday"})
_MOST_MODELS: Final = 4

Bins = NDArray[np.float64]


class ScoreWatch:
    """What one process has scored.

    Attributes:
        unscored: version that is not at hand, `none`, or `no model` -> settlements that were not scored for it.
        scored: version -> settlements scored.
        compared: (version in the shadow, active alerts, shadow alerts) -> settlements.
    """

    def __init__(self) -> None:
        self.unscored: Counter[str] = Counter()
        self.scored: Counter[str] = Counter()
        self.compared: Counter[tuple[str, bool, bool]] = Counter()
        self._days: dict[str, dict[int, Bins]] = {}

    def saw(self, model: Model, rows: NDArray[np.float32], scores: NDArray[np.int64], days: NDArray[np.int64]) -> None:
        """Count rows that a model has scored.

        Args:
            model: the model.
            rows: float32[n, features] of settlements.
            scores: int64[n], fixed point.
            days: int64[n], days since 1970-01-01 of the settlements.
        """
        if not len(rows):
            return
        self.scored[model.version] += len(rows)
        step = max(1, len(rows) // _SAMPLE)
        rows, scores, days, weight = rows[::step], scores[::step], days[::step], len(rows) / len(rows[::step])
        held = self._days.pop(model.version, {})  # put back as the last one used
        for day in np.unique(days).tolist():
            of_day = days == day
            counted: Bins = (binned(model.claims.edges, rows[of_day], scores[of_day]) * weight).astype(np.float64)
            held[day] = held[day] + counted if day in held else counted
        for day in sorted(held)[: -(WEEK + 1)]:
            del held[day]
        self._days[model.version] = held
        if len(self._days) > _MOST_MODELS:
            del self._days[next(iter(self._days))]

    def drift(self, model: Model) -> dict[str, float]:
        """Population stability index by feature, and of SCORE; empty before enough rows were seen.

        Over the last eight days that were scored, the running one included; of the hour and the weekday over the seven
        before the last, and not told while there are fewer.
        """
        held = dict(self._days.get(model.version, {}))
        days = sorted(held)
        if not days:
            return {}
        recent = np.sum([held[day] for day in days], axis=0)
        over = days[:-1]
        week = np.sum([held[day] for day in over], axis=0) if len(over) == WEEK else np.zeros_like(recent)
        names = [*(feature.name for feature in model.claims.features), SCORE]
        found = {}
        for place, name in enumerate(names):
            now = (week if name in _BY_WEEK else recent)[place]
            if now.sum() >= LEAST:
                found[name] = psi(model.claims.shares[place], now)
        return found

    def shift(self, model: Model) -> float | None:
        """How far scores have moved: share of the recent ones over the model's median, less a half.

        -0.5 to 0.5; 0: half of them lie on either side, as when the model was fitted. None before enough rows.
        """
        held = dict(self._days.get(model.version, {}))
        if not held:
            return None
        now: Bins = np.sum(list(held.values()), axis=0)[-1]
        if now.sum() < LEAST:
            return None
        then = model.claims.shares[-1].astype(np.float64)
        return _upper_half(now) - _upper_half(then)


def _upper_half(bins: Bins) -> float:
    return float(bins[BINS // 2 :].sum() / bins.sum())


def binned(edges: NDArray[np.float32], rows: NDArray[np.float32], scores: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows lie in each bin: int64[features + 1, BINS], the scores last; a row on a limit in the lower bin."""
    columns = [*rows.T, scores.astype(np.float32)]
    return np.array(
        [
            np.bincount(np.searchsorted(limits, column, side="left"), minlength=BINS)
            for limits, column in zip(edges, columns, strict=True)
        ]
    )


def psi(then: NDArray[np.int32], now: NDArray[np.float64]) -> float:
    """Population stability index of counts in bins against shares in parts per million."""
    whole = float(now.sum())
    index = 0.0
    for share, count in zip(then.tolist(), now.tolist(), strict=True):
        before, after = max(share / PPM, _FLOOR), max(count / whole, _FLOOR)
        index += (after - before) * log(after / before)
    return index
