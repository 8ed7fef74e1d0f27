"""Lengths of time as alerts write them: whole units from days to seconds, the same in every language."""

from typing import Final

from topics.times import DAY, HOUR, MINUTE

_UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))


def spelled(seconds: int) -> str:
    """A length of time exactly.

    >>> spelled(93_601), spelled(43_200), spelled(0)
    ('1 d 2 h 1 s', '12 h', '0 s')
    """
    parts = []
    rest = seconds
    for size, unit in _UNITS:
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts) or "0 s"
