"""A fitted model and its file: forest, baselines, usual ranges and threshold, reproducible to the byte.

The file is a magic word, a format number, the SHA-256 of the rest, and the rest as MessagePack with arrays as raw
little-endian bytes. Nothing in it can run (no pickle). The version of a model is told by its content, so that equal
models have equal names wherever they were fitted.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.claim_features import FEATURE_SET, FEATURES, Baselines
from detectors.forest import Forest, ForestError
from topics.times import format_day

FORMAT: Final = 1
PERCENTS: Final = 101
"""Points of the grid of percentiles: 0, 1 ... 100."""

_MAGIC: Final = b"CLMODEL\n"
_FORMAT_BYTES: Final = 2
_HEAD: Final = len(_MAGIC) + _FORMAT_BYTES + hashlib.sha256().digest_size


class ModelError(Exception):
    """A model file that cannot be used; the message says why."""


class Settings(msgspec.Struct, frozen=True):
    """How a model was fitted.

    Attributes:
        seed: of the random numbers.
        trees: number of trees.
        max_samples: settlements each tree was fitted on.
        hold_out_days: last days that were kept apart to choose the threshold, if there was enough before them.
        alerts_per_10k: wanted alerts a 10,000 settlements, at most.
        alerts_per_day: wanted alerts a day, at most; takes the place of `alerts_per_10k`.
        fitted_with: the library that fitted it, with its version.
    """

    seed: int = 0
    trees: int = 100
    max_samples: int = 256
    hold_out_days: int = 7
    alerts_per_10k: int = 5
    alerts_per_day: int | None = None
    fitted_with: str = ""


class Counts(msgspec.Struct, frozen=True):
    """Settlements that a model has seen: fitted on, held out, and how many of those judged lie over the threshold.

    Without held-out settlements the threshold was chosen on the fitted ones.
    """

    fitted: int
    held_out: int
    over_threshold: int


class _Content(msgspec.Struct, frozen=True):
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
    baselines: Baselines
    grid: bytes
    limit: int
    first_day: int
    last_day: int
    counts: Counts
    settings: Settings


@dataclass(frozen=True, eq=False)
class Model:
    """A forest with all that is needed to use and explain it.

    Attributes:
        forest: scores rows.
        baselines: what `claim_features.features` compares with.
        grid: float32[features, PERCENTS], percentiles of each feature among the fitted settlements.
        threshold: a settlement is an outlier when its score is greater; fixed point (forest.SCALE).
        first_day: first day of the settlements seen, days since 1970-01-01 (by settlement time).
        last_day: last of them, the held-out ones included.
        counts: how many were seen.
        settings: how it was fitted.

    Raises:
        ModelError: the parts do not belong together.
    """

    forest: Forest
    baselines: Baselines
    grid: NDArray[np.float32]
    threshold: int
    first_day: int
    last_day: int
    counts: Counts
    settings: Settings

    def __post_init__(self) -> None:
        if self.forest.features != len(FEATURES):
            raise ModelError(f"a forest of {self.forest.features} features, the code has {len(FEATURES)}")
        if self.grid.shape != (len(FEATURES), PERCENTS) or self.grid.dtype != np.float32:
            raise ModelError(f"percentiles of the shape {self.grid.shape}")
        if not np.isfinite(self.grid).all() or (np.diff(self.grid, axis=1) < 0).any():
            raise ModelError("percentiles that fall or are not finite")

    @cached_property
    def version(self) -> str:
        """Last day and the first 8 hex digits of the content's SHA-256: `2026-11-20-3f2a91bc`."""
        return f"{format_day(self.last_day)}-{hashlib.sha256(self._content()).hexdigest()[:8]}"

    def age_days(self, day: int) -> int:
        """Days between the last settlement the model has seen and a day; 0 for a day before it."""
        return max(day - self.last_day, 0)

    def _content(self) -> bytes:
        forest = self.forest
        content = _Content(
            features=[feature.name for feature in FEATURES],
            feature_set=FEATURE_SET,
            trees=forest.trees,
            depth=forest.depth,
            feature=_raw(forest.feature),
            threshold=_raw(forest.threshold),
            expected=_raw(forest.expected),
            normaliser=forest.normaliser,
            upper=_raw(forest.upper),
            spread=_raw(forest.spread),
            baselines=self.baselines,
            grid=_raw(self.grid),
            limit=self.threshold,
            first_day=self.first_day,
            last_day=self.last_day,
            counts=self.counts,
            settings=self.settings,
        )
        return msgspec.msgpack.Encoder(order="sorted").encode(content)

    def to_bytes(self) -> bytes:
        """The model file; equal models give equal bytes."""
        return _sealed(FORMAT, self._content())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Read a model file.

        Raises:
            ModelError: not a model file, damaged, of a newer format, or fitted on other features than the code's.
        """
        content = _opened(data)
        _check_features(content)
        try:
            return cls._of(msgspec.msgpack.decode(content, type=_Content))
        except (msgspec.MsgspecError, ForestError, ValueError) as error:
            raise ModelError(f"the model file is sealed correctly but makes no sense: {error}") from error

    @classmethod
    def _of(cls, content: _Content) -> "Model":
        forest = Forest(
            trees=content.trees,
            depth=content.depth,
            feature=_array(content.feature, np.int16),
            threshold=_array(content.threshold, np.float32),
            expected=_array(content.expected, np.int32),
            normaliser=content.normaliser,
            upper=_array(content.upper, np.float32),
            spread=_array(content.spread, np.float32),
        )
        return cls(
            forest=forest,
            baselines=content.baselines,
            grid=_array(content.grid, np.float32).reshape(-1, PERCENTS),
            threshold=content.limit,
            first_day=content.first_day,
            last_day=content.last_day,
            counts=content.counts,
            settings=content.settings,
        )


class _Head(msgspec.Struct, frozen=True):
    """What is read before the rest: a file of other features may have a rest of another shape."""

    features: list[str] = []
    feature_set: str = ""


def _check_features(content: bytes) -> None:
    try:
        head = msgspec.msgpack.decode(content, type=_Head)
    except msgspec.MsgspecError as error:
        raise ModelError(f"the model file is sealed correctly but makes no sense: {error}") from error
    names = [feature.name for feature in FEATURES]
    if head.features != names:
        differing = sorted(set(head.features) ^ set(names))
        what = ", ".join(differing) if differing else "their order"
        raise ModelError(f"the model was fitted on other features ({what}); fit a new one with this version")
    if head.feature_set != FEATURE_SET:
        raise ModelError(
            f"the model was fitted on features computed in another way ({head.feature_set}, the code has "
            f"{FEATURE_SET}); fit a new one with this version"
        )


def _sealed(form: int, content: bytes) -> bytes:
    head = form.to_bytes(_FORMAT_BYTES, "little")
    return b"".join((_MAGIC, head, hashlib.sha256(head + content).digest(), content))


def _opened(data: bytes) -> bytes:
    if data[: len(_MAGIC)] != _MAGIC:
        raise ModelError("not a model file")
    if len(data) < _HEAD:
        raise ModelError("the model file is damaged: it is cut off")
    head = data[len(_MAGIC) : len(_MAGIC) + _FORMAT_BYTES]
    content = data[_HEAD:]
    if hashlib.sha256(head + content).digest() != data[len(_MAGIC) + _FORMAT_BYTES : _HEAD]:
        raise ModelError("the model file is damaged: its checksum does not match")
    form = int.from_bytes(head, "little")
    if form > FORMAT:
        raise ModelError(f"the model file has format {form}, this version reads up to {FORMAT}: update the program")
    return content


def _raw(array: NDArray[Any]) -> bytes:
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def _array(raw: bytes, kind: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(raw, np.dtype(kind).newbyteorder("<")).astype(kind)
