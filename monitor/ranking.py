"""Fits the order of the review queue on reviewers' dispositions, and tries it on institutions that it has not seen.

It is kept only where it beats the plain score there: the gain in average precision, over folds of institutions, must be
more than twice its standard error.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.forest import Forest
from detectors.ranker import Ranker, with_score
from monitor.ndjson import open_lines
from monitor.scoring import RULE
from topics.alerts import alert_id
from topics.dispositions import BadDisposition, Disposition, decode

LEAST: Final = 40
"""Fewest dispositions of outlier claims to fit on."""

LEAST_EACH: Final = 10
"""Fewest that found alerts right, and fewest that found them wrong."""

FOLDS: Final = 5
_REPEATS: Final = 3
_ERRORS: Final = 2.0
_TREES: Final = 60
_RATE: Final = 0.1
_DEPTH: Final = 3
_LEAST_LEAF: Final = 5


class BadDispositions(Exception):
    """A file of dispositions that cannot be used; the message says where and why."""


class Trial(NamedTuple):
    """What came of fitting on dispositions.

    Attributes:
        given: alerts with a disposition in the file.
        confirmed: settlements of the training data whose alerts were found right.
        dismissed: those whose alerts were found wrong.
        institutions: how many institutions these are of.
        why_not: why nothing could be tried; empty: it was.
        precision: average precision on held-out institutions.
        precision_plain: that of the plain score on the same.
        error: standard error of the difference over the folds.
        ranker: what orders the queue; None: the plain score does.
    """

    given: int
    confirmed: int = 0
    dismissed: int = 0
    institutions: int = 0
    why_not: str = ""
    precision: float = 0.0
    precision_plain: float = 0.0
    error: float = 0.0
    ranker: Ranker | None = None


def read_dispositions(path: Path) -> dict[str, bool]:
    """Whether each alert was found right, by jr_id; those still open are left out.

    Raises:
        InputError: no such file, or not readable as its name says.
        BadDispositions: a line that is no disposition.
    """
    latest: dict[str, Disposition] = {}
    with open_lines(str(path)) as (lines, _):
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found = decode(line)
            except BadDisposition as error:
                raise BadDispositions(
                    f"{path}, line {number}: {error}; see docs/schemas/dispositions.v1.schema.json"
                ) from None
            before = latest.get(found.jr_id)
            if before is None or found.time >= before.time:
                latest[found.jr_id] = found
    return {jr_id: one.right for jr_id, one in latest.items() if one.right is not None}


def fit_ranker(
    forest: Forest,
    rows: NDArray[np.float32],
    names: Sequence[str],
    institutions: Sequence[str],
    dispositions: Mapping[str, bool],
    seed: int,
) -> Trial:
    """Fit on the settlements that have a disposition, and try it by institution.

    Args:
        forest: gives the plain score.
        rows: float32[n, features] of settlements.
        names: their ids.
        institutions: theirs.
        dispositions: jr_id -> whether the alert was found right.
        seed: of the random numbers.
    """
    judged = [(place, dispositions.get(alert_id(RULE, "settlement", name, None))) for place, name in enumerate(names)]
    # by name: training does not depend on the order of the facts
    known = sorted(
        ((names[place], place, right) for place, right in judged if right is not None), key=lambda one: one[0]
    )
    places = [place for _, place, _ in known]
    labels = np.array([right for _, _, right in known], np.int64)
    trial = Trial(len(dispositions), int(labels.sum()), int(len(labels) - labels.sum()))
    if len(labels) < LEAST or min(trial.confirmed, trial.dismissed) < LEAST_EACH:
        return trial._replace(
            why_not=f"at least {LEAST} dispositions of outlier claims are needed, {LEAST_EACH} each way"
        )
    groups = np.unique([institutions[place] for place in places], return_inverse=True)[1]
    trial = trial._replace(institutions=int(groups.max()) + 1)
    if trial.institutions < FOLDS:
        return trial._replace(why_not=f"dispositions of at least {FOLDS} institutions are needed")
    scores = forest.score(rows[places])
    columns = with_score(rows[places], scores)
    found = _tried(columns, labels, groups, seed)
    if not found:
        return trial._replace(why_not="no part of the institutions had alerts found right and alerts found wrong")
    gains = np.array([ranked - plain for ranked, plain in found])
    error = float(gains.std(ddof=1) / np.sqrt(min(FOLDS, len(gains)))) if len(gains) > 1 else float("inf")
    ranked, plain = (float(np.mean(column)) for column in zip(*found, strict=True))
    trial = trial._replace(precision=ranked, precision_plain=plain, error=error)
    if ranked - plain <= _ERRORS * error:
        return trial
    fitted = _fitted(columns, labels, seed)
    return trial._replace(
        ranker=_flat(fitted, columns, (trial.confirmed, trial.dismissed), (ranked, plain)),
    )


def _tried(
    columns: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int
) -> list[tuple[float, float]]:
    """Average precision of the trees and of the score in each fold that has both kinds."""
    from sklearn.metrics import average_precision_score

    found = []
    for repeat in range(_REPEATS):
        chance = np.random.default_rng([seed, repeat])
        fold_of = chance.permutation(np.arange(groups.max() + 1) % FOLDS)[groups]
        for fold in range(FOLDS):
            out = fold_of == fold
            if len(np.unique(labels[out])) < 2 or len(np.unique(labels[~out])) < 2:
                continue
            ranked = _fitted(columns[~out], labels[~out], seed).decision_function(columns[out])
            found.append(
                (
                    float(average_precision_score(labels[out], ranked)),
                    float(average_precision_score(labels[out], columns[out][:, -1])),
                )
            )
    return found


def _fitted(columns: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Any:  # noqa: ANN401 - untyped library
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(  # type: ignore[no-untyped-call]
        n_estimators=_TREES,
        learning_rate=_RATE,
        max_depth=_DEPTH,
        min_samples_leaf=_LEAST_LEAF,
        random_state=seed,
    ).fit(columns, labels)


def _flat(
    fitted: Any,  # noqa: ANN401 - untyped library
    columns: NDArray[np.float32],
    counts: tuple[int, int],
    precision: tuple[float, float],
) -> Ranker:
    trees = [estimator.tree_ for estimator in fitted.estimators_[:, 0]]
    right = counts[0] / (counts[0] + counts[1])
    return Ranker.of(
        trees,
        features=columns.shape[1],
        start=float(np.log(right / (1 - right))),
        rate=fitted.learning_rate,
        counts=counts,
        precision=precision,
    )
