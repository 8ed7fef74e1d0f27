"""The short way from a wire struct to a fact: for what is well-formed, as nearly all is.

What a quick struct does not take, or a quick reader cannot make sense of at a glance, goes the long way, which alone
knows the reasons for quarantine: `LongWay` says no more than "look closer". What is read here is read there to the
same values.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec

from topics import money
from topics.times import DAY, BadTime, parse_day, parse_time
from topics.wire import (
    BIRTH,
    CERTNO,
    COUNT,
    DAYS,
    DEGREES,
    LONGEST_CODE,
    MONEY,
    NUMBER,
    PRICE,
    SIGNED_MONEY,
    TEXT,
    TIME,
    Field,
    Kind,
)

_CACHED: Final = 65_536
_MOST_DIGITS: Final = 12
_Text = Annotated[str, msgspec.Meta(max_length=LONGEST_CODE // 4)]  # so many characters are never too many bytes
_Required = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_CODE // 4)]


class LongWay(Exception):
    """Not understood at a glance."""


def _number(places: int, *, signed: bool) -> Callable[[Any], int]:
    """Reads a number from its JSON token: plain decimals, quoted or not."""
    known: dict[bytes, int] = {}

    def read(raw: msgspec.Raw) -> int:
        token = bytes(raw)
        number = known.get(token)
        if number is None:
            if len(known) >= _CACHED:
                known.clear()
            number = known[token] = parse(token)
        return number

    def parse(token: bytes) -> int:
        digits = token[1:-1] if token[:1] == b'"' else token
        negative = digits[:1] == b"-"
        whole, point, part = digits[negative:].partition(b".")
        if not whole.isdigit() or (point and not part.isdigit()):
            raise LongWay
        if len(whole) > _MOST_DIGITS or len(part) > places or (negative and not signed):
            raise LongWay
        number = int(whole + part.ljust(places, b"0"))
        return -number if negative else number

    return read


_days: dict[str, int] = {}
_seconds: dict[str, int] = {}


def _time(text: str) -> int:
    """A local second, from a day and a time of day that were read before where possible."""
    day, second = _days.get(text[:10]), _seconds.get(text[10:])
    if day is None or second is None:
        time = parse_time(text)
        if text[10:11] == " ":  # as the contract writes it: day and time of day are independent
            if len(_days) >= _CACHED:
                _days.clear()
            _days[text[:10]] = time // DAY * DAY
            _seconds[text[10:]] = time % DAY
        return time
    return day + second


_births: dict[str, int] = {}


def _birth(text: str) -> int:
    day = _births.get(text)
    if day is None:
        if len(_births) >= _CACHED:
            _births.clear()
        day = _births[text] = parse_day(text[:10], 1880)
    return day


_QUICK: Final[dict[Kind, Callable[[Any], Any]]] = {
    TIME: _time,
    BIRTH: _birth,
    MONEY: _number(money.FEN_PLACES, signed=False),
    SIGNED_MONEY: _number(money.FEN_PLACES, signed=True),
    PRICE: _number(money.PRICE_PLACES, signed=False),
    COUNT: _number(money.COUNT_PLACES, signed=True),
    DAYS: _number(money.DAYS_PLACES, signed=False),
}
_NUMBERS: Final = frozenset({MONEY, SIGNED_MONEY, PRICE, COUNT, DAYS})
_UNUSUAL: Final = frozenset({DEGREES, NUMBER})
"""Kinds of the registry alone, which has no short way."""


def quick_fields(fields: Sequence[Field]) -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    """Fields of a quick struct, for `msgspec.defstruct`: those the contract requires have no default."""
    spec: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in fields:
        kind, name = field.wire.kind, field.wire.name
        if kind in _UNUSUAL:
            raise TypeError(f"{name}: {kind.name} has no quick reader")
        if kind in _NUMBERS:
            spec.append((name, msgspec.Raw) if field.required else (name, msgspec.Raw, None))
        elif field.required:
            spec.append((name, _Required if kind is TEXT else kind.wire))
        else:
            spec.append((name, (_Text if kind is TEXT else kind.wire) | None, None))
    return spec


def quick_reader(fields: Sequence[Field]) -> Callable[[Sequence[Any]], list[Any]]:
    """Make the function that turns the values of a quick struct into constructor arguments.

    It raises `LongWay`, `BadTime` or `Quarantined` (which one says nothing) where the long way must look.
    """
    readers = []
    times = [index for index, field in enumerate(fields) if field.wire.kind is TIME]
    for index, field in enumerate(fields):
        read = _QUICK.get(field.wire.kind, field.wire.kind.read)
        if read is not None and field.wire.kind is not TIME:
            readers.append((index, read))
    days, seconds = _days, _seconds
    strict = [index for index, field in enumerate(fields) if field.required or field.wire.kind is CERTNO]

    def quick(values: Sequence[Any]) -> list[Any]:
        out = list(values)
        if "" in out:  # a blank is no value, but for a field that must have one, or where it is a fault
            if any(out[index] == "" for index in strict):
                raise LongWay
            out = [None if value == "" else value for value in out]
        for index in times:
            text = out[index]
            if text is not None:
                day, second = days.get(text[:10]), seconds.get(text[10:])
                out[index] = _time(text) if day is None or second is None else day + second
        for index, read in readers:
            value = out[index]
            if value is not None:
                out[index] = read(value)
        return out

    return quick


WRONG: Final = (LongWay, BadTime)
