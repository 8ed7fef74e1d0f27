"""A partition's state in memory, for backtests and simulation."""

from collections.abc import Iterator
from heapq import heappop, heappush

from monitor.records import Effects


class MemoryStore:
    """Implements `Reader` over a dictionary.

    Attributes:
        values: by key.
        wakes: the local second at which a key must be judged by time alone.
    """

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.wakes: dict[bytes, int] = {}
        self._by_time: list[tuple[int, bytes]] = []
        """A heap of wake times; of what was changed since, entries that no longer hold are passed over."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""
        return self.values.get(key)

    def due(self, until: int) -> list[bytes]:
        """Keys whose wake time is not after a local second, by that time."""
        due: dict[bytes, int] = {}
        while self._by_time and self._by_time[0][0] <= until:
            time, key = heappop(self._by_time)
            if self.wakes.get(key) == time:
                due[key] = time
        for key, time in due.items():  # they are due until they are given another time
            heappush(self._by_time, (time, key))
        return list(due)

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
        for key, (_, after) in effects.wakes.items():
            if after is None:
                self.wakes.pop(key, None)
            else:
                self.wakes[key] = after
                heappush(self._by_time, (after, key))
