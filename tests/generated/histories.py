"""Histories made by chance from the cases of a rule: corrected, cancelled, shifted, copied, mixed.

Everything takes a `Random`: hypothesis gives one that it can shrink, the simulation one with a seed.
"""

import importlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any, Final

from monitor.scoring import ForestScorer
from tests.detectors.case import Case
from tests.facts import CERTNO_A, CERTNO_B, Wire, later, reversal, settlement
from topics.registry import REGISTRY_ENTRIES

REGISTRY: Final = frozenset(entry.kind for entry in REGISTRY_ENTRIES)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_OWN: Final = ("setl_id", "mdtrt_id", "psn_no")
_STEPS: Final = (1, -1, 60, 3_600, -3_600, 12 * 3_600, 86_400, -86_400, 7 * 86_400)
_OTHER: Final[dict[str, tuple[Any, ...]]] = {
    "fund_pay_sumamt": ("0.01", "61.00", "1500.00"),
    "certno": (CERTNO_A, CERTNO_B, "7", None),
    "dscg_maindiag_code": ("J18.9", "Z49", None),
    "fixmedins_code": ("H1", "H2", "H3"),
    "med_type": ("11", "21", "41"),
    "bed": ("1", "2", None),
    "prd_days": (1, 30, 90),
    "present": ("in-bed", "absent"),
    "gend": ("1", "2"),
}
"""What a later version may say instead."""


def is_registry(wire: Wire) -> bool:
    """Whether an object is reference data, not a fact."""
    return wire.get("type") in REGISTRY  # a line inside an upload has none


@cache
def _module(rule: str) -> Any:  # noqa: ANN401 - a module of cases
    return importlib.import_module(f"tests.detectors.cases.{rule.replace('-', '_')}")


@cache
def firing(rule: str, most: int = 1 << 30) -> tuple[Case, ...]:
    """The firing cases of a rule that have at most so many objects; all where none is so small."""
    cases = tuple(_module(rule).FIRING)
    return tuple(case for case in cases if len(case.objects) <= most) or cases


@cache
def scorer(rule: str) -> ForestScorer | None:
    """The model that a rule's cases need, if they need one."""
    model = getattr(_module(rule), "MODEL", None)
    return None if model is None else ForestScorer(model())


def renamed(objects: Sequence[Wire], suffix: str) -> list[Wire]:
    """The same happenings to other persons: settlements, visits and persons under other names."""

    def other(wire: Wire) -> Wire:
        if is_registry(wire):
            return dict(wire)
        found = {name: value + suffix if name in _OWN else value for name, value in wire.items()}
        if isinstance(found.get("lines"), list):
            found["lines"] = [other(line) for line in found["lines"]]
        return found

    return [other(wire) for wire in objects]


def shifted(wire: Wire, by: int) -> Wire:
    """A fact with all its times so many seconds later."""
    found: Wire = {name: later(value, by) if name in _times(wire) else value for name, value in wire.items()}
    if isinstance(found.get("lines"), list):
        found["lines"] = [shifted(line, by) for line in found["lines"]]
    return found


def mutated(rule: str, chance: Random, most: int = 1 << 30) -> list[Wire]:
    """A firing case of a rule after a few things went differently."""
    objects = [dict(wire) for wire in chance.choice(firing(rule, most)).objects]
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 5))):
        change = chance.choice(_CHANGES)
        changed = change(objects, rule, chance, most)
        objects = changed or objects
    return objects


# ---------------------------------------------------------------------- what may go differently

_Change = Callable[[list[Wire], str, Random, int], list[Wire]]


def _facts(objects: list[Wire], *kinds: str) -> list[Wire]:
    return [wire for wire in objects if (wire["type"] in kinds if kinds else not is_registry(wire))]


def _times(wire: Wire) -> list[str]:
    return [name for name, value in wire.items() if isinstance(value, str) and _TIME.fullmatch(value)]


def _latest(wire: Wire) -> str:
    return max((str(wire[name]) for name in _times(wire)), default="2026-03-02 09:00:00")


def _shift(objects: list[Wire], rule: str, chance: Random, most: int) -> list[Wire]:  # noqa: ARG001 - as all changes
    """A time is a little different."""
    wire = chance.choice(objects)
    names = _times(wire)
    if names:
        name = chance.choice(names)
        wire[name] = later(wire[name], chance.choice(_STEPS))
    return objects


def _correct(objects: list[Wire], rule: str, chance: Random, most: int) -> list[Wire]:  # noqa: ARG001 - as all changes
    """A later version says something else."""
    facts = _facts(objects)
    if not facts:
        return objects
    wire = dict(chance.choice(facts))
    fields = [name for name in _OTHER if name in wire] or _times(wire)
    name = chance.choice(fields)
    wire[name] = chance.choice(_OTHER[name]) if name in _OTHER else later(wire[name], chance.choice(_STEPS))
    if chance.random() < 0.8:
        wire["upld_time"] = later(_latest(wire), chance.choice((0, 3_600, 86_400)))
    return _put(objects, wire, chance)


