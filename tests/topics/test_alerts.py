"""Alerts: their ids, their bytes, their CloudEvents headers."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.alerts import About, Alert, Evidence, Texts, Window, alert_id, decode, encode, headers
from topics.client import content_of

ALERT = Alert(
    jr_id=alert_id("repeat-visits", "settlement", "S001", "7d"),
    status="raised",
    rule_id="repeat-visits",
    about=About("settlement", "S001"),
    discriminator="7d",
    psn_no="P1",
    fixmedins_code="H1",
    rule_ver=1,
    terms_id="default-1:3f2a",
    sev_deg="3",
    tier="T2",
    window=Window("2026-03-01 09:00:00", "2026-03-02 09:00:00"),
    evidence=Evidence(("settlement:S001", "settlement:S002"), 2, 8, 8),
    vola_amt="123.45",
    vola_cont=Texts("频繁", "often"),
    basis=("M §58(2)",),
)


def test_jr_id_never_changes() -> None:
    """The id of a finding is stable over versions of the software: consumers keep it."""
    assert alert_id("repeat-visits", "settlement", "S001", "7d") == "312762e7629a940b8ec8dc8684b9cc65"
    assert alert_id("id-mismatch", "stay", "V1", None) == "a09151988d02a9d94e6bd802238fce42"


@given(
    st.tuples(*[st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]), max_size=4)] * 4),
    st.data(),
)
def test_jr_id_tells_findings_apart(parts: tuple[str, ...], data: st.DataObject) -> None:
    """32 hexadecimal digits; any part that differs, or moves to its neighbour, gives another id."""
    one = alert_id(*parts)
    assert len(one) == 32
    assert int(one, 16) >= 0
    place = data.draw(st.integers(0, 3))
    other = (*parts[:place], parts[place] + "x", *parts[place + 1 :])
    assert alert_id(*other) != one


def test_no_discriminator_is_none() -> None:
    """An absent discriminator and an empty one are the same identity."""
    assert alert_id("a", "b", "c", None) == alert_id("a", "b", "c", "")


def test_the_value_is_the_object_of_the_contract() -> None:
    """Names, order of nesting and types of the contract; what is not known is left out."""
    assert msgspec.json.decode(encode(ALERT)) == {
        "jr_id": ALERT.jr_id,
        "status": "raised",
        "rule_id": "repeat-visits",
        "rule_ver": 1,
        "terms_id": "default-1:3f2a",
        "sev_deg": "3",
        "tier": "T2",
        "about": {"kind": "settlement", "id": "S001"},
        "discriminator": "7d",
        "psn_no": "P1",
        "fixmedins_code": "H1",
        "window": {"from": "2026-03-01 09:00:00", "to": "2026-03-02 09:00:00"},
        "evidence": {"facts": ["settlement:S001", "settlement:S002"], "facts_total": 2, "observed": 8, "limit": 8},
        "vola_amt": "123.45",
        "vola_cont": {"zh": "频繁", "en": "often"},
        "basis": ["M §58(2)"],
    }
    assert decode(encode(ALERT)) == ALERT
    assert b"psn_no" not in encode(msgspec.structs.replace(ALERT, psn_no=None))
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"jr_id":"x"}')


def made(**changes: object) -> dict[str, str]:
    given: dict[str, Any] = {
        "action": "raised",
        "alert": ALERT,
        "value": encode(ALERT),
        "source": "/claims-monitor/test",
        "time": "2026-03-02T01:00:00Z",
        "revision": 1,
        "cause": "settlement:S002",
        "record": ("claims.facts.v1", 3, 17),
    }
    pairs = headers(**(given | changes))
    assert len(dict(pairs)) == len(pairs)
    return {name: text.decode("ascii") for name, text in pairs}


def test_headers_are_cloudevents() -> None:
    """Binary mode of CloudEvents 1.0, and what depends on arrival besides."""
    found = made()
    trace = found.pop("traceparent")
    event_id = found.pop("ce_id")
    assert found == {
        "ce_specversion": "1.0",
        "ce_type": "claims-monitor.alert.raised.v1",
        "ce_source": "/claims-monitor/test",
        "ce_subject": "settlement/S001",
        "ce_time": "2026-03-02T01:00:00Z",
        "content-type": "application/json",
        "revision": "1",
        "cause": "settlement:S002",
        "source_topic": "claims.facts.v1",
        "source_partition": "3",
        "source_offset": "17",
    }
    assert event_id.startswith(ALERT.jr_id + ".")
    version, trace_id, parent, flags = trace.split("-")
    assert (version, len(trace_id), len(parent), flags) == ("00", 32, 16, "01")
    assert int(trace_id, 16) > 0 < int(parent, 16)
    assert made(action="withdrawn")["ce_type"] == "claims-monitor.alert.withdrawn.v1"


def test_equal_ids_are_one_change() -> None:
    """The same change sent again has the same id, whatever is said of its time; another change has another."""
    first = made()["ce_id"]
    assert made(time="2026-03-03T01:00:00Z", cause="settlement:S009")["ce_id"] == first
    revised = msgspec.structs.replace(ALERT, vola_amt="123.46")
    others: list[dict[str, object]] = [
        {"alert": revised, "value": encode(revised)},
        {"revision": 2},
        {"action": "revised"},
        {"record": ("claims.facts.v1", 3, 18)},
        {"record": ("claims.facts.v1", 4, 17)},
    ]
    ids = [first, *(made(**other)["ce_id"] for other in others)]
    assert len(set(ids)) == len(ids)
    assert made(record=("claims.facts.v1", 3, 18))["traceparent"] != made()["traceparent"]


def test_content_that_comes_back_has_another_id_and_the_same_first_parts() -> None:
    """A, B, A: a consumer that drops the ids it has seen ends on A; equal content is known by the first two parts."""
    other = msgspec.structs.replace(ALERT, vola_amt="123.46")
    changes = [
        made(record=("t", 0, 1)),
        made(action="revised", alert=other, value=encode(other), revision=2, record=("t", 0, 2)),
        made(action="revised", revision=3, record=("t", 0, 3)),
    ]
    seen: dict[str, int] = {}
    for number, change in enumerate(changes):
        seen.setdefault(change["ce_id"], number)
    assert list(seen.values()) == [0, 1, 2]
    contents = [content_of(change["ce_id"]) for change in changes]
    assert contents[0] == contents[2] != contents[1]
