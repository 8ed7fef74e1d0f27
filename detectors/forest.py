"""Isolation forest on flat arrays: scores in whole numbers, the same for a row whatever batch it comes in.

A row's path through a tree ends in a leaf; leaves near the root hold what is easily told apart from the rest. The
forest part of the score is `2 ** (-mean path / c)` (Liu, Ting and Zhou, Isolation Forest, ICDM 2008, equation 2),
which equals scikit-learn's `-score_samples` within 1e-6. All of it is whole numbers after the comparisons with the
thresholds: path lengths are added in fixed point, the power of two is read from a table. So neither the size of a
batch, nor the order of additions, nor a processor's vector unit can change a score.

A forest saturates: beyond the range it was fitted on all values look alike. The tail part adds, for every feature
above its greatest fitted value, an amount that grows with the logarithm of the distance. It never falls.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.tree_layout import PATH_BITS, Tree, average_path_length, depth_of, fixed, lay_out

SCALE: Final = 1_000_000
"""A score of one. The forest part lies in 0..SCALE, about SCALE/2 for an average row; higher is more anomalous."""

TAIL: Final = SCALE // 50
"""What a feature adds at one spread above its fitted range, again at three, at seven, and so on."""

MAX_DEPTH: Final = 14
_MOST_PATH: Final = 1 << 39  # sum of all trees' longest paths: keeps every product inside 63 bits
_BLOCK: Final = 256  # rows walked at once: their positions stay in the processor's cache

_TABLE_BITS: Final = 12
_POWER_BITS: Final = 40

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]


class ForestError(ValueError):
    """Arrays that are no forest, or rows that do not fit it."""


@dataclass(frozen=True, eq=False)
class Forest:
    """A fitted forest; all trees are filled up to the same depth.

    Level d of a tree has 2**d nodes; the arrays hold level 0 of all trees, then level 1 of all trees, and so on, so
    that the children of the node at place p of a level are at 2p and 2p + 1 of the next. A row goes right where its
    feature is greater than the threshold. Below a leaf the thresholds are infinite: the path stays on the left.

    Attributes:
        trees: number of trees.
        depth: number of comparisons on every path.
        feature: int16[trees * (2**depth - 1)], the feature compared at a node.
        threshold: float32, of the same shape.
        expected: int32[trees * (2**(depth+1) - 1)], mean path length of the fitted rows below a node in fixed point
            (PATH_BITS); on the last level the length of the path that ends there.
        normaliser: mean path length of an unsuccessful search in all trees, added up, fixed point.
        upper: float32[features], greatest fitted value of each feature.
        spread: float32[features], above 0; the unit in which distance above `upper` is measured.

    Raises:
        ForestError: shapes or values that do not belong together.
    """

    trees: int
    depth: int
    feature: NDArray[np.int16]
    threshold: Floats
    expected: NDArray[np.int32]
    normaliser: int
    upper: Floats
    spread: Floats

    def __post_init__(self) -> None:
        if self.trees < 1 or not 1 <= self.depth <= MAX_DEPTH:
            raise ForestError(f"{self.trees} trees of depth {self.depth}: at least one tree, depth 1 to {MAX_DEPTH}")
        inner = self.trees * ((1 << self.depth) - 1)
        nodes = self.trees * ((2 << self.depth) - 1)
        shapes = (
            ("feature", self.feature, np.int16, inner),
            ("threshold", self.threshold, np.float32, inner),
            ("expected", self.expected, np.int32, nodes),
            ("upper", self.upper, np.float32, self.features),
            ("spread", self.spread, np.float32, self.features),
        )
        for name, array, kind, size in shapes:
            if array.dtype != kind or array.shape != (size,):
                raise ForestError(f"{name} must be {np.dtype(kind)}[{size}], not {array.dtype}{list(array.shape)}")
        if not self.features or self.feature.min() < 0 or self.feature.max() >= self.features:
            raise ForestError("a node compares a feature that does not exist")
        if np.isnan(self.threshold).any() or not np.isfinite(self.upper).all():
            raise ForestError("a threshold or a greatest value is not a number")
        if not (np.isfinite(self.spread).all() and (self.spread > 0).all()):
            raise ForestError("a spread is not above 0")
        longest = self.trees * int(self.expected.max())
        if self.expected.min() < 0 or longest >= _MOST_PATH or not 0 < self.normaliser < _MOST_PATH:
            raise ForestError("path lengths out of range")

    @classmethod
    def of(cls, trees: Iterable[Tree], *, samples: int, upper: Floats, spread: Floats) -> "Forest":
        """Lay fitted trees out flat.

        Args:
            trees: the trees by nodes.
            samples: rows each tree was fitted on (scikit-learn's `max_samples_`), at least 2.
            upper: greatest fitted value of each feature.
            spread: unit of distance above it, of each feature.

        Raises:
            ForestError: a tree deeper than MAX_DEPTH, or arrays that do not belong together.
        """
        given = list(trees)
        if samples < 2:
            raise ForestError("a forest needs trees fitted on two rows or more")
        depth = max((depth_of(tree) for tree in given), default=0)
        if depth > MAX_DEPTH:
            raise ForestError(f"a tree of depth {depth}; at most {MAX_DEPTH}")
        depth = max(depth, 1)
        count = len(given)
        features = [np.zeros(count << d, np.int16) for d in range(depth)]
        thresholds = [np.full(count << d, np.inf, np.float32) for d in range(depth)]
        expected = [np.zeros(count << d, np.int32) for d in range(depth + 1)]
        for place, tree in enumerate(given):
            lay_out(tree, place, features, thresholds, expected)
        return cls(
            trees=count,
            depth=depth,
            feature=np.concatenate(features) if count else np.zeros(0, np.int16),
            threshold=np.concatenate(thresholds) if count else np.zeros(0, np.float32),
            expected=np.concatenate(expected),
            normaliser=count * fixed(average_path_length(samples)),
            upper=np.asarray(upper, np.float32),
            spread=np.asarray(spread, np.float32),
        )

    @property
    def features(self) -> int:
        """Number of features of a row."""
        return len(self.upper)

    def score(self, rows: Floats) -> Whole:
        """Anomaly scores, fixed point (SCALE); higher is more anomalous; above SCALE only by the tail part.

        Args:
            rows: float32[n, features], finite.

        Raises:
            ForestError: rows of another shape or kind, or a value that is not finite.
        """
        tail: Whole = self.tail_part(rows).sum(axis=1, dtype=np.int64)
        return self.forest_part(rows) + tail

    def forest_part(self, rows: Floats) -> Whole:
        """The isolation forest's own score, 0..SCALE: scikit-learn's `-score_samples` within 1e-6.

        Raises:
            ForestError: as `score`.
        """
        self._check(rows)
        paths = np.empty(len(rows), np.int64)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            ends = self._walk(block)[-1]
            paths[start : start + len(block)] = self._levels[-1].expected.take(ends).sum(axis=1, dtype=np.int64)
        return self._power(paths)

    def tail_part(self, rows: Floats) -> Whole:
        """What each feature adds for lying above its fitted range: int64[n, features], 0 or more.

        TAIL times the base-two logarithm of `1 + distance / spread`, straight lines between powers of two. Never
        falls as the feature grows.

        Raises:
            ForestError: as `score`.
        """
        self._check(rows)
        distance = (rows.astype(np.float64) - self.upper) / self.spread
        fraction, exponent = np.frexp(1.0 + np.maximum(distance, 0.0))
        # frexp gives 1 + distance = fraction * 2**exponent with a fraction in [0.5, 1)
        return np.floor((exponent + 2.0 * fraction - 2.0) * TAIL).astype(np.int64)

    def contributions(self, rows: Floats) -> Whole:
        """What each feature adds to the score above an average row's: int64[n, features], in score units.

        A comparison that leads a row to where fitted rows have shorter paths counts for its feature by that
        difference (Saabas' walk along the paths); the tail part is added. Path lengths are turned into score linearly
        at the average row: the shares rank features, they do not add up to the score.

        Raises:
            ForestError: as `score`.
        """
        self._check(rows)
        slope = self._average_score * 693_147 // SCALE  # d(2**-x)/dx = -ln 2 * 2**-x
        shares = np.empty((len(rows), self.features), np.int64)
        for start in range(0, len(rows), _BLOCK):
            shares[start : start + _BLOCK] = self._shorter(rows[start : start + _BLOCK])
        return shares * slope // self.normaliser + self.tail_part(rows)

    # ------------------------------------------------------------------ walking

    @cached_property
    def _levels(self) -> "list[_Level]":
        levels = []
        inner = outer = 0
        for d in range(self.depth + 1):
            size = self.trees << d
            levels.append(
                _Level(
                    self.feature[inner : inner + size].astype(np.intp),
                    self.threshold[inner : inner + size],
                    self.expected[outer : outer + size],
                )
            )
            inner += size
            outer += size
        return levels

    def _walk(self, rows: Floats, *, keep: bool = False) -> "list[NDArray[np.intp]]":
        """Places by row and tree on each level (`keep`), or on the last alone."""
        count = len(rows)
        flat = rows.ravel()
        first = (np.arange(count) * self.features)[:, None]
        place = np.broadcast_to(np.arange(self.trees), (count, self.trees)).copy()
        places = [place.copy()] if keep else []
        for level in self._levels[:-1]:
            at = level.feature.take(place)
            at += first
            right = flat.take(at) > level.threshold.take(place)
            place += place
            place += right
            if keep:
                places.append(place.copy())
        return places or [place]

    def _shorter(self, rows: Floats) -> Whole:
        """By how much the comparisons on each feature shorten a row's paths, fixed point."""
        places = self._walk(rows, keep=True)
        first = (np.arange(len(rows)) * self.features)[:, None]
        size = len(rows) * self.features
        total = np.zeros(size, np.int64)
        for d, level in enumerate(self._levels[:-1]):
            here, there = places[d], places[d + 1]
            gain = level.expected.take(here) - self._levels[d + 1].expected.take(there)
            feature = level.feature.take(here) + first
            # bincount adds floats; these are whole numbers far below 2**53, so the sums are exact
            total += np.bincount(feature.ravel(), weights=gain.ravel(), minlength=size).astype(np.int64)
        return total.reshape(len(rows), self.features)

    @cached_property
    def _average_score(self) -> int:
        average = self._levels[0].expected.sum(dtype=np.int64)
        return int(self._power(np.array([average]))[0])

    def _power(self, paths: Whole) -> Whole:
        """`2 ** (-path / normaliser)` in SCALE, rounded half up; whole numbers alone, falls as paths grow."""
        exponent = (paths << PATH_BITS) // self.normaliser
        whole = np.minimum(exponent >> PATH_BITS, 62 - _POWER_BITS)  # further down it is 0 anyway
        fraction = exponent & ((1 << PATH_BITS) - 1)
        table = _powers()
        at = fraction >> (PATH_BITS - _TABLE_BITS)
        rest = fraction & ((1 << (PATH_BITS - _TABLE_BITS)) - 1)
        above = table.take(at)
        value = above - ((above - table.take(at + 1)) * rest >> (PATH_BITS - _TABLE_BITS))
        shift = whole + _POWER_BITS
        power: Whole = (value * SCALE + (np.int64(1) << (shift - 1))) >> shift
        return power

    def _check(self, rows: Any) -> None:  # noqa: ANN401 - this is where a wrong type is found
        if not isinstance(rows, np.ndarray) or rows.dtype != np.float32:
            raise ForestError("rows must be an array of float32")
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ForestError(f"rows must have {self.features} features, not the shape {rows.shape}")
        if not np.isfinite(rows).all():
            raise ForestError("a feature is not a finite number")


class _Level(NamedTuple):
    feature: NDArray[np.intp]
    threshold: Floats
    expected: NDArray[np.int32]


@cache
def _powers() -> Whole:
    """`2 ** -(i / 4096)` with 40 fraction bits; by Decimal, since a library's `pow` differs in the last bit."""
    steps = 1 << _TABLE_BITS
    values = [round(Decimal(2) ** (Decimal(-i) / steps) * (1 << _POWER_BITS)) for i in range(steps + 1)]
    return np.array(values, np.int64)
