"""How facts arrive: some out of order, some days late, some twice, in one stream ordered by record time."""

import heapq
import random
from collections.abc import Iterator

from monitor.simulator.config import SimulationConfig
from monitor.simulator.formats import Wire, time_text
from topics.times import DAY, HOUR, MINUTE

TICK_EVERY = 10 * MINUTE
LAST_TICK = 3 * DAY
"""How long after the last fact the last tick comes, seconds."""
AHEAD = 5 * MINUTE
"""How far the clock of a source may run ahead of the broker's, seconds."""

Arrival = tuple[int, Wire]
"""Record time (local seconds) and wire object."""


class Arrivals:
    """Facts on their way: a heap by record time, and the ticks between them.

    Args:
        config: shares of what goes wrong, and the end of the span.
        start: local second of the first tick.
    """

    def __init__(self, config: SimulationConfig, start: int) -> None:
        self._config = config
        self._end = config.end
        self._close = config.end + (DAY if config.until is None else 0)
        self._on_the_way: list[tuple[int, int, Wire]] = []
        self._sent = 0
        self._next_tick = start
        self._last = start

    def send(self, upload: int, fact: Wire, rng: random.Random, *, may_be_late: bool = False) -> None:
        """Send a fact; what would be uploaded after the end of the span is not.

        Args:
            upload: when it leaves its source, local seconds.
            fact: the wire object; must not be changed afterwards.
            rng: the day's random numbers.
            may_be_late: whether it may be days late.
        """
        if upload > self._end:
            return
        config, draw = self._config, rng.random()
        if may_be_late and draw < config.late:
            lag = int(rng.uniform(2 * HOUR, max(3 * HOUR, config.most_late_days * DAY)))
        elif draw < config.late + config.out_of_order:
            lag = int(rng.uniform(MINUTE, 2 * HOUR))
        elif draw > 0.995:
            lag = -int(rng.random() * AHEAD)
        else:
            lag = 1 + int(rng.random() * 60)
        received = min(upload + lag, self._close)
        self._put(received, fact)
        if rng.random() < config.duplicates:
            self._put(min(received + int(rng.uniform(1, 3 * HOUR)), self._close), fact)

    def _put(self, received: int, fact: Wire) -> None:
        self._sent += 1
        heapq.heappush(self._on_the_way, (received, self._sent, fact))

    def until(self, second: int) -> Iterator[Arrival]:
        """What arrives before a local second, ticks among it."""
        heap = self._on_the_way
        while heap and heap[0][0] < second:
            received, _, fact = heapq.heappop(heap)
            yield from self._ticks(received)
            self._last = received
            yield received, {**fact, "_recv": time_text(received)}
        yield from self._ticks(second)

    def rest(self) -> Iterator[Arrival]:
        """What is still on the way, and the last tick, three days after the last fact (live: at the end)."""
        while self._on_the_way:
            yield from self.until(self._on_the_way[0][0] + 1)
        last = self._last + LAST_TICK if self._config.until is None else self._close
        if last >= self._next_tick - TICK_EVERY:
            yield last, tick(last)

    def _ticks(self, second: int) -> Iterator[Arrival]:
        while self._next_tick < second:
            yield self._next_tick, tick(self._next_tick)
            self._next_tick += TICK_EVERY


def tick(second: int) -> Wire:
    """A tick at a local second."""
    return {"type": "tick", "tick_time": time_text(second), "_recv": time_text(second)}
