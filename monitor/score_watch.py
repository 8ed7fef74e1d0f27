"""Watches scores in the stream: drift of features and scores against the model's own data, shadow scores, gaps.

Drift is the population stability index over the model's bins, sum of (now - then) * ln(now / then): below 0.1 little,
above 0.25 much (the credit industry's rule of thumb). It is measured over about the last 20,000 rows: counts are
halved whenever that many have been seen. A sample of each batch is enough.
"""

from collections import Counter
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.model import Model
from detectors.model_part import BINS
from detectors.units import PPM

ROWS: Final = 20_000
LEAST: Final = 1_000
"""Fewer rows than this say nothing about drift."""

_SAMPLE: Final = 32
_FLOOR: Final = 1e-4  # an empty bin would make the index infinite


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
        self._model: Model | None = None
        self._bins: NDArray[np.float64] = np.zeros((0, BINS))
        self._rows = 0.0
        self._last: Model | None = None

    @property
    def model(self) -> Model | None:
        """The model that scored last."""
        return self._last

    def saw(self, model: Model, rows: NDArray[np.float32], scores: NDArray[np.int64]) -> None:
        """Count rows that a model has scored."""
        self.scored[model.version] += len(rows)
        self._last = model
        if self._model is None or self._model.version != model.version:
            self._model = model
            self._bins = np.zeros(model.claims.shares.shape)
            self._rows = 0.0
        step = max(1, len(rows) // _SAMPLE)
        sample = rows[::step]
        self._bins += binned(model.claims.edges, sample, scores[::step])
        self._rows += len(sample)
        if self._rows > ROWS:
            self._bins /= 2
            self._rows /= 2

    def drift(self) -> dict[str, float]:
        """Population stability index by feature, and of `score`; empty before enough rows were seen."""
        if self._model is None or self._rows < LEAST:
            return {}
        part = self._model.claims
        names = [*(feature.name for feature in part.features), "score"]
        return {name: psi(part.shares[place], self._bins[place]) for place, name in enumerate(names)}


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
