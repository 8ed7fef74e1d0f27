"""Times and days: China Standard Time on the wire, local seconds in the code."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topics.contract import TYPES
from tests.topics.decode import fact, refused
from topics.times import (
    DAY,
    BadTime,
    first_of_month,
    format_day,
    format_month,
    format_time,
    format_week,
    from_record_time,
    parse_day,
    parse_time,
    period_days,
    to_record_time,
)


def since_epoch(text: str) -> int:
    """Local seconds by the standard library, as a second opinion."""
    return int((dt.datetime.fromisoformat(text) - dt.datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001


@given(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 12, 31, 23, 59, 59)))  # noqa: DTZ001
def test_local_times_are_read_and_written_back(moment: dt.datetime) -> None:
    """Every second from 1970 to 2100 has one local form, read and written the same."""
    text = moment.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    second = parse_time(text)
    assert second == since_epoch(text)
    assert format_time(second) == text
    assert format_day(second // DAY) == text[:10]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00+08:00",
        "2026-03-02T01:00:00Z",
        "2026-03-02T01:00:00+00:00",
        "2026-03-01T20:00:00-05:00",
        "2026-03-02 01:00:00Z",
        "2026-03-02T01:00:00.999999Z",
        "2026-03-02T06:45:00+05:45",
    ],
)
def test_iso_times_with_an_offset_are_the_same_second(text: str) -> None:
    """An offset is honoured; fractions are cut off."""
    assert parse_time(text) == parse_time("2026-03-02 09:00:00")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00",
        "2026-03-02",
        "2026-03-02 9:00:00",
        "2026-03-02 24:00:00",
        "2026-03-02 23:60:00",
        "2026-03-02 23:59:60",
        "2026-03-02 09:00",
        "2026-02-29 09:00:00",
        "2100-02-29 09:00:00",
        "2026-13-01 09:00:00",
        "2026-00-01 09:00:00",
        "2026- 3-02 09:00:00",
        "2026-+3-02 09:00:00",
        "2026-03-02 +9:00:00",
        "2026/03/02 09:00:00",
        "02-03-2026 09:00:00",
        "２026-03-02 09:00:00",
        "2026-03-02 0９:00:00",
        "1772442000",
        "now",
        " ",
        "2026-03-02T09:00:00+25:00",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    """Other notations are refused, not guessed."""
    with pytest.raises(BadTime):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("1969-12-31 23:59:59", False),
        ("1970-01-01 00:00:00", True),
        ("2100-12-31 23:59:59", True),
        ("2101-01-01 00:00:00", False),
        ("0001-01-01 00:00:00", False),
        ("9999-12-31 23:59:59", False),
        ("2100-12-31T16:00:00Z", False),  # already 2101 in local time
        ("2100-12-31T15:59:59Z", True),
        ("2024-02-29 12:00:00", True),
        ("2000-02-29 12:00:00", True),
    ],
)
def test_years_outside_1970_to_2100_are_refused(text: str, good: bool) -> None:
    """Both bounds, in both forms, and leap days."""
    if good:
        assert parse_time(text) >= 0
    else:
        with pytest.raises(BadTime):
            parse_time(text)


@pytest.mark.parametrize(("day", "good"), [("1879-12-31", False), ("1880-01-01", True), ("2100-12-31", True)])
def test_birth_dates_go_back_to_1880(day: str, good: bool) -> None:
    """A birth date may lie before 1970, and not before 1880."""
    record = {"type": "settlement"} | TYPES["settlement"].required | {"brdy": day}
    if good:
        assert fact(record).birth_day == (dt.date.fromisoformat(day) - dt.date(1970, 1, 1)).days
    else:
        reason, detail = refused(record)
        assert (reason, detail.startswith("brdy:")) == ("bad-time", True)


def test_a_bad_time_names_its_field() -> None:
    """The reason and the field stand in the detail."""
    reason, detail = refused({"type": "death", "psn_no": "P1", "death_time": "yesterday"})
    assert (reason, detail.startswith("death_time:")) == ("bad-time", True)


def test_a_number_is_no_time() -> None:
    """Seconds since the epoch are not accepted."""
    assert refused({"type": "death", "psn_no": "P1", "death_time": 1772442000})[0] == "wrong-type"


@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026Q1", "2026-01-01", "2026-04-01"),
        ("2026Q4", "2026-10-01", "2027-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
    ],
)
def test_periods(period: str, first: str, after: str) -> None:
    """Years, quarters and months as first day and the day after the last."""
    assert [format_day(day) for day in period_days(period)] == [first, after]


@pytest.mark.parametrize(
    "period",
    ["", "26", "2026Q0", "2026Q5", "2026q1", "2026-00", "2026-13", "2026-1", "1969", "2101", "2026-1²", "٢٠٢٦"],
)
def test_bad_periods(period: str) -> None:
    """Anything else is refused with a reason, whatever characters it is made of."""
    with pytest.raises(BadTime):
        period_days(period)
    if period:
        record = {"type": "quota"} | TYPES["quota"].required | {"period": period}
        assert refused(record)[0] == "bad-time"


def test_months_and_weeks() -> None:
    """ISO weeks belong to the year of their Thursday."""
    assert format_month(parse_day("2026-03-31")) == "2026-03"
    assert format_week(parse_day("2027-01-01")) == "2026-W53"
    assert format_week(parse_day("2026-03-02")) == "2026-W10"
    assert first_of_month(2026, 13) == first_of_month(2027, 1)


def test_record_times_are_utc_milliseconds() -> None:
    """Midnight in China is 16:00 UTC of the day before; milliseconds are rounded down."""
    assert to_record_time(0) == -8 * 3_600_000
    second = parse_time("2026-03-02 09:00:00")
    assert from_record_time(to_record_time(second)) == second
    assert from_record_time(to_record_time(second) + 999) == second
