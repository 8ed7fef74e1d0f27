"""Working days, weekends and holidays, and how busy each is."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from monitor.simulator.formats import REGISTERED, Wire, day_text

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_HOLIDAYS: Final = frozenset({(1, 1), (4, 5), *((5, day) for day in range(1, 6)), *((10, day) for day in range(1, 8))})
"""Month and day; the movable feasts are left out."""
_WEEKDAY_SHARE: Final = (1.12, 1.05, 1.0, 0.98, 0.95, 0.62, 0.5)
_HOLIDAY_SHARE: Final = 0.5
SILENT_DAYS: Final = 6
"""Days after the span that are holidays, so that the silence after the last fact is no gap in uploads."""


class Workdays:
    """The calendar of a span.

    Args:
        begin: first day.
        last: last day on which something happens.
    """

    def __init__(self, begin: int, last: int) -> None:
        self._begin, self._last = begin, last

    def kind(self, day: int) -> str:
        """`working`, `weekend` or `holiday`."""
        date = dt.date.fromordinal(day + _EPOCH)
        if (date.month, date.day) in _HOLIDAYS or self._last < day <= self._last + SILENT_DAYS:
            return "holiday"
        return "weekend" if date.weekday() >= 5 else "working"

    def works(self, day: int) -> bool:
        """Whether it is a working day (weekends and holidays are compared with one another)."""
        return self.kind(day) == "working"

    def share(self, day: int) -> float:
        """How busy the day is beside an average working day."""
        if self.kind(day) == "holiday":
            return _HOLIDAY_SHARE
        return _WEEKDAY_SHARE[weekday(day)]

    def registry(self) -> Iterator[Wire]:
        """The calendar's registry objects: every day from the first to the last of the silent ones."""
        for day in range(self._begin, self._last + SILENT_DAYS + 1):
            yield {
                "type": "calendar",
                "day": day_text(day),
                "kind": self.kind(day),
                "valid_from": REGISTERED,
            }


def weekday(day: int) -> int:
    """0 Monday to 6 Sunday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7
