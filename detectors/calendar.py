"""Which days are worked: what the registry's calendar says, else Monday to Friday."""

from detectors.panes import KeyHistory
from topics.registry import Calendar
from topics.times import DAY, format_day

_WORKING = "working"


def is_worked(history: KeyHistory, day: int) -> bool:
    """Whether a local day (since 1970-01-01) is a working one, neither weekend nor holiday."""
    entry = history.registry.get(Calendar, format_day(day), at=day * DAY)
    if entry is not None:
        return entry.day_kind == _WORKING
    return (day + 3) % 7 < 5  # 1970-01-01 was a Thursday
