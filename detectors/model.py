"""A fitted model and its file: forests, baselines, usual ranges and thresholds, reproducible to the byte.

The file is a magic word, a format number, the SHA-256 of the rest, and the rest as MessagePack with arrays as raw
little-endian bytes. Nothing in it can run (no pickle). The version of a model is told by its content, so that equal
models have equal names wherever they were fitted.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from detectors import claim_features, day_features
from detectors.claim_baselines import Baselines
from detectors.day_features import DayBaselines
from detectors.feature_set import Feature
from detectors.forest import ForestError
from detectors.model_part import ModelError, Part, PartContent
from detectors.ranker import Ranker, RankerContent
from topics.times import format_day

__all__ = ["FORMAT", "Model", "ModelError", "Settings"]

FORMAT: Final = 3

_MAGIC: Final = b"CLMODEL\n"
_FORMAT_BYTES: Final = 2
_HEAD: Final = len(_MAGIC) + _FORMAT_BYTES + hashlib.sha256().digest_size


class Settings(msgspec.Struct, frozen=True):
    """How a model was fitted.

    Attributes:
        seed: of the random numbers.
        trees: number of trees.
        max_samples: rows each tree was fitted on.
        hold_out_days: last days that were kept apart to choose the thresholds, if there was enough before them.
        alerts_per_10k: wanted alerts on 10,000 settlements, at most.
        alerts_per_day: wanted alerts on settlements a day and region, at most; takes the place of `alerts_per_10k`.
        regions: region -> wanted alerts a day where it differs.
        day_alerts_per_10k: wanted alerts on 10,000 institution-days, at most.
        least_settlements: institution-days with fewer settlements are left out (the rule's volume gate).
        fitted_with: the library that fitted it, with its version.
        recalibrated: version of the model whose thresholds were replaced; empty: none.
    """

    seed: int = 0
    trees: int = 100
    max_samples: int = 256
    hold_out_days: int = 7
    alerts_per_10k: int = 5
    alerts_per_day: int | None = None
    regions: dict[str, int] = {}
    day_alerts_per_10k: int = 20
    least_settlements: int = 30
    fitted_with: str = ""
    recalibrated: str = ""


class _Content(msgspec.Struct, frozen=True):
    claims: PartContent
    days: PartContent | None
    baselines: Baselines
    day_baselines: DayBaselines
    first_day: int
    last_day: int
    settings: Settings
    ranker: RankerContent | None


@dataclass(frozen=True, eq=False)
class Model:
    """Forests with all that is needed to use and explain them.

    Attributes:
        claims: scores settlements.
        days: scores institution-days; None: there were too few to fit on.
        baselines: what `claim_features.features` compares with.
        day_baselines: what `day_features.features` compares with.
        first_day: first day of the settlements seen, days since 1970-01-01 (by settlement time).
        last_day: last of them, the held-out ones included.
        settings: how it was fitted.
        ranker: orders the review queue of outlier claims; None: their score does.
    """

    claims: Part
    days: Part | None
    baselines: Baselines
    day_baselines: DayBaselines
    first_day: int
    last_day: int
    settings: Settings
    ranker: Ranker | None = None

    @cached_property
    def version(self) -> str:
        """Last day of the data, and eight digits of the content's SHA-256: `2026-11-20-3f2a91bc`."""
        return f"{format_day(self.last_day)}-{hashlib.sha256(self._content()).hexdigest()[:8]}"

    def age_days(self, day: int) -> int:
        """Days between the last settlement the model has seen and a day; 0 for a day before it."""
        return max(day - self.last_day, 0)

    def _content(self) -> bytes:
        content = _Content(
            claims=self.claims.content(),
            days=None if self.days is None else self.days.content(),
            baselines=self.baselines,
            day_baselines=self.day_baselines,
            first_day=self.first_day,
            last_day=self.last_day,
            settings=self.settings,
            ranker=None if self.ranker is None else self.ranker.content,
        )
        return msgspec.msgpack.Encoder(order="sorted").encode(content)

    def to_bytes(self) -> bytes:
        """The model file; equal models give equal bytes."""
        return _sealed(FORMAT, self._content())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Read a model file.

        Raises:
            ModelError: not a model file, damaged, of another format, or fitted on other features than the code's.
        """
        content = _opened(data)
        _check_features(content)
        try:
            return cls._of(msgspec.msgpack.decode(content, type=_Content))
        except (msgspec.MsgspecError, ForestError, ValueError) as error:
            raise ModelError(f"the model file is sealed correctly but makes no sense: {error}") from error

    @classmethod
    def _of(cls, content: _Content) -> "Model":
        if "" not in content.baselines.peers or "" not in content.baselines.lines:
            raise ModelError("the model's baselines lack the group of all settlements")
        return cls(
            claims=Part.of(content.claims, claim_features.FEATURES),
            days=None if content.days is None else Part.of(content.days, day_features.FEATURES),
            baselines=content.baselines,
            day_baselines=content.day_baselines,
            first_day=content.first_day,
            last_day=content.last_day,
            settings=content.settings,
            ranker=None if content.ranker is None else _ranker(content.ranker),
        )


def _ranker(content: RankerContent) -> Ranker:
    if content.features != len(claim_features.FEATURES) + 1:
        raise ModelError(f"the ranker has {content.features} columns, not those of the features and the score")
    return Ranker(content)


class _PartHead(msgspec.Struct, frozen=True):
    features: list[str] = []
    feature_set: str = ""


class _Head(msgspec.Struct, frozen=True):
    """What is read before the rest: a file of other features may have a rest of another shape."""

    claims: _PartHead = _PartHead()
    days: _PartHead | None = None


def _check_features(content: bytes) -> None:
    try:
        head = msgspec.msgpack.decode(content, type=_Head)
    except msgspec.MsgspecError as error:
        raise ModelError(f"the model file is sealed correctly but makes no sense: {error}") from error
    _check_part(head.claims, claim_features.FEATURES, claim_features.FEATURE_SET)
    if head.days is not None:
        _check_part(head.days, day_features.FEATURES, day_features.FEATURE_SET)


def _check_part(head: _PartHead, features: Sequence[Feature], feature_set: str) -> None:
    names = [feature.name for feature in features]
    if head.features != names:
        differing = sorted(set(head.features) ^ set(names))
        what = ", ".join(differing) if differing else "their order"
        raise ModelError(f"the model was fitted on other features ({what}); fit a new one with this version")
    if head.feature_set != feature_set:
        raise ModelError(
            f"the model was fitted on features computed in another way ({head.feature_set}, the code has "
            f"{feature_set}); fit a new one with this version"
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
    if form < FORMAT:
        raise ModelError(f"the model file has format {form}, of an older version: fit a new one with this version")
    return content
