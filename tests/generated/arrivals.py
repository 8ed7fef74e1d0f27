"""Orders of arrival: an assignment of non-decreasing record times under which every fact is still admitted."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from detectors.history import KEPT_FOR_EVER, filed_at
from detectors.standing import CANCELLING, affected
from monitor.terms_files import load_terms
from tests.facts import Wire, tick
from tests.generated.histories import is_registry
from topics.admission import LATENESS, MAY_LIE_AHEAD, Bounds, admitted_until
from topics.decoding import Decoder
from topics.facts import Enrolment, PersonFact, Tick
from topics.reasons import Quarantined
from topics.times import DAY, HOUR, format_time, parse_time

_GENERAL: Final = load_terms(None).general
_decode: Final = Decoder("any")
_BOUNDS: Final = Bounds(_GENERAL.tolerance, _GENERAL.lateness, _GENERAL.horizon)
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
        until = admitted_until(fact, _BOUNDS)
        if until is None:
            until = fact.at + (HOUR if isinstance(fact, Tick) else _UNLIMITED)
        last = min(last, until)
    at = max(fact.at for fact in facts)
    first = max(first, min(at, last) - 30 * DAY)
    return Window(at, first, last) if first <= last else None


def window(wire: Wire) -> Window | None:
    """The window of a fact alone; None: no record time lets it be admitted."""
    return _window(msgspec.json.encode(wire))


def windows(objects: Sequence[Wire]) -> list[Window | None]:
    """The window of each fact beside the others; None: it cannot be admitted, or is reference data.

    What cancels a fact, and an enrolment without upload time, must come within the horizon of the facts it changes.
    """
    facts = [[] if is_registry(wire) or window(wire) is None else _facts(wire) for wire in objects]
    told: dict[str, int] = {}
    first_care: dict[str, int] = {}
    for fact in (fact for each in facts for fact in each):
        time = getattr(fact, LATENESS.get(type(fact), ""), None)
        time = fact.at if time is None else max(fact.at, time)
        told[fact.ref] = min(time, told.get(fact.ref, time))
        if isinstance(fact, PersonFact) and not isinstance(fact, KEPT_FOR_EVER):
            person = fact.person  # type: ignore[attr-defined]  # every person fact declares it
            first_care[person] = min(filed_at(fact), first_care.get(person, filed_at(fact)))
    return [
        _beside(window(wire), each[0], told, first_care) if each else None
        for wire, each in zip(objects, facts, strict=True)
    ]


def _facts(wire: Wire) -> list[Any]:
    return list(_decode(msgspec.json.encode(wire)))


def _beside(found: Window | None, fact: Any, told: dict[str, int], first_care: dict[str, int]) -> Window | None:  # noqa: ANN401
    if found is None:
        return None
    at, first, last = found
    if isinstance(fact, Enrolment):
        care = first_care.get(fact.person, fact.at)
        if fact.uploaded_at is None:
            first, last = care - 30 * DAY, care + _GENERAL.horizon
        else:
            first, last = fact.uploaded_at - DAY, fact.uploaded_at + _GENERAL.lateness
    elif type(fact) in CANCELLING:
        cancelled = told.get(affected(fact)[-1])
        if cancelled is not None and not affected(fact)[-1].startswith("enrolment:"):
            last = min(last, cancelled + _GENERAL.horizon)
    return Window(at, first, last) if first <= last else None


def complete(objects: Sequence[Wire]) -> list[Wire]:
    """The objects that can be admitted at all, with ticks around them where they bring none of their own.

    Of two registry entries under one key the last stands, so one alone may come in any order.
    """
    entries = {_decode(msgspec.json.encode(wire))[0].key: wire for wire in objects if is_registry(wire)}
    known = [
        *entries.values(),
        *(wire for wire, found in zip(objects, windows(objects), strict=True) if found is not None),
    ]
    possible = [found for found in windows(known) if found is not None]
    if not possible:
        return []
    ticks = []
    if not any(wire["type"] == "tick" for wire in known):
        ticks = [
            tick(format_time(min(found.at for found in possible) - DAY)),
            tick(format_time(max(found.at for found in possible) + 3 * DAY)),
        ]
    return known + ticks


def arranged(
    objects: Sequence[Wire], chance: Random | None = None, slack: int = 1 << 40, latest: float = 0.1
) -> list[Wire]:
    """The objects in an order of arrival, each with its record time as `_recv`.

    Args:
        objects: from `complete`.
        chance: picks a record time for each; without, each comes when it happened.
        slack: seconds after its first possible moment within which each comes.
        latest: the share of objects that come at the last possible moment.
    """
    possible = windows(objects)
    begin = min(found.first for found in possible if found is not None)
    end = max(found.at for found in possible if found is not None)
    # of an entry that comes later than this, some of the facts that it covers may be forgotten
    known = min(found.at for found in possible if found is not None) + _GENERAL.horizon
    placed = []
    for number, (wire, found) in enumerate(zip(objects, possible, strict=True)):
        if is_registry(wire):
            until = min(end, max(known, parse_time(str(wire["valid_from"])) + _GENERAL.horizon))
            time = begin if chance is None else chance.randint(begin, max(begin, until))
        else:
            assert found is not None
            if chance is None:
                time = min(max(found.at, found.first), found.last)
            else:
                last = min(found.last, found.first + slack)
                time = last if chance.random() < latest else chance.randint(found.first, last)
        placed.append((time, number if chance is None else chance.random(), wire))
    placed.sort(key=lambda each: each[:2])
    return [wire | {"_recv": format_time(time)} for time, _, wire in placed]
