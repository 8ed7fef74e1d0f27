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
        means: one sentence on what it is and what stands in where it is missing.
    """

    name: str
    kind: str
    zh: str
    en: str
    means: str

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
        if first == last:
            return f"{last}{zh}", f"{last}{en}"
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


def _weekday(value: float) -> Shown:
    day = min(max(round(value), 0), 6)
    return "", "周" + "一二三四五六日"[day], _WEEKDAYS[day]


def _flag(value: float) -> Shown:
    return "", "是" if value else "否", "yes" if value else "no"


def _count(value: float) -> Shown:
    return _rounded(value, 0), "", ""


def _rate(value: float) -> Shown:
    return _rounded(value, 1), "", ""


def _km(value: float) -> Shown:
    return _rounded(value, 0), "公里", " km"


def _spreads(value: float) -> Shown:
    return _rounded(value, 1), "倍常见波动", " times the usual spread"


_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


KINDS: Final[Mapping[str, Callable[[float], Shown]]] = {
    "money": _money,
    "ratio": _ratio,
    "share": _share,
    "days": _days,
    "hour": _hour,
    "weekday": _weekday,
    "flag": _flag,
    "count": _count,
    "rate": _rate,
    "km": _km,
    "spreads": _spreads,
}
"""How a value reads. See UNITS for what it is."""

UNITS: Final[Mapping[str, str]] = {
    "money": "natural logarithm of fen",
    "ratio": "natural logarithm of a ratio",
    "share": "0 to 1",
    "days": "days",
    "hour": "hours since local midnight",
    "weekday": "0 Monday to 6 Sunday",
    "flag": "0 or 1",
    "count": "number",
    "rate": "number, with fractions",
    "km": "kilometres",
    "spreads": "distance in spreads (1.4826 x median absolute deviation)",
}
"""Unit of each kind's numbers."""

SHARED_KINDS: Final = frozenset({"flag", "weekday"})
"""Kinds without a usual range: what counts is how many rows have the same value."""
