"""Numbers with units, as the terms file writes them: `"7 d"`, `"25 %"`, `"500.00 yuan"`, `"22:00"`, `"1.3 x"`."""

from decimal import Decimal
from typing import Any, Final

from topics import money

PPM: Final = 1_000_000
"""A share or factor of one, in parts per million."""

_SECONDS: Final = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}


class Duration(int):
    """Seconds, written `7 d`, `12 h`, `30 min` or `90 s`."""


class Share(int):
    """Parts per million, written `25 %`."""


class Factor(int):
    """Parts per million, written `1.3 x`."""


class Yuan(int):
    """Fen, written `500.00 yuan`."""


class ClockTime(int):
    """Seconds since local midnight, written `22:00`."""


class Speed(int):
    """Metres an hour, written `120 km/h`."""


class Supply(int):
    """Hundredths of a day of drug supply, written `15 days`."""


EXPECTED: Final[dict[type[int], str]] = {
    Duration: 'a duration like "7 d", "12 h" or "30 min"',
    Share: 'a share like "25 %"',
    Factor: 'a factor like "1.3 x"',
    Yuan: 'an amount like "500.00 yuan"',
    ClockTime: 'a time of day like "22:00"',
    Speed: 'a speed like "120 km/h"',
    Supply: 'days of supply like "15 days"',
}


def read(kind: type, value: Any) -> Any:  # noqa: ANN401 - whatever the terms file holds
    """Read a number with its unit (msgspec's `dec_hook`).

    Raises:
        ValueError: another unit, or no number; the message says what is expected.
    """
    expected = EXPECTED.get(kind)
    if expected is None:
        raise NotImplementedError(f"no unit for {kind}")
    if isinstance(value, str):
        try:
            number = _number(kind, value.strip())
        except (ValueError, ArithmeticError):
            number = None
        if number is not None:
            return kind(number)
    raise ValueError(f"expected {expected}, got {value!r}")


def _number(kind: type, text: str) -> int | None:
    if kind is ClockTime:
        hour, _, minute = text.partition(":")
        number = int(hour) * 3600 + int(minute) * 60
        return number if len(minute) == 2 and 0 <= number <= 86_400 else None
    amount, _, unit = text.partition(" ")
    unit = unit.strip()
    value = Decimal(amount)
    if kind is Duration:
        return int(value * _SECONDS[unit]) if unit in _SECONDS else None
    if kind is Yuan:
        return money.scaled(value, money.FEN_PLACES) if unit == "yuan" else None
    if kind is Supply:
        return money.scaled(value, money.DAYS_PLACES) if unit in {"day", "days"} else None
    scale = {Share: ("%", PPM // 100), Factor: ("x", PPM), Speed: ("km/h", 1000)}[kind]
    return int(value * scale[1]) if unit == scale[0] else None


def shown(value: int) -> str:
    """A number with its unit, as the terms file writes it."""
    kind = type(value)
    if kind is Duration:
        unit = next(unit for unit, seconds in _SECONDS.items() if value % seconds == 0)
        return f"{value // _SECONDS[unit]} {unit}"
    if kind is Yuan:
        return f"{money.yuan(value)} yuan"
    if kind is ClockTime:
        return f"{value // 3600:02d}:{value % 3600 // 60:02d}"
    if kind is Share:
        return f"{money.shown(value, 4)} %"
    if kind is Factor:
        return f"{money.shown(value, 6)} x"
    if kind is Speed:
        return f"{money.shown(value, 3)} km/h"
    if kind is Supply:
        return f"{money.shown(value, 2)} days"
    return str(value)