def _reverse(objects: list[Wire], rule: str, chance: Random, most: int) -> list[Wire]:  # noqa: ARG001 - as all changes
    """A settlement is reversed; sometimes the reversal was a mistake."""
    facts = _facts(objects, "settlement")
    if not facts:
        return objects
    wire = chance.choice(facts)
    time = later(wire["setl_time"], chance.choice((0, 3_600, 86_400)))
    objects = _put(objects, reversal(wire["setl_id"], psn_no=wire["psn_no"], setl_time=time), chance)
    if chance.random() < 0.4:
        mistake = {"type": "void", "kind": "reversal", "setl_id": wire["setl_id"], "psn_no": wire["psn_no"]}
        objects = _put(objects, mistake | {"void_time": later(time, 60)}, chance)
    return objects


def _void(objects: list[Wire], rule: str, chance: Random, most: int) -> list[Wire]:  # noqa: ARG001 - as all changes
    """A fact did not happen."""
    facts = _facts(objects)
    if not facts:
        return objects
    wire = chance.choice(facts)
    return _put(objects, voided(wire, later(_latest(wire), chance.choice((0, 3_600, -3_600))), chance), chance)


def voided(wire: Wire, time: str, chance: Random) -> Wire:
    """The void of a fact (of one line of an upload)."""
    kept = {name: value for name, value in wire.items() if name not in {"type", "lines", "upld_time"}}
    if wire["type"] == "fee-lines" and wire.get("lines"):
        kept["feedetl_sn"] = chance.choice(wire["lines"])["feedetl_sn"]
    return kept | {"type": "void", "kind": wire["type"], "void_time": time}


def cancelled(wire: Wire, time: str, chance: Random) -> list[Wire]:
    """What cancels a fact at a time: a reversal, with or without the time of its settlement, or a void."""
    if wire["type"] in {"tick", "void"}:
        return []
    if wire["type"] != "settlement" or chance.random() < 0.3:
        return [voided(wire, time, chance)]
    known = {"orig_setl_time": wire["setl_time"]} if chance.random() < 0.5 else {}
    return [reversal(wire["setl_id"], psn_no=wire["psn_no"], setl_time=time, **known)]


def _drop(objects: list[Wire], rule: str, chance: Random, most: int) -> list[Wire]:  # noqa: ARG001 - as all changes
    """An object never comes."""
    gone = chance.randrange(len(objects))
    return objects[:gone] + objects[gone + 1 :]


def _again(objects: list[Wire], rule: str, chance: Random, most: int) -> list[Wire]:  # noqa: ARG001 - as all changes
    """Something like it happens once more, to the same or another person."""
    facts = _facts(objects)
    if not facts:
        return objects
    wire = chance.choice(facts)
    number = chance.randint(1, 99)
    names = [name for name in ("setl_id", "mdtrt_id") if name in wire]
    copy = dict(wire)
    for name in names:
        copy[str(name)] = f"{wire[name]}-{number}"
    if chance.random() < 0.4 and "psn_no" in copy and "setl_id" in copy:
        copy["psn_no"] = f"{copy['psn_no']}-{number}"
    for time in _times(copy):
        copy[time] = later(copy[time], chance.choice((0, *_STEPS)))
    return _put(objects, copy, chance)


def _mix(objects: list[Wire], rule: str, chance: Random, most: int) -> list[Wire]:
    """Another case of the rule happens too, to other persons or, a while later, to the same."""
    other = chance.choice(firing(rule, most)).objects
    if chance.random() < 0.5:
        return objects + renamed(other, "b")
    objects = objects + [wire for wire in other if is_registry(wire)]
    for wire in renamed(other, "c"):
        if not is_registry(wire):
            if "psn_no" in wire:
                wire["psn_no"] = wire["psn_no"].removesuffix("c")
            objects.append(wire)
    return objects


def _put(objects: list[Wire], wire: Wire, chance: Random) -> list[Wire]:
    where = chance.randint(0, len(objects))
    return [*objects[:where], wire, *objects[where:]]


_CHANGES: Final[tuple[_Change, ...]] = (_shift, _shift, _correct, _correct, _reverse, _void, _drop, _again, _mix)


def new_and_reversed(objects: Sequence[Wire], chance: Random) -> list[Wire]:
    """A settlement that nothing else names, of a person of the history where there is one, and its reversal."""
    persons = sorted({wire["psn_no"] for wire in objects if "psn_no" in wire and not is_registry(wire)}) or ["P1"]
    times = sorted({wire[name] for wire in objects if not is_registry(wire) for name in _times(wire)})
    time = later(chance.choice(times), chance.choice(_STEPS)) if times else "2026-03-02 09:00:00"
    person = chance.choice(persons)
    new = settlement(
        "NEW",
        psn_no=person,
        setl_time=time,
        med_type=chance.choice(("11", "21", "41")),
        fixmedins_code=chance.choice(("H1", "H2")),
        certno=chance.choice((None, CERTNO_A, CERTNO_B)),
        fund_pay_sumamt="999999.00",
        medfee_sumamt="999999.00",
    )
    return [new, reversal("NEW", psn_no=person, setl_time=later(time, chance.choice((0, 60, 86_400))))]
