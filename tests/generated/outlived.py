"""Histories that go on for longer than facts are kept, with what still changes old facts as late as it may."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import msgspec

from monitor.terms_files import load_terms
from tests.facts import CERTNO_A, CERTNO_B, Wire, enrolment, later, settlement, tick
from tests.generated.arrivals import window
from tests.generated.histories import cancelled, is_registry, renamed, shifted
from topics.decoding import Decoder
from topics.times import DAY, HOUR, format_time

_GENERAL: Final = load_terms(None).general
CORRECTIONS: Final[int] = _GENERAL.corrections
HORIZON: Final[int] = _GENERAL.horizon
KEPT: Final[int] = HORIZON + CORRECTIONS
CHUNK: Final = 8 * DAY
_BOUNDS: Final = (
    *(bound + by for bound in (CORRECTIONS, HORIZON) for by in (-DAY, -HOUR, -1, 0, 1, HOUR, DAY)),
    *(KEPT + by for by in (-31 * DAY, -CHUNK, 0, CHUNK, 2 * CHUNK, 31 * DAY, 60 * DAY)),
)
"""Seconds after a fact at which what may still touch it changes, on both sides."""
_decode: Final = Decoder("any")
_CHANGES: Final[dict[str, tuple[Any, ...]]] = {
    "pric_uplmt_amt": ("0.01", "9.00"),
    "series": (True, False),
    "lng": (100.0, 121.5),
    "quota_amt": ("1.00", "99999.00"),
    "class_codg": ("C1", None),
}
"""What an entry of the registry may say from some day on."""


def far_back(wire: Wire) -> bool:
    """Whether a fact speaks of times further back than is promised to be kept (a stay of many months, say)."""
    if is_registry(wire) or wire["type"] in {"enrolment", "tick"} or window(wire) is None:
        return False
    facts: list[Any] = _decode(msgspec.json.encode(wire))
    times = [time for fact in facts for time in (fact.at, getattr(fact, "begin", None)) if time is not None]
    return bool(max(times) - min(times) > CORRECTIONS)


def outlived(objects: Sequence[Wire], chance: Random) -> list[Wire]:
    """The objects, and for their persons: care long before and after, late cancels, enrolments that change."""
    happened = [(wire, found.at) for wire in objects if not is_registry(wire) and (found := window(wire)) is not None]
    facts = [wire for wire, _ in happened]
    if not facts:
        return list(objects)
    persons = sorted({wire["psn_no"] for wire in facts if "psn_no" in wire}) or ["P1"]
    first, last = min(at for _, at in happened), max(at for _, at in happened)
    made = list(objects)
    for number in range(chance.choice((0, 0, 1, 1, 2))):
        made += _before(facts, f"-old{number}", chance)
    for number in range(chance.randint(1, 6)):
        made.append(_care(f"LATER{number}", chance.choice(persons), _after(chance, first, last), chance))
    for person in persons:
        if chance.random() < 0.7:
            time = last + KEPT + chance.choice((CHUNK, 2 * CHUNK, 60 * DAY))
            made.append(_care(f"LAST-{person}", person, time, chance))
    for _ in range(chance.choice((0, 1, 1, 2))):
        wire, at = chance.choice(happened)
        made += cancelled(wire, format_time(at + chance.choice(_BOUNDS)), chance)
    for _ in range(chance.choice((0, 0, 1, 2))):
        known = format_time(_after(chance, first, last))
        certno = chance.choice((CERTNO_A, CERTNO_B, None))
        made.append(enrolment(chance.choice(persons), certno=certno, gend=chance.choice(("1", "2")), upld_time=known))
    for entry in filter(is_registry, objects):
        if chance.random() < 0.4:
            changed = {name: chance.choice(values) for name, values in _CHANGES.items() if name in entry}
            made.append(entry | changed | {"valid_from": format_time(_after(chance, first, last))})
    if not any(wire["type"] == "tick" for wire in made):
        times = [first - DAY, last + 3 * DAY, last + KEPT + 100 * DAY]
        times += [_after(chance, first, last) for _ in range(chance.randint(0, 3))]
        made += [tick(format_time(time)) for time in times]
    return made


def _before(facts: Sequence[Wire], suffix: str, chance: Random) -> list[Wire]:
    """Much the same happened to the same persons long before: some of it is forgotten when the facts come."""
    by = -chance.choice((10, 20, 40, 60, 90, 115, 150, 270, 300, 400, 430, 500, 640)) * DAY
    found = []
    for wire in renamed([wire for wire in facts if chance.random() < 0.8], suffix):
        if wire["type"] == "tick":
            continue
        old = {name: value.removesuffix(suffix) if name == "psn_no" else value for name, value in wire.items()}
        if "chk_id" in old:
            old["chk_id"] += suffix
        found.append(shifted(old, by))
    return found


def _after(chance: Random, first: int, last: int) -> int:
    return chance.choice((first, last)) + chance.choice(_BOUNDS)


def _care(number: str, person: str, time: int, chance: Random) -> Wire:
    """Care that other rules take little notice of, but for whose it is."""
    at = format_time(time)
    return settlement(
        number,
        psn_no=person,
        setl_time=at,
        begntime=later(at, chance.choice((0, -HOUR, -20 * DAY))),
        med_type=chance.choice(("41", "11", "21")),
        fixmedins_code=chance.choice(("H1", "H2")),
        certno=chance.choice((CERTNO_A, CERTNO_B, None)),
        gend=chance.choice(("1", "2", None)),
    )
