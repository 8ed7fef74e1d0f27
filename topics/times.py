"""Times of the contract: China Standard Time on the wire, whole local seconds in the code.

A *local second* counts from 1970-01-01 00:00:00 local time (UTC+8, no daylight saving), so that
`second // DAY` is the local day and needs no time zone. Kafka record times are UTC milliseconds.
"""

import datetime as dt
from typing import Final

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
UTC_OFFSET: Final = 8 * HOUR
"""Local seconds minus UTC seconds (China Standard Time)."""

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_CACHED_DAYS: Final = 100_000
_days: dict[str, int] = {}


class BadTime(ValueError):
    """A time or day that cannot be read, or lies outside the years allowed."""


def parse_day(text: str, first_year: int = 1970, last_year: int = 2100) -> int:
    """Read `yyyy-MM-dd` as days since 1970-01-01 (negative before).

    Raises:
        BadTime: not such a day, or its year outside `first_year`..`last_year`.
    """
    digits = text[:4] + text[5:7] + text[8:]
    if len(text) != 10 or text[4] != "-" or text[7] != "-" or not (digits.isascii() and digits.isdigit()):
        raise BadTime(f"{text[:40]!r} is not a day like 2026-01-31")
    try:
        day = dt.date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:
        raise BadTime(f"{text!r} is not a day of the calendar") from None
    if not first_year <= day.year <= last_year:
        raise BadTime(f"year {day.year} is outside {first_year} to {last_year}")
    return day.toordinal() - _EPOCH


def parse_time(text: str) -> int:
    """Read `yyyy-MM-dd HH:mm:ss` (local) or ISO 8601 with an offset as a local second.

    Fractions of a second are cut off.

    Raises:
        BadTime: not such a time, or its year outside 1970..2100.
    """
    date = text[:10]
    day = _days.get(date)
    if day is None:
        day = parse_day(date)
        if len(_days) >= _CACHED_DAYS:
            _days.clear()
        _days[date] = day
    if len(text) == 19 and text[10] == " " and text[13] == ":" and text[16] == ":":
        hour, minute, second = text[11:13], text[14:16], text[17:]
        if hour.isdigit() and minute.isdigit() and second.isdigit() and text.isascii():
            h, m, s = int(hour), int(minute), int(second)
            if h < 24 and m < 60 and s < 60:
                return day * DAY + h * HOUR + m * MINUTE + s
        raise BadTime(f"{text!r} is not a time of the day")
    return _parse_iso(text)


def _parse_iso(text: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(f"{text[:40]!r} is not a time like 2026-01-31 13:45:00") from None
    if moment.tzinfo is None:
        raise BadTime(f"{text[:40]!r} has no offset; without one write 2026-01-31 13:45:00")
    utc = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1)
    local = utc + UTC_OFFSET
    if not 0 <= local < _LAST:
        raise BadTime(f"{text!r} is outside 1970 to 2100")
    return local


_LAST: Final = (dt.date(2101, 1, 1).toordinal() - _EPOCH) * DAY


def format_day(day: int) -> str:
    """Write days since 1970-01-01 as `yyyy-MM-dd`."""
    return dt.date.fromordinal(day + _EPOCH).isoformat()


def format_time(second: int) -> str:
    """Write a local second as `yyyy-MM-dd HH:mm:ss`."""
    day, rest = divmod(second, DAY)
    return f"{format_day(day)} {rest // HOUR:02d}:{rest % HOUR // MINUTE:02d}:{rest % MINUTE:02d}"


def format_month(day: int) -> str:
    """Write the month of a day as `yyyy-MM`."""
    return format_day(day)[:7]


def format_week(day: int) -> str:
    """Write the ISO week of a day as `yyyy-Www`."""
    year, week, _ = dt.date.fromordinal(day + _EPOCH).isocalendar()
    return f"{year:04d}-W{week:02d}"


def first_of_month(year: int, month: int) -> int:
    """Day number of the first of a month; month 13 is January of the next year."""
    return dt.date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1).toordinal() - _EPOCH


def period_days(period: str) -> tuple[int, int]:
    """Read a period `2026`, `2026Q3` or `2026-11` as its first day and the day after its last.

    Raises:
        BadTime: not such a period.
    """
    year, rest = period[:4], period[4:]
    if period.isascii() and year.isdigit() and 1970 <= int(year) <= 2100:
        if rest == "":
            return first_of_month(int(year), 1), first_of_month(int(year), 13)
        if len(rest) == 2 and rest[0] == "Q" and rest[1] in "1234":
            month = int(rest[1]) * 3 - 2
            return first_of_month(int(year), month), first_of_month(int(year), month + 3)
        if len(rest) == 3 and rest[0] == "-" and rest[1:].isdigit() and 1 <= int(rest[1:]) <= 12:
            month = int(rest[1:])
            return first_of_month(int(year), month), first_of_month(int(year), month + 1)
    raise BadTime(f"{period[:40]!r} is not a period like 2026, 2026Q3 or 2026-11")


def from_record_time(milliseconds: int) -> int:
    """Local second of a Kafka record time (UTC milliseconds), rounded down."""
    return milliseconds // 1000 + UTC_OFFSET


def to_record_time(second: int) -> int:
    """Kafka record time (UTC milliseconds) of a local second."""
    return (second - UTC_OFFSET) * 1000
