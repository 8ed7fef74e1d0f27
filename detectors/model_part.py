"""One forest of a model with what is needed to use, explain and watch it; made of raw arrays and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.feature_set import Feature
from detectors.forest import Forest

PERCENTS: Final = 101
"""Points of the grid of percentiles: 0, 1 ... 100."""

BINS: Final = 10
"""Into which each feature, and the score, is divided to measure drift."""

ELSEWHERE: Final = ""
"""The region whose threshold holds where a region has none of its own."""


class ModelError(Exception):
    """A model file that cannot be used; the message says why."""


class Counts(msgspec.Struct, frozen=True):
    """Rows that a part has seen: fitted on, held out, and how many of those judged lie over the threshold.

    Without held-out rows the threshold was chosen on the fitted ones. Where thresholds were chosen anew, the rows that
    they were chosen on count as held out.
    """

    fitted: int
    held_out: int
    over_threshold: int


class PartContent(msgspec.Struct, frozen=True):
    """A part as the file holds it: arrays as raw little-endian bytes."""

    features: list[str]
    feature_set: str
    trees: int
    depth: int
    feature: bytes
    threshold: bytes
    expected: bytes
    normaliser: int
    upper: bytes
    spread: bytes
    grid: bytes
    edges: bytes
    shares: bytes
    thresholds: dict[str, int]
    counts: Counts


@dataclass(frozen=True, eq=False)
class Part:
    """A fitted forest over one kind of row.

    Attributes:
        features: what its columns are.
        feature_set: digest of how they are computed.
        forest: scores rows.
        grid: float32[features, PERCENTS], percentiles of each feature among the fitted rows.
        edges: float32[features + 1, BINS - 1], limits of the bins of each feature and, last, of the score.
        shares: int32[features + 1, BINS], parts per million of the judged rows in each bin; a row on a limit lies in
            the lower bin.
        thresholds: region -> a row is an outlier when its score is greater; fixed point (forest.SCALE). ELSEWHERE is
            always there.
        counts: how many rows were seen.

    Raises:
        ModelError: the parts do not belong together.
    """

    features: Sequence[Feature]
    feature_set: str
    forest: Forest
    grid: NDArray[np.float32]
    edges: NDArray[np.float32]
    shares: NDArray[np.int32]
    thresholds: Mapping[str, int]
    counts: Counts

    def __post_init__(self) -> None:
        width = len(self.features)
        if self.forest.features != width:
            raise ModelError(f"the forest has {self.forest.features} features, the model {width}")
        shapes = (
            ("percentiles", self.grid, (width, PERCENTS)),
            ("limits of bins", self.edges, (width + 1, BINS - 1)),
            ("shares of bins", self.shares, (width + 1, BINS)),
        )
        for name, array, shape in shapes:
            if array.shape != shape:
                raise ModelError(f"{name} of another shape than {shape}")
        if (np.diff(self.grid, axis=1) < 0).any() or not np.isfinite(self.grid).all():
            raise ModelError("percentiles that do not ascend")
        if ELSEWHERE not in self.thresholds:
            raise ModelError("no threshold for regions without their own")

    def threshold(self, region: str) -> int:
        """The threshold that holds in a region."""
        found = self.thresholds.get(region)
        return self.thresholds[ELSEWHERE] if found is None else found

    def content(self) -> PartContent:
        """The part as the file holds it."""
        forest = self.forest
        return PartContent(
            features=[feature.name for feature in self.features],
            feature_set=self.feature_set,
            trees=forest.trees,
            depth=forest.depth,
            feature=_raw(forest.feature),
            threshold=_raw(forest.threshold),
            expected=_raw(forest.expected),
            normaliser=forest.normaliser,
            upper=_raw(forest.upper),
            spread=_raw(forest.spread),
            grid=_raw(self.grid),
            edges=_raw(self.edges),
            shares=_raw(self.shares),
            thresholds=dict(sorted(self.thresholds.items())),
            counts=self.counts,
        )

    @classmethod
    def of(cls, content: PartContent, features: Sequence[Feature]) -> "Part":
        """A part from what the file holds.

        Raises:
            ModelError, ForestError, ValueError: the content makes no sense.
        """
        return cls(
            features=features,
            feature_set=content.feature_set,
            forest=Forest(
                trees=content.trees,
                depth=content.depth,
                feature=_array(content.feature, np.int16),
                threshold=_array(content.threshold, np.float32),
                expected=_array(content.expected, np.int32),
                normaliser=content.normaliser,
                upper=_array(content.upper, np.float32),
                spread=_array(content.spread, np.float32),
            ),
            grid=_array(content.grid, np.float32).reshape(-1, PERCENTS),
            edges=_array(content.edges, np.float32).reshape(-1, BINS - 1),
            shares=_array(content.shares, np.int32).reshape(-1, BINS),
            thresholds=content.thresholds,
            counts=content.counts,
        )


def _raw(array: NDArray[Any]) -> bytes:
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def _array(raw: bytes, kind: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(raw, np.dtype(kind).newbyteorder("<")).astype(kind)
