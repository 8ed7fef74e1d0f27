"""Fitted trees laid out level by level, path lengths in fixed point: what a forest's arrays are made of."""

from collections.abc import Sequence
from math import log
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

PATH_BITS: Final = 24
"""Fraction bits of path lengths."""

_EULER: Final = 0.577215664901532860606512090082402431


class Tree(NamedTuple):
    """One fitted tree by nodes, as scikit-learn numbers them: children are -1 at a leaf, node 0 is the root."""

    left: Sequence[int]
    right: Sequence[int]
    feature: Sequence[int]
    threshold: Sequence[float]
    samples: Sequence[int]


def average_path_length(rows: int) -> float:
    """Mean path length of an unsuccessful search in a binary tree of so many rows (c(n) of the paper)."""
    if rows <= 1:
        return 0.0
    if rows == 2:
        return 1.0
    return 2.0 * (log(rows - 1.0) + _EULER) - 2.0 * (rows - 1.0) / rows


def fixed(length: float) -> int:
    """A path length in fixed point."""
    return round(length * (1 << PATH_BITS))


def depth_of(tree: Tree) -> int:
    """Comparisons on the longest path of a tree."""
    depths = {0: 0}
    for node, (left, right) in enumerate(zip(tree.left, tree.right, strict=True)):  # children come after parents
        if left >= 0:
            depths[int(left)] = depths[int(right)] = depths[node] + 1
    return max(depths.values())


def lay_out(
    tree: Tree,
    place: int,
    features: list[NDArray[np.int16]],
    thresholds: list[NDArray[np.float32]],
    expected: list[NDArray[np.int32]],
) -> None:
    """Write one tree into the levels of a forest's arrays, at its place among the trees."""
    bottom = len(features)

    def lay(node: int, d: int, at: int) -> int:
        left, right = int(tree.left[node]), int(tree.right[node])
        if left < 0:
            length = fixed(d + average_path_length(int(tree.samples[node])))
            for below in range(d, bottom + 1):
                expected[below][at << (below - d)] = length
            return length
        features[d][at] = tree.feature[node]
        thresholds[d][at] = _float32_below(float(tree.threshold[node]))
        weights = int(tree.samples[left]), int(tree.samples[right])
        sides = lay(left, d + 1, 2 * at), lay(right, d + 1, 2 * at + 1)
        mean = (sides[0] * weights[0] + sides[1] * weights[1]) // (weights[0] + weights[1])
        expected[d][at] = mean
        return mean

    lay(0, 0, place)


def _float32_below(threshold: float) -> np.float32:
    """The greatest float32 not above: a float32 value lies above one exactly when it lies above the other."""
    near = np.float32(threshold)
    # float(near), since numpy would narrow the threshold to float32 before comparing
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))
