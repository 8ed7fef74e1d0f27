"""The check of compatibility finds each breach, and lets pass what is only added."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.contract_files import broken_promises
from topics.catalogue import ALERTS, CLAIMS
from topics.compatibility import breaches
from topics.schemas import schema_of

Change = Callable[[dict[str, Any]], None]


def changed(topic: str, name: str, change: Change) -> list[str]:
    """The breaches when the definition `name` of a topic is changed."""
    released = schema_of(topic)
    now = copy.deepcopy(released)
    change(now["$defs"][name])
    return breaches(released, now, read=topic == CLAIMS)


def prop(field: str, **new: object) -> Change:
    return lambda schema: schema["properties"][field].update(new)


def drop(field: str) -> Change:
    return lambda schema: schema["properties"].pop(field)


def rename(field: str, to: str) -> Change:
    return lambda schema: schema["properties"].update({to: schema["properties"].pop(field)})


def need(field: str) -> Change:
    return lambda schema: schema["required"].append(field)


def spare(field: str) -> Change:
    return lambda schema: schema["required"].remove(field)


def add(field: str, **schema: object) -> Change:
    return lambda whole: whole["properties"].update({field: schema})


def of_line(change: Change) -> Change:
    return lambda schema: change(schema["properties"]["lines"]["items"])


FACT_BREACHES: dict[str, Change] = {
    "removed": drop("brdy"),
    "renamed": rename("brdy", "birthday"),
    "retyped": prop("final", type=["boolean", "null"]),
    "a type less": prop("medfee_sumamt", type="number"),
    "null no more": prop("brdy", type="string"),
    "made required": need("certno"),
    "added as required": lambda schema: (add("reason", type="string")(schema), need("reason")(schema))[0],
    "a code less": prop("pay_way", enum=["service", "case", None]),
    "codes where all was free": prop("med_type", enum=["11", "21"]),
    "another notation": prop("setl_time", pattern="^[0-9]+$"),
    "a lower bound": prop("fund_pay_sumamt", minimum=1),
    "shorter": prop("setl_id", maxLength=60),
    "longer at least": prop("setl_id", minLength=2),
    "removed in a line": of_line(drop("rxno")),
    "made required in a line": of_line(need("rxno")),
    "retyped in a line": of_line(prop("cnt", type="integer")),
}
FACT_ADDITIONS: dict[str, Change] = {
    "an optional field": add("reason", type=["string", "null"]),
    "an optional field of a line": of_line(add("reason", type=["string", "null"])),
    "a code more": prop("pay_way", enum=["service", "case", "unit-quota", "bed-day", "capitation", None]),
    "longer": prop("setl_id", maxLength=200),
    "required no more": spare("med_type"),
    "other words": prop("setl_id", description="another text"),
}
ALERT_BREACHES: dict[str, Change] = {
    "removed": drop("tier"),
    "renamed": rename("vola_amt", "amount"),
    "retyped": prop("vola_amt", type="number"),
    "a type more": prop("rule_id", type=["string", "null"]),
    "made optional": spare("evidence"),
    "a code more": prop("sev_deg", enum=["1", "2", "3", "4"]),
    "free where codes were": lambda schema: schema["properties"]["sev_deg"].pop("enum"),
    "another notation": lambda schema: schema["properties"]["vola_amt"].pop("pattern"),
    "removed within": lambda schema: schema["properties"]["evidence"]["properties"].pop("facts_total"),
    "retyped within": lambda schema: schema["properties"]["basis"]["items"].update(type="integer"),
}
ALERT_ADDITIONS: dict[str, Change] = {
    "a field": add("episode", type="string"),
    "a field that is always there": lambda schema: (add("episode", type="string")(schema), need("episode")(schema))[0],
    "a field within": lambda schema: schema["properties"]["evidence"]["properties"].update(share={"type": "string"}),
}


@pytest.mark.parametrize("name", FACT_BREACHES)
def test_breaches_of_facts_are_found(name: str) -> None:
    """What a producer sends today would be refused tomorrow: one breach, which names the field."""
    found = changed(CLAIMS, "settlement", FACT_BREACHES[name])
    assert len(found) == 1, found
    assert found[0].startswith("settlement.")


@pytest.mark.parametrize("name", ALERT_BREACHES)
def test_breaches_of_alerts_are_found(name: str) -> None:
    """What a consumer relies on today would be gone tomorrow."""
    found = changed(ALERTS, "raised", ALERT_BREACHES[name])
    assert found
    assert all(one.startswith("raised.") for one in found)


@pytest.mark.parametrize("name", FACT_ADDITIONS)
def test_facts_may_grow(name: str) -> None:
    """New optional fields and more codes are no breach."""
    assert changed(CLAIMS, "settlement", FACT_ADDITIONS[name]) == []


@pytest.mark.parametrize("name", ALERT_ADDITIONS)
def test_alerts_may_grow(name: str) -> None:
    """New fields are no breach."""
    assert changed(ALERTS, "raised", ALERT_ADDITIONS[name]) == []


def test_whole_objects_headers_and_conditions_are_watched() -> None:
    """A type removed, a new kind of alert value, a header removed, and more parts asked of a void are breaches."""
    facts, alerts = schema_of(CLAIMS), schema_of(ALERTS)
    fewer = copy.deepcopy(facts)
    del fewer["$defs"]["leave"]
    assert breaches(facts, fewer, read=True) == ["leave: removed"]
    assert breaches(fewer, facts, read=True) == []
    more = copy.deepcopy(alerts)
    more["$defs"]["suspended"] = more["$defs"]["withdrawn"]
    assert len(breaches(alerts, more, read=False)) == 1
    bare = copy.deepcopy(alerts)
    del bare["x-headers"]["properties"]["cause"]
    assert breaches(alerts, bare, read=False) == ["headers.cause: removed (or renamed)"]
    strict = copy.deepcopy(facts)
    strict["$defs"]["void"]["allOf"][0]["then"]["required"].append("upld_time")
    assert breaches(facts, strict, read=True) == ["void.upld_time: made required for settlement"]


def test_the_released_schemas_are_kept(tmp_path: Path) -> None:
    """The code keeps what the last release promised; a topic that is gone is a breach."""
    docs = Path(__file__).parents[2] / "docs"
    assert list(broken_promises(docs)) == []
    folder = tmp_path / "schemas" / "released"
    folder.mkdir(parents=True)
    (folder / "gone.v1.schema.json").write_text('{"$defs": {}}', encoding="utf-8")
    assert list(broken_promises(tmp_path)) == ["gone.v1: the topic has no schema any more"]
