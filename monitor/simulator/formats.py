"""How values are written on the wire: times, days and exact money as text."""

from functools import lru_cache
from typing import Any, Final

from topics.times import DAY, format_day

Wire = dict[str, Any]
"""One wire object, ready for JSON."""

_MINUTES: Final = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS: Final = tuple(f"{second:02d}" for second in range(60))


@lru_cache(maxsize=4096)
def day_text(day: int) -> str:
    """A local day as `yyyy-MM-dd`."""
    return format_day(day)


def time_text(second: int) -> str:
    """A local second as `yyyy-MM-dd HH:mm:ss`."""
    day, rest = divmod(second, DAY)
    return f"{day_text(day)} {_MINUTES[rest // 60]}{_SECONDS[rest % 60]}"


@lru_cache(maxsize=1 << 16)
def yuan_text(fen: int) -> str:
    """Fen as yuan with two decimals; text, so that no reader passes it through a binary float."""
    if fen < 0:
        return "-" + yuan_text(-fen)
    return f"{fen // 100}.{fen % 100:02d}"


REGISTERED: Final = "2020-01-01 00:00:00"
"""From when registry entries and enrolments hold: long before anything simulated."""
