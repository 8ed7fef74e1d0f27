"""What is known of a person for certain: the enrolled value, else the one most of the person's facts give."""

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

import msgspec

from topics.facts import Admission, Enrolment, Settlement
from topics.identity import FAULT

ATTRIBUTES: Final = ("certno", "gender", "birth_day")
GENDERS: Final = ("1", "2")
"""Known genders; any other code is unknown and never compared."""
_KNOWN: Final = frozenset(GENDERS)


class Tally(msgspec.Struct, array_like=True):
    """How often a value was given by facts that were forgotten since, and the earliest of them (time, identity)."""

    count: int
    first: tuple[int, str]


class References(NamedTuple):
    """The person's reference values; None where nothing is known."""

    certno: str | None
    gender: str | None
    birth_day: int | None


def given(fact: Settlement | Admission | Enrolment, attribute: str) -> Any:  # noqa: ANN401 - text or day
    """The value that a fact gives and that may be compared; None for an absent, unknown or faulty one."""
    value = getattr(fact, attribute)
    if attribute == "certno":
        return value or None
    if attribute == "gender":
        return value if value in GENDERS else None
    return value


def tally(facts: Iterable[Settlement | Admission], attribute: str, before: dict[Any, Tally]) -> dict[Any, Tally]:
    """Count the values that facts give, on top of what was counted before."""
    counts = {value: Tally(held.count, held.first) for value, held in before.items()}
    for fact in facts:
        value = given(fact, attribute)
        if value is None:
            continue
        at = (fact.at, fact.ref)
        held = counts.get(value)
        if held is None:
            counts[value] = Tally(1, at)
        else:
            held.count += 1
            held.first = min(held.first, at)
    return counts


def most_frequent(counts: dict[Any, Tally]) -> Any:  # noqa: ANN401 - text or day
    """The value given most often, ties to the earliest fact; None without any."""
    if not counts:
        return None
    return min(counts.items(), key=lambda pair: (-pair[1].count, pair[1].first))[0]


def settled(facts: Collection[Settlement | Admission]) -> References | None:
    """The values that facts give, where no two of them give different ones; None where counts must decide."""
    certnos = {fact.certno for fact in facts} - {None, FAULT}
    if len(certnos) > 1:
        return None
    genders = {fact.gender for fact in facts} & _KNOWN
    days = {fact.birth_day for fact in facts}
    days.discard(None)
    if len(genders) > 1 or len(days) > 1:
        return None
    return References(next(iter(certnos), None), next(iter(genders), None), next(iter(days), None))
