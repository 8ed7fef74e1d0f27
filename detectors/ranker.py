"""The order of the review queue: how likely reviewers are to confirm an outlier, by what they decided before.

Gradient-boosted trees over the features of a settlement and its anomaly score, fitted by scikit-learn, stored as flat
arrays and walked in whole numbers, so that a settlement has the same priority whatever batch it comes in. The order is
all that it gives: it raises, changes and withdraws no alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.units import PPM

LEAF_SCALE: Final = 1_000_000
"""A leaf's log odds of one."""

_MOST_ODDS: Final = 30 * LEAF_SCALE


class RankerError(ValueError):
    """Arrays that are no ranker, or rows that do not fit it."""


class RankerContent(msgspec.Struct, frozen=True):
    """A ranker as a model file holds it: arrays as raw little-endian bytes.

    Attributes:
        features: number of columns, the score last.
        start: log odds before any tree, LEAF_SCALE.
        roots: int32, the first node of each tree.
        left: int32, by node: the child where the value is at most the threshold; -1 at a leaf.
        right: int32, the other child.
        feature: int16, the column compared.
        threshold: float32.
        leaf: int64, log odds that a leaf adds, LEAF_SCALE.
        confirmed: dispositions it was fitted on that found the alert right.
        dismissed: those that did not.
        precision: average precision on held-out institutions, parts per million.
        precision_plain: that of the score alone on the same.
    """

    features: int
    start: int
    roots: bytes
    left: bytes
    right: bytes
    feature: bytes
    threshold: bytes
    leaf: bytes
    confirmed: int
    dismissed: int
    precision: int
    precision_plain: int


@dataclass(frozen=True, eq=False)
class Ranker:
    """Fitted trees.

    Attributes:
        content: as the file holds it.

    Raises:
        RankerError: arrays that do not belong together.
    """

    content: RankerContent

    def __post_init__(self) -> None:
        given = self.content
        arrays = (
            _array(given.roots, np.int32),
            _array(given.left, np.int32),
            _array(given.right, np.int32),
            _array(given.feature, np.int16),
            _array(given.threshold, np.float32),
            _array(given.leaf, np.int64),
        )
        roots, left, right, feature, threshold, leaf = arrays
        nodes = len(left)
        if not nodes or any(len(array) != nodes for array in arrays[1:]):
            raise RankerError("the ranker's arrays are of unlike length")
        if len(roots) and not (roots.min() >= 0 and roots.max() < nodes):
            raise RankerError("a tree of the ranker begins nowhere")
        inner = np.flatnonzero(left >= 0)
        # children come after their parents: every walk ends
        if (left[inner] <= inner).any() or (right[inner] <= inner).any() or max(left.max(), right.max()) >= nodes:
            raise RankerError("a tree of the ranker goes in a circle")
        if feature.min() < 0 or feature.max() >= given.features or not np.isfinite(threshold).all():
            raise RankerError("a tree of the ranker compares what is not there")
        if abs(given.start) > _MOST_ODDS or np.abs(leaf).max() > _MOST_ODDS:
            raise RankerError("log odds out of range")
        object.__setattr__(self, "_arrays", arrays)

    @classmethod
    def of(
        cls,
        trees: Sequence[Any],
        *,
        features: int,
        start: float,
        rate: float,
        counts: tuple[int, int] = (0, 0),
        precision: tuple[float, float] = (0.0, 0.0),
    ) -> "Ranker":
        """From scikit-learn's regression trees (`tree_`).

        Args:
            trees: the trees.
            features: number of columns.
            start: log odds before any tree.
            rate: by what the trees' values are multiplied.
            counts: dispositions that found alerts right, and wrong.
            precision: average precision on held-out institutions: the trees', and the score's.
        """
        roots, begin = [], 0
        lefts, rights, columns, thresholds, leaves = [], [], [], [], []
        for tree in trees:
            roots.append(begin)
            inner = tree.children_left >= 0
            lefts.append(np.where(inner, tree.children_left + begin, -1))
            rights.append(np.where(inner, tree.children_right + begin, -1))
            columns.append(np.where(inner, tree.feature, 0))
            thresholds.append(np.where(inner, _below(tree.threshold), 0))
            leaves.append(np.rint(tree.value[:, 0, 0] * rate * LEAF_SCALE))
            begin += len(inner)
        return cls(
            RankerContent(
                features=features,
                start=round(start * LEAF_SCALE),
                roots=_raw(np.array(roots), np.int32),
                left=_raw(np.concatenate(lefts), np.int32),
                right=_raw(np.concatenate(rights), np.int32),
                feature=_raw(np.concatenate(columns), np.int16),
                threshold=_raw(np.concatenate(thresholds), np.float32),
                leaf=_raw(np.concatenate(leaves), np.int64),
                confirmed=counts[0],
                dismissed=counts[1],
                precision=round(precision[0] * PPM),
                precision_plain=round(precision[1] * PPM),
            )
        )

    def priorities(self, rows: NDArray[np.float32], scores: NDArray[np.int64]) -> list[int]:
        """Parts per million, 0 to PPM; greater: to be looked at earlier.

        Args:
            rows: float32[n, features - 1].
            scores: int64[n], fixed point.

        Raises:
            RankerError: rows of another width.
        """
        columns = with_score(rows, scores)
        if columns.shape[1] != self.content.features:
            raise RankerError(f"rows must have {self.content.features - 1} features")
        roots, left, right, feature, threshold, leaf = self._arrays  # type: ignore[attr-defined]
        odds = np.full(len(columns), self.content.start, np.int64)
        which = np.arange(len(columns))
        for root in roots.tolist():
            node = np.full(len(columns), root, np.int64)
            while (inner := left[node] >= 0).any():
                low = columns[which, feature[node]] <= threshold[node]
                node = np.where(inner, np.where(low, left[node], right[node]), node)
            odds += leaf[node]
        return [_share(one) for one in odds.tolist()]


def with_score(rows: NDArray[np.float32], scores: NDArray[np.int64]) -> NDArray[np.float32]:
    """The rows with the score as their last column."""
    return np.column_stack([rows, scores.astype(np.float32)]).astype(np.float32)


def _share(odds: int) -> int:
    return round(PPM / (1.0 + exp(-max(min(odds, _MOST_ODDS), -_MOST_ODDS) / LEAF_SCALE)))


def _below(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 that is not over each threshold: comparing float32 values with it decides alike."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _raw(array: NDArray[Any], kind: type[np.generic]) -> bytes:
    return array.astype(np.dtype(kind).newbyteorder("<")).tobytes()


def _array(raw: bytes, kind: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(raw, np.dtype(kind).newbyteorder("<")).astype(kind)
