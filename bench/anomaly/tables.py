"""Tables with known anomalies: real ADBench files where the user has them, else arrays that come with scikit-learn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

_CLUSTER_ROWS = 2_000
_FEATURES = 12
_RARE = 0.05


class Labelled(NamedTuple):
    """A table: float32[n, features], and 1 for each anomaly."""

    name: str
    rows: NDArray[np.float32]
    labels: NDArray[np.int64]


def read_tables(folder: Path) -> Iterator[Labelled]:
    """ADBench's `.npz` files (`X`, `y`) of a folder and those below it, by name.

    Raises:
        ValueError: there are none, or one is of another shape.
    """
    files = sorted(folder.rglob("*.npz"))
    if not files:
        raise ValueError(f"{folder}: no .npz file; take them from ADBench's datasets/Classical")
    for file in files:
        rows, labels = _arrays(file)
        if rows.ndim != 2 or len(rows) != len(labels) or not set(np.unique(labels)) <= {0, 1}:
            raise ValueError(f"{file}: X must be a table and y its 0 and 1")
        if len(set(labels.tolist())) < 2:
            raise ValueError(f"{file}: y must have both 0 and 1: without either there is nothing to rank")
        yield Labelled(file.stem, rows, labels)


def _arrays(file: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """X and y of a file.

    Raises:
        ValueError: it is damaged, holds no such arrays, or other values than numbers.
    """
    try:
        with np.load(file, allow_pickle=False) as held:
            if not {"X", "y"} <= set(held.files):
                raise ValueError(f"{file}: no arrays X and y")
            return np.asarray(held["X"], np.float32), np.asarray(held["y"], np.int64).ravel()
    except (BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{file}: damaged ({error})") from None


def shipped() -> Iterator[Labelled]:
    """Arrays that come with scikit-learn (a class made rare), and ADBench's four kinds of made anomalies."""
    from sklearn import datasets

    cancer: Any = datasets.load_breast_cancer()
    yield _rare("breast cancer", cancer.data, cancer.target == 0)
    digits: Any = datasets.load_digits()
    yield _rare("digits, 0 rare", digits.data, digits.target == 0)
    wine: Any = datasets.load_wine()
    yield _rare("wine, first rare", wine.data, wine.target == 0)
    for kind in ("local", "global", "cluster", "dependency"):
        yield made(kind)


def _rare(name: str, data: NDArray[np.float64], anomalous: NDArray[np.bool_]) -> Labelled:
    """Of the anomalous rows only so many that they are one in twenty."""
    chance = np.random.default_rng(0)
    usual, odd = np.flatnonzero(~anomalous), np.flatnonzero(anomalous)
    some = chance.choice(odd, max(round(len(usual) * _RARE / (1 - _RARE)), 5), replace=False)
    chosen = np.sort(np.concatenate([usual, some]))
    return Labelled(name, data[chosen].astype(np.float32), anomalous[chosen].astype(np.int64))


def made(kind: str, seed: int = 0) -> Labelled:
    """Rows of three clusters with anomalies of one of ADBench's kinds (Han et al., NeurIPS 2022, section 3.2).

    local: the clusters with five times their spread; global: uniform over 1.1 times the range; cluster: one tight
    cluster aside; dependency: each feature by itself as usual, without what ties them together.
    """
    chance = np.random.default_rng(seed)
    centres = chance.normal(scale=3, size=(3, _FEATURES))
    mixing = chance.normal(size=(3, _FEATURES, _FEATURES)) / np.sqrt(_FEATURES)
    which = chance.integers(0, 3, _CLUSTER_ROWS)
    usual = centres[which] + np.einsum("nf,nfg->ng", chance.normal(size=(_CLUSTER_ROWS, _FEATURES)), mixing[which])
    count = round(_CLUSTER_ROWS * _RARE)
    if kind == "local":
        at = chance.integers(0, 3, count)
        odd = centres[at] + np.sqrt(5) * np.einsum("nf,nfg->ng", chance.normal(size=(count, _FEATURES)), mixing[at])
    elif kind == "global":
        low, high = usual.min(axis=0), usual.max(axis=0)
        odd = chance.uniform(low - 0.05 * (high - low), high + 0.05 * (high - low), (count, _FEATURES))
    elif kind == "cluster":
        odd = 5 * centres[0] + 0.3 * chance.normal(size=(count, _FEATURES))
    else:
        odd = np.column_stack([chance.choice(column, count) for column in usual.T])
    rows = np.vstack([usual, odd]).astype(np.float32)
    return Labelled(f"made, {kind}", rows, np.repeat([0, 1], [len(usual), count]).astype(np.int64))
