"""Exact numbers of the contract: money in fen, prices in micro-yuan, counts in ten-thousandths.

The wire carries JSON numbers or strings; neither ever passes through a binary float.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

FEN_PLACES: Final = 2
PRICE_PLACES: Final = 6
COUNT_PLACES: Final = 4
DAYS_PLACES: Final = 2

FEN: Final = 100
"""Fen in a yuan."""
PRICE_UNIT: Final = 10**PRICE_PLACES
COUNT_UNIT: Final = 10**COUNT_PLACES
NO_CEILING: Final = 9_999_999 * PRICE_UNIT
"""A price ceiling of 0, or this much and more, means that there is none."""

MOST_DIGITS: Final = 12
"""Digits before the decimal point: no amount of a trillion yuan is believable."""
_EXACT: Final = Context(prec=64, traps=[Inexact, InvalidOperation])
"""The default context rounds to 28 digits, and tiny numbers to 0, without a word."""


class BadNumber(ValueError):
    """A number that is not finite, or too large to be believed."""


class OverPrecise(BadNumber):
    """More decimals than the contract allows."""


def scaled(number: Decimal, places: int) -> int:
    """Turn a decimal into a whole number of its smallest unit (10 ** -places).

    Raises:
        BadNumber: not finite, or too many digits.
        OverPrecise: more than `places` decimals.
    """
    if not number.is_finite():
        raise BadNumber(f"{number} is not a finite number")
    if number and number.adjusted() >= MOST_DIGITS:
        raise BadNumber(f"a number of more than {MOST_DIGITS} digits before the point")
    try:
        moved = number.scaleb(places, _EXACT)
        whole = int(moved)
    except Inexact:
        whole, moved = 0, None
    if whole != moved:
        raise OverPrecise(f"{number} has more than {places} decimals")
    return whole


def shown(value: int, places: int) -> str:
    """Write a scaled number as plain decimals without trailing zeros: `shown(12350, 2)` is `123.5`."""
    sign, digits = ("-", -value) if value < 0 else ("", value)
    whole, part = divmod(digits, 10**places)
    return f"{sign}{whole}" + (f".{part:0{places}d}".rstrip("0") if part else "")


def yuan(fen: int) -> str:
    """Write fen as yuan with two decimals: `yuan(12345)` is `123.45`."""
    sign, digits = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{digits // FEN}.{digits % FEN:02d}"


def half_up(numerator: int, denominator: int) -> int:
    """Divide and round half up (away from zero for negative amounts); the denominator is above 0."""
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def share(amount: int, part: int, whole: int) -> int:
    """The share `part / whole` of an amount, in the amount's unit, rounded half up; 0 of a whole of 0."""
    return half_up(amount * part, whole) if whole > 0 else 0
