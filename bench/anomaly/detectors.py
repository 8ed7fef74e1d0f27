"""What is compared: the project's score, scikit-learn's isolation forest, and four of PyOD's where it is installed."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.forest import SCALE
from detectors.model import Settings
from monitor.fitting import forest_of, spread_of

Rows = NDArray[np.float32]
Scores = NDArray[np.float64]
Scorer = Callable[[Rows, int], Scores]
"""Fits on rows with a seed and scores them, higher is more anomalous."""

TREES = Settings().trees
SAMPLES = Settings().max_samples


def reference(rows: Rows, seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Scikit-learn's isolation forest, fitted with the project's settings."""
    from sklearn.ensemble import IsolationForest

    samples = min(SAMPLES, len(rows))
    return IsolationForest(n_estimators=TREES, max_samples=samples, random_state=seed).fit(rows)  # type: ignore[no-untyped-call]


def ours(rows: Rows, seed: int) -> Scores:
    """Forest and tail part."""
    scores: Scores = forest_of(reference(rows, seed), rows, spread_of(rows)).score(rows) / SCALE
    return scores


def sklearns(rows: Rows, seed: int) -> Scores:
    """The isolation forest alone."""
    scores: Scores = -reference(rows, seed).score_samples(rows)
    return scores


def _pyod(module: str, name: str) -> Scorer:
    def score(rows: Rows, seed: int) -> Scores:  # noqa: ARG001 - these draw no random numbers
        from importlib import import_module

        found: Any = getattr(import_module(f"pyod.models.{module}"), name)().fit(rows.astype(np.float64))
        return np.nan_to_num(np.asarray(found.decision_scores_, np.float64))

    return score


def scorers() -> dict[str, Scorer]:
    """By name; PyOD's only where it is installed."""
    found: dict[str, Scorer] = {"ours": ours, "sklearn IF": sklearns}
    if find_spec("pyod") is not None:
        found |= {name: _pyod(name.lower(), name) for name in ("ECOD", "COPOD", "HBOS", "LOF")}
    return found
