"""Keeps the ordinary days of an institution ordinary.

Settlements are let through day by day. What would make a day's totals stand out from the last comparable days, run
ahead of the quota, or rise for a fourth week, is put off (stays) or does not happen (visits). The limits are tighter
than those any detector is set to, and hold for the facts sent, in event time, whatever is reversed later.
"""

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from monitor.simulator.bills import Settled
from monitor.simulator.region import Institution
from monitor.simulator.workdays import Workdays, weekday
from topics.times import DAY, HOUR, format_day, period_days

MEASURES: Final = ("fund", "settlements", "persons", "out-of-region", "night")
_FLOORS: Final = (1_000_000, 30, 30, 10, 10)
_FLOOR_SHARE: Final = 0.8
_OVER_MEDIAN: Final = 1.5
_WORKING_DAYS: Final = 20
_REST_DAYS: Final = 8
_PACE: Final = 0.95
_PACE_FROM: Final = 0.25
_DAY_OVER_QUOTA: Final = 2.8
_LARGE_WEEK: Final = 4_000_000
_WEEK_RISE: Final = 1.08
_RISES: Final = 3


@dataclass(slots=True)
class _Books:
    """What is known of one institution."""

    today: list[int] = field(default_factory=lambda: [0] * len(MEASURES))
    persons: set[int] = field(default_factory=set)
    working: deque[tuple[int, ...]] = field(default_factory=lambda: deque(maxlen=_WORKING_DAYS))
    resting: deque[tuple[int, ...]] = field(default_factory=lambda: deque(maxlen=_REST_DAYS))
    limits: list[float] = field(default_factory=list)
    started: bool = False
    inpatient_today: int = 0
    inpatient: int = 0
    period: str = ""
    week: int = 0
    last_week: int = 0
    rises: int = 0


class Governor:
    """Lets settlements of ordinary institutions through.

    Args:
        institutions: the ordinary ones, by index from 0.
        workdays: the calendar.
    """

    def __init__(self, institutions: list[Institution], workdays: Workdays) -> None:
        self._institutions = institutions
        self._workdays = workdays
        self._books = [_Books() for _ in institutions]
        self._pace_limits: list[float] = []

    def start(self, day: int) -> None:
        """Begin a day: work out what is ordinary on it."""
        period = quarter(day)
        first, after = period_days(period)
        share = max(_PACE_FROM, (day - first + 1) / (after - first))
        self._pace_limits = []
        for one, books in zip(self._institutions, self._books, strict=True):
            if books.period != period:
                books.period, books.inpatient = period, 0
            quota = one.quota_day * (after - first) if one.quota_day is not None else 0
            self._pace_limits.append(_PACE * quota * share if quota else float("inf"))
            history = books.working if self._workdays.works(day) else books.resting
            if len(history) < (history.maxlen or 0):
                books.limits = [float("inf")] * len(MEASURES)
            else:
                medians = [statistics.median(values) for values in zip(*history, strict=True)]
                books.limits = [
                    max(_OVER_MEDIAN * median, median + _FLOOR_SHARE * floor)
                    for median, floor in zip(medians, _FLOORS, strict=True)
                ]

    def admits(self, settled: Settled) -> bool:
        """Whether the settlement is ordinary; if so it is counted."""
        one = settled.care.institution
        if one.planted:
            return True
        books = self._books[one.index]
        after = [have + more for have, more in zip(books.today, _measures(settled, books), strict=True)]
        if any(value > limit for value, limit in zip(after, books.limits, strict=True)):
            return False
        if books.rises >= _RISES and books.week + settled.fund > _WEEK_RISE * books.last_week:
            return False
        if settled.inpatient and one.quota_day is not None:
            if books.inpatient + settled.fund > self._pace_limits[one.index]:
                return False
            if books.inpatient_today + settled.fund > _DAY_OVER_QUOTA * one.quota_day:
                return False
        self.count(settled)
        return True

    def count(self, settled: Settled) -> None:
        """Count a settlement that happens in any case."""
        one = settled.care.institution
        if one.planted:
            return
        books = self._books[one.index]
        books.today = [have + more for have, more in zip(books.today, _measures(settled, books), strict=True)]
        books.persons.add(settled.care.person.index)
        books.week += settled.fund
        books.started = True
        if settled.inpatient:
            books.inpatient += settled.fund
            books.inpatient_today += settled.fund

    def close(self, day: int) -> None:
        """End a day."""
        works = self._workdays.works(day)
        sunday = weekday(day) == 6
        for books in self._books:
            if books.started:
                (books.working if works else books.resting).append(tuple(books.today))
            books.today = [0] * len(MEASURES)
            books.persons.clear()
            books.inpatient_today = 0
            if sunday:
                rising = books.week > 1.05 * books.last_week
                large = books.rises > 0 or books.last_week >= _LARGE_WEEK
                books.rises = books.rises + 1 if rising and large else 0
                books.last_week, books.week = books.week, 0


def _measures(settled: Settled, books: _Books) -> tuple[int, ...]:
    hour = settled.at % DAY // HOUR
    return (
        settled.fund,
        1,
        int(settled.care.person.index not in books.persons),
        int(settled.outside),
        int(hour >= 22 or hour < 6),
    )


def quarter(day: int) -> str:
    """The quarter of a day, as a quota's period."""
    text = format_day(day)
    return f"{text[:4]}Q{(int(text[5:7]) + 2) // 3}"
