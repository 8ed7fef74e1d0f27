"""Histories as JSON, straight from the state: facts in the wire's names, standing findings."""

from typing import Any

import msgspec

from monitor.records import Reader
from monitor.state import (
    Held,
    key_chunk_key,
    key_of,
    person_chunk_key,
    person_of,
    read_key_chunk,
    read_key_head,
    read_person_chunk,
    read_person_head,
)
from topics.facts import Fact, Void
from topics.money import yuan
from topics.times import format_day, format_time
from topics.wire import canonical_json


def person_history(head: bytes, store: Reader) -> dict[str, Any] | None:
    """All facts of a person and the findings that stand; None for an unknown person."""
    value = store.get(head)
    if value is None:
        return None
    person = person_of(head)
    known = read_person_head(value)
    facts: list[Fact] = [*known.kept, *known.facts]
    findings: list[Held] = list(known.findings)
    for number in known.chunks:
        chunk = read_person_chunk(store.get(person_chunk_key(person, number)) or b"")
        facts += chunk.facts
        findings += chunk.findings
    return {
        "facts": [_fact(fact) for fact in sorted(facts, key=lambda fact: (fact.at, fact.ref))],
        "findings": [_finding(held) for held in findings],
        "kept_from": None if known.floor is None else format_time(known.floor),
    }


def key_history(head: bytes, store: Reader) -> dict[str, Any] | None:
    """Sums by day, facts and standing findings of another key; None for an unknown one."""
    value = store.get(head)
    if value is None:
        return None
    kind, key = key_of(head)
    known = read_key_head(value)
    days: dict[str, dict[str, int]] = {}
    facts: list[Fact] = []
    findings: list[Held] = []
    for number in known.chunks:
        chunk = read_key_chunk(store.get(key_chunk_key(kind, key, number)) or b"")
        days |= {format_day(day): pane for day, pane in chunk.panes}
        facts += chunk.facts
        findings += chunk.findings
    return {
        "days": days,
        "facts": [_fact(fact) for fact in sorted(facts, key=lambda fact: (fact.at, fact.ref))],
        "findings": [_finding(held) for held in findings],
        "kept_from": None if known.floor is None else format_time(known.floor),
    }


def _fact(fact: Fact) -> dict[str, Any]:
    shown: dict[str, Any] = {"ref": fact.ref, "type": fact.kind}
    if isinstance(fact, Void):
        shown["target"] = fact.target
    return shown | msgspec.json.decode(canonical_json(fact))  # type: ignore[no-any-return]  # an object


def _finding(held: Held) -> dict[str, Any]:
    return {
        "rule_id": held.rule,
        "about": {"kind": held.about_kind, "id": held.about_id},
        "discriminator": held.discriminator,
        "window": {"from": format_time(held.begin), "to": format_time(held.end)},
        "vola_amt": yuan(held.amount),
        "revision": held.revision,
    }
