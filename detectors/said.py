"""How values read in the texts of alerts: amounts with separators, lengths of time in the language of the text.

Observed values and limits in an alert's evidence stay plain; these are for sentences alone.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from detectors.durations import spelled
from topics.money import yuan

Language = Literal["zh", "en"]

_CHINESE: Final = {"d": "天", "h": "小时", "min": "分钟", "s": "秒"}


class Said(NamedTuple):
    """A value that reads otherwise in Chinese than in English."""

    zh: str
    en: str


def amount(fen: int) -> str:
    """Fen as yuan, with two decimals and separators.

    >>> amount(123_456_789), amount(-100_000), amount(99)
    ('1,234,567.89', '-1,000.00', '0.99')
    """
    return grouped(yuan(fen))


def grouped(number: str) -> str:
    """A plain decimal with separators between thousands.

    >>> grouped("1234.5678"), grouped("999"), grouped("-12345")
    ('1,234.5678', '999', '-12,345')
    """
    whole, point, places = number.partition(".")
    return f"{int(whole):,}{point}{places}" if whole != "-0" else number


def length(seconds: int, *, over: bool = False) -> Said:
    """A length of time exactly.

    Args:
        seconds: how long.
        over: longer than that, by an unknown time.

    >>> length(93_601)
    Said(zh='1天2小时1秒', en='1 d 2 h 1 s')
    >>> length(14_400, over=True)
    Said(zh='超过4小时', en='> 4 h')
    """
    en = spelled(seconds)
    words = en.split(" ")
    zh = "".join(f"{number}{_CHINESE[unit]}" for number, unit in zip(words[::2], words[1::2], strict=True))
    return Said(f"超过{zh}", f"> {en}") if over else Said(zh, en)


def within(says: Mapping[str, object], lang: Language) -> dict[str, object]:
    """Values as they read in one language."""
    at = 0 if lang == "zh" else 1
    return {name: value[at] if isinstance(value, Said) else value for name, value in says.items()}
