"""A partition's state in memory, for backtests and simulation."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from monitor.records import Effects


class MemoryStore:
    """Implements `Reader` over a dictionary."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self._wakes: list[tuple[int, bytes]] = []

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""
        return self.values.get(key)

    def due(self, until: int) -> list[bytes]:
        """Keys whose wake time is not after a local second."""
        due = []
        for time, key in self._wakes:
            if time > until:
                break
            due.append(key)
        return due

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """All keys that begin with a prefix, ascending."""
        yield from sorted(key for key in self.values if key.startswith(prefix))

    def apply(self, effects: Effects) -> None:
        """Make a batch's writes happen."""
        for key, value in effects.writes.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        for key, (before, after) in effects.wakes.items():
            if before is not None:
                del self._wakes[bisect_left(self._wakes, (before, key))]
            if after is not None:
                insort(self._wakes, (after, key))
