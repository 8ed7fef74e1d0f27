"""NDJSON objects on a line of time: their record times, and the ticks that a file without ticks is given.

`play` and `backtest` share this, so that both see the same record times and the same ticks.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from topics.decoding import Decoder, family_of, received_at
from topics.facts import Tick
from topics.reasons import Quarantined
from topics.registry import Entry
from topics.times import DAY, MINUTE, format_time, to_record_time

TICK_EVERY: Final = 10 * MINUTE
LAST_TICK_AFTER: Final = 3 * DAY
ALONE_AFTER: Final = 30 * DAY
"""A fact this far from the one before it, with none after it, gives no ticks: it is a slip, not the end of time."""


class Placed(NamedTuple):
    """One object with its place in time.

    Attributes:
        line: line number in the file from 1; 0 for a tick that was added.
        family: `person`, `institution`, `registry`, or `tick`, which goes to every partition of both fact topics.
        key: the record key that the contract asks for; None for ticks.
        value: the object as it stands in the file, or the tick.
        time_ms: record time.
        received: whether the line carried `_recv`, so that the checks against record time apply.
    """

    line: int
    family: str
    key: str | None
    value: bytes
    time_ms: int
    received: bool


class BadLine(NamedTuple):
    """A line that holds no object of the contract."""

    line: int
    why: Quarantined


def place(lines: Iterable[bytes], max_bytes: int | None = None) -> Iterator[Placed | BadLine]:
    """Give each line its record time: `_recv`, else the greatest event time so far; add ticks where there are none."""
    decode = Decoder("any") if max_bytes is None else Decoder("any", max_bytes)
    greatest = 0
    ticks = _Ticks()
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line:
            continue
        try:
            facts = decode(line)
            received = received_at(line)
        except Quarantined as why:
            yield BadLine(number, why)
            continue
        first = facts[0]
        if isinstance(first, Entry):
            yield Placed(
                number, "registry", first.key, line, to_record_time(received or greatest), received is not None
            )
            continue
        greatest = max(greatest, first.at)
        now = greatest if received is None else received
        if isinstance(first, Tick):
            ticks.own = True
            yield Placed(number, "tick", None, line, to_record_time(now), received is not None)
            continue
        for tick in ticks.before(now):
            yield _tick(tick)
        family = family_of(first)
        yield Placed(number, family, _key(first, family), line, to_record_time(now), received is not None)
    for tick in ticks.last():
        yield _tick(tick)


def _key(fact: Any, family: str) -> str:  # noqa: ANN401 - any fact
    return str(fact.institution if family == "institution" else fact.person)


def _tick(time: int) -> Placed:
    value = msgspec.json.encode({"type": "tick", "tick_time": format_time(time)})
    return Placed(0, "tick", None, value, to_record_time(time), received=True)


class _Ticks:
    """The ticks of a file that has none: one each ten minutes of record time, one three days after its last fact."""

    def __init__(self) -> None:
        self.own = False
        self._given = 0
        self._latest = 0
        self._confirmed = 0

    def before(self, now: int) -> Iterator[int]:
        """Ticks due before a fact with this record time."""
        if self.own or now <= self._latest:
            return
        far = self._latest and now - self._latest > ALONE_AFTER
        self._latest = now
        if far:
            return  # perhaps a slip: no tick goes there until another fact confirms it
        self._confirmed = now
        tick = now // TICK_EVERY * TICK_EVERY
        if tick > self._given:
            self._given = tick
            yield tick

    def last(self) -> Iterator[int]:
        """The tick at the end of the file."""
        if not self.own and self._confirmed:
            yield self._confirmed + LAST_TICK_AFTER
