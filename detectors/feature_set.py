"""What a model looks at: named features, their kinds, and how their values read in Chinese and English."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import exp
from typing import Final

import msgspec

from topics.money import FEN
from topics.times import HOUR, MINUTE


class Feature(msgspec.Struct, frozen=True):
    """One feature of a row.

    Attributes:
        name: stable name, part of the model file.
        kind: what its numbers are, one of KINDS.
        zh: phrase in Chinese; `{value}` stands for the value.
        en: phrase in English, likewise.
    """

    name: str
    kind: str
    zh: str
    en: str

    def phrase(self, value: float) -> tuple[str, str]:
        """Say the value in Chinese and in English."""
        zh, en = self.shown(value)
        return self.zh.format(value=zh), self.en.format(value=en)

    def shown(self, value: float) -> tuple[str, str]:
        """The value alone, rounded, with its unit, in Chinese and in English."""
        text, zh, en = KINDS[self.kind](value)
        return f"{text}{zh}", f"{text}{en}"

    def span(self, low: float, high: float) -> tuple[str, str]:
        """From one value to another, with the unit once, in Chinese and in English."""
        first, _, _ = KINDS[self.kind](low)
        last, zh, en = KINDS[self.kind](high)
        return f"{first}至{last}{zh}", f"{first} to {last}{en}"


def digest(features: Sequence[Feature], revision: int) -> str:
    """What tells feature sets apart: names, kinds, order, and the revision of how they are computed (16 hex)."""
    parts = [str(revision), *(f"{feature.name}:{feature.kind}" for feature in features)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _rounded(value: float, places: int) -> str:
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


Shown = tuple[str, str, str]
"""A number as a text, and its unit in Chinese and in English."""


def _money(value: float) -> Shown:
    yuan = exp(min(value, 80.0)) / FEN
    text = _rounded(float(f"{yuan:.3g}"), 2)  # three digits: a float32 logarithm holds no more for certain
    return text, "元", " yuan"


def _ratio(value: float) -> Shown:
    return _rounded(float(f"{exp(min(value, 80.0)):.2g}"), 2), "倍", " times"


def _share(value: float) -> Shown:
    return _rounded(value * 100, 0), "%", " %"


def _days(value: float) -> Shown:
    text = _rounded(value, 1)
    return text, "天", " day" if text == "1" else " days"


def _hour(value: float) -> Shown:
    minutes = min(round(value * (HOUR // MINUTE)), 24 * 60 - 1)
    return f"{minutes // 60:02d}:{minutes % 60:02d}", "", ""


def _flag(value: float) -> Shown:
    return "", "是" if value else "否", "yes" if value else "no"


def _count(value: float) -> Shown:
    return _rounded(value, 0), "", ""


KINDS: Final[Mapping[str, Callable[[float], Shown]]] = {
    "money": _money,
    "ratio": _ratio,
    "share": _share,
    "days": _days,
    "hour": _hour,
    "flag": _flag,
    "count": _count,
}
"""money: natural logarithm of fen; ratio: natural logarithm; share: 0..1; days; hour: hours since local midnight;
flag: 0 or 1; count."""
