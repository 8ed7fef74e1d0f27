"""Orders of arrival: an assignment of non-decreasing record times under which every fact is still admitted."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from monitor.terms_files import load_terms
from tests.facts import Wire, tick
from tests.generated.histories import is_registry
from topics.admission import LATENESS, MAY_LIE_AHEAD
from topics.decoding import Decoder
from topics.facts import Tick
from topics.reasons import Quarantined
from topics.times import DAY, HOUR, format_time

_GENERAL: Final = load_terms(None).general
_decode: Final = Decoder("any")
_UNLIMITED: Final = 20 * DAY


class Window(NamedTuple):
    """When an object happened, and the first and last record time at which it is admitted (local seconds)."""

    at: int
    first: int
    last: int


@lru_cache(maxsize=4_096)
def _window(raw: bytes) -> Window | None:
    try:
        facts: list[Any] = _decode(raw)
    except Quarantined:
        return None
    first, last = -(1 << 62), 1 << 62
    for fact in facts:
        if not isinstance(fact, tuple(MAY_LIE_AHEAD)):
            first = max(first, fact.at - _GENERAL.tolerance)
        time = getattr(fact, LATENESS.get(type(fact), ""), None)
        # without a limit of its own, what it cancels must not have been forgotten
        own = HOUR if isinstance(fact, Tick) else _UNLIMITED
        bound = own if time is None else _GENERAL.lateness
        last = min(last, (fact.at if time is None else time) + bound)
    at = max(fact.at for fact in facts)
    first = max(first, min(at, last) - 30 * DAY)
    return Window(at, first, last) if first <= last else None


def window(wire: Wire) -> Window | None:
    """The window of a fact; None: no record time lets it be admitted."""
    return _window(msgspec.json.encode(wire))


def complete(objects: Sequence[Wire]) -> list[Wire]:
    """The objects that can be admitted at all, with ticks around them where they bring none of their own.

    Of two registry entries under one key the last stands, so one alone may come in any order.
    """
    entries = {_decode(msgspec.json.encode(wire))[0].key: wire for wire in objects if is_registry(wire)}
    known = [*entries.values(), *(wire for wire in objects if not is_registry(wire) and window(wire) is not None)]
    windows = [found for wire in known if not is_registry(wire) and (found := window(wire)) is not None]
    if not windows:
        return []
    ticks = []
    if not any(wire["type"] == "tick" for wire in known):
        ticks = [
            tick(format_time(min(found.at for found in windows) - DAY)),
            tick(format_time(max(found.at for found in windows) + 3 * DAY)),
        ]
    return known + ticks


def arranged(objects: Sequence[Wire], chance: Random | None = None, slack: int = 1 << 40) -> list[Wire]:
    """The objects in an order of arrival, each with its record time as `_recv`.

    Args:
        objects: from `complete`.
        chance: picks a record time for each; without, each comes when it happened.
        slack: seconds after its first possible moment within which each comes.
    """
    windows = [window(wire) for wire in objects if not is_registry(wire)]
    begin = min(found.first for found in windows if found is not None)
    end = max(found.at for found in windows if found is not None)
    placed = []
    for number, wire in enumerate(objects):
        if is_registry(wire):
            time = begin if chance is None else chance.randint(begin, end)
        else:
            found = window(wire)
            assert found is not None
            if chance is None:
                time = min(max(found.at, found.first), found.last)
            else:
                time = chance.randint(found.first, min(found.last, found.first + slack))
        placed.append((time, number if chance is None else chance.random(), wire))
    placed.sort(key=lambda each: each[:2])
    return [wire | {"_recv": format_time(time)} for time, _, wire in placed]
