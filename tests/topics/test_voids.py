"""Voids: what they name, in whose topic they belong."""

from typing import Any

import pytest

from tests.topics.contract import TYPES, VOIDS, T
from tests.topics.decode import fact, refused
from topics.decoding import Decoder, family_of

KEY = {"person": "psn_no", "institution": "fixmedins_code"}


def void(kind: str) -> dict[str, Any]:
    family, names, _ = VOIDS[kind]
    key = {"psn_no": "P1"} if family == "person" else {"fixmedins_code": "H1"}
    return {"type": "void", "kind": kind, "void_time": T} | key | names


@pytest.mark.parametrize("kind", VOIDS)
def test_a_void_names_the_identity_of_its_fact(kind: str) -> None:
    """The identity is made of the fields of the fact's own identity, and equals the fact's `ref`."""
    family, _, target = VOIDS[kind]
    found = fact(void(kind))
    assert (found.target, family_of(found), found.ref) == (target, family, "void:" + target)
    voided = fact({"type": kind} | TYPES[kind].required | ({"kind": "other"} if kind == "complaint" else {}))
    assert voided.ref == target


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in VOIDS for field in VOIDS[kind][1]])
@pytest.mark.parametrize("value", [None, ""])
def test_a_void_without_identity_is_refused(kind: str, field: str, value: str | None) -> None:
    """The field that is missing is named."""
    reason, detail = refused(void(kind) | {field: value})
    assert (reason, field in detail) == ("missing-field", True)


@pytest.mark.parametrize("kind", VOIDS)
def test_a_void_needs_the_key_of_its_topic_and_its_time(kind: str) -> None:
    """psn_no for facts about persons, fixmedins_code for those about institutions; void_time always."""
    for field in (KEY[VOIDS[kind][0]], "void_time"):
        reason, detail = refused({key: value for key, value in void(kind).items() if key != field})
        assert (reason, field in detail) == ("missing-field", True)


@pytest.mark.parametrize("kind", VOIDS)
def test_a_void_belongs_into_the_topic_of_its_fact(kind: str) -> None:
    """The void of an institution's fact in the persons' topic, or the reverse, is refused: nobody could apply it."""
    here = VOIDS[kind][0]
    there = "institution" if here == "person" else "person"
    both = void(kind) | {"psn_no": "P1", "fixmedins_code": "H1"}
    assert fact(both, Decoder(here))
    assert refused(both, Decoder(there))[0] == "wrong-topic"
    assert refused(both, Decoder("registry"))[0] == "wrong-topic"


@pytest.mark.parametrize("kind", [None, "", "tick", "void", "fee-line", "quota", "Settlement"])
def test_only_facts_can_be_voided(kind: str | None) -> None:
    """A void of no known kind is refused."""
    reason, _ = refused(void("settlement") | {"kind": kind})
    assert reason == ("bad-code" if kind else "missing-field")


@pytest.mark.parametrize(
    ("kind", "field"),
    [("transfer", "begntime"), ("leave", "leave_begntime"), ("card-loss", "lost_from"), ("item-change", "change_time")],
)
def test_times_in_identities_have_one_form(kind: str, field: str) -> None:
    """Another notation of the same second names the same fact; what is no time is refused."""
    assert fact(void(kind) | {field: "2026-03-02T01:00:00Z"}).target == VOIDS[kind][2]
    assert refused(void(kind) | {field: "then"})[0] == "bad-time"
