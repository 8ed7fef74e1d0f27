"""The schemas: examples and real facts and alerts are valid by them, and what is wrong is not."""

import dataclasses
import json
import os
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from detectors.terms import TermsSet
from monitor.backtest import Backtest
from monitor.commands import contract
from monitor.contract_files import made, stale
from monitor.engine import Engine
from monitor.simulator import preset, simulate
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.topics.contract import TYPES
from topics.alerts import headers
from topics.catalogue import ALERTS, ALERTS_LOG, CLAIMS, DISPOSITIONS, INSTITUTIONS, REGISTRY
from topics.decoding import Decoder
from topics.dispositions import decode as decode_disposition
from topics.samples import ARRIVAL, raised_alert
from topics.schemas import SCHEMA_TOPICS, definitions, header_schema, schema_of
from topics.wire import fields_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINT = ROOT / "tools" / "asyncapi"
TOPIC_OF = {"person": CLAIMS, "institution": INSTITUTIONS, "registry": REGISTRY}


@cache
def validator(topic: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(topic))


def valid(topic: str, value: object) -> bool:
    return validator(topic).is_valid(value)


@cache
def region() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Facts of a small simulated region, and the alerts of a backtest of them."""
    config = dataclasses.replace(preset("small"), institutions=10, persons=20)
    facts = [fact for _, fact in simulate(config, 0)]
    terms: TermsSet = load_terms(None)
    run = Backtest(Engine(terms, 1, "contributions"))
    run.run(place(json.dumps(fact).encode() for fact in facts))
    return facts, [json.loads(value) for value in run.alerts()]


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_schemas_are_schemas(topic: str) -> None:
    """Each is valid by its own dialect."""
    Draft202012Validator.check_schema(schema_of(topic))


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_examples_show_every_field_and_are_taken(topic: str) -> None:
    """An example of each object is valid, names every field, and is read by the monitor itself."""
    for name, schema in definitions(topic).items():
        (example,) = schema["examples"]
        assert valid(topic, example), name
        assert set(example) >= set(schema["properties"]) - {"lines"}, name
        if topic == DISPOSITIONS:
            assert decode_disposition(json.dumps(example).encode())
        elif topic not in {ALERTS, ALERTS_LOG}:
            assert Decoder("any")(json.dumps(example).encode()), name


def test_every_type_of_the_contract_has_a_schema() -> None:
    """The types, their required and their optional fields are those of the contract's text."""
    for name, kind in TYPES.items():
        schema = definitions(TOPIC_OF[kind.family])[name]
        assert set(schema["required"]) == {"type", *kind.required}, name
        named = {"type", *kind.required, *kind.optional}
        assert named <= set(schema["properties"]), name


def test_what_the_contract_requires_is_required() -> None:
    """Without a required field, with a wrong code, with three decimals or a wrong time an object is not valid."""
    settlement = definitions(CLAIMS)["settlement"]["examples"][0]
    assert valid(CLAIMS, settlement | {"a_field_of_tomorrow": 1})
    assert valid(CLAIMS, settlement | {"brdy": None})
    assert valid(CLAIMS, settlement | {"setl_time": "2026-03-09T14:05:11+08:00"})
    for field, wrong in [
        ("setl_id", ""),
        ("setl_id", None),
        ("setl_id", "x" * 121),
        ("setl_time", "2026-03-09"),
        ("medfee_sumamt", "1.234"),
        ("medfee_sumamt", -1),
        ("medfee_sumamt", 10**12),
        ("pay_way", "cash"),
        ("special_case", "yes"),
    ]:
        assert not valid(CLAIMS, settlement | {field: wrong}), (field, wrong)
    for field in definitions(CLAIMS)["settlement"]["required"]:
        assert not valid(CLAIMS, {name: value for name, value in settlement.items() if name != field}), field


def test_a_void_carries_the_identity_of_its_kind() -> None:
    """A settlement's void needs setl_id, a leave's the visit and the leave's begin."""
    void = {"type": "void", "kind": "leave", "psn_no": "P1", "void_time": "2026-03-09 14:05:11", "mdtrt_id": "M1"}
    assert not valid(CLAIMS, void)
    assert valid(CLAIMS, void | {"leave_begntime": "2026-03-09 14:05:11"})
    assert not valid(CLAIMS, void | {"kind": "complaint"})


def test_simulated_facts_are_valid() -> None:
    """Every fact of a region that the monitor admits is valid by the schema of its topic."""
    facts, _ = region()
    families = {name: topic for topic in (REGISTRY, INSTITUTIONS, CLAIMS) for name in definitions(topic)}
    seen: Counter[str] = Counter()
    for fact in facts:
        sent = {name: value for name, value in fact.items() if name != "_recv"}
        topic = families[fact["type"]]
        if fact["type"] == "void" and "psn_no" not in fact:
            topic = INSTITUTIONS
        errors = list(Draft202012Validator(definitions(topic)[fact["type"]]).iter_errors(sent)) if seen[
            fact["type"]
        ] < 300 else []  # fmt: skip
        assert not errors, (fact["type"], [error.message for error in errors])
        seen[fact["type"]] += 1
    assert len(seen) > 10


def test_real_alerts_are_valid_and_nothing_of_them_is_unknown() -> None:
    """What a backtest raises is valid by the alerts' schema, with no field the schema does not name."""
    _, alerts = region()
    assert len({alert["rule_id"] for alert in alerts}) > 10
    known = set(definitions(ALERTS)["raised"]["properties"])
    for alert in alerts:
        assert valid(ALERTS, alert), alert["rule_id"]
        assert set(alert) <= known
    raised = alerts[0]
    assert not valid(ALERTS, raised | {"sev_deg": "4"})
    assert not valid(ALERTS, raised | {"vola_amt": "1.5"})
    assert not valid(ALERTS, {name: value for name, value in raised.items() if name != "evidence"})
    assert valid(ALERTS, raised | {"a_field_of_tomorrow": 1})


def test_headers_are_those_of_the_schema() -> None:
    """Each header that every alert carries is named and required; the review priority is named."""
    sent = {name: text.decode() for name, text in headers(action="raised", alert=raised_alert(), value=b"", **ARRIVAL)}
    schema = header_schema()
    assert set(schema["required"]) == set(sent)
    assert Draft202012Validator(schema).is_valid(sent)
    ranked = dict(headers(action="raised", alert=raised_alert(), value=b"", priority="0.250000", **ARRIVAL))
    assert set(schema["properties"]) == set(ranked)
    assert Draft202012Validator(schema).is_valid({name: text.decode() for name, text in ranked.items()})
    assert not Draft202012Validator(schema).is_valid(sent | {"review_priority": "high"})
    assert not Draft202012Validator(schema).is_valid(sent | {"ce_type": "something.else"})


def test_every_declared_field_has_a_description_with_its_kind() -> None:
    """A field's description says its English name and how it is written."""
    from topics.facts import Settlement

    properties = definitions(CLAIMS)["settlement"]["properties"]
    for field in fields_of(Settlement):
        assert field.wire.kind.name in properties[field.wire.name]["description"]


def test_the_files_are_not_stale(tmp_path: Path) -> None:
    """Whoever changes a type writes the files again; the command says which one is stale."""
    assert stale(DOCS) == []
    checked = CliRunner().invoke(contract.app, ["check", "--docs", str(DOCS)])
    assert checked.exit_code == 0, checked.output
    empty = CliRunner().invoke(contract.app, ["check", "--docs", str(tmp_path)])
    assert empty.exit_code == 2
    assert "contract release" in empty.output
    assert CliRunner().invoke(contract.app, ["release", "--docs", str(tmp_path)]).exit_code == 0
    assert CliRunner().invoke(contract.app, ["check", "--docs", str(tmp_path)]).exit_code == 1
    assert CliRunner().invoke(contract.app, ["write", "--docs", str(tmp_path)]).exit_code == 0
    assert CliRunner().invoke(contract.app, ["check", "--docs", str(tmp_path)]).exit_code == 0


def _node(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing; it is in packages-for-tests.txt")
        pytest.skip(f"{name} is not installed: the AsyncAPI document is not linted")
    return program


@pytest.fixture(scope="module")
def linter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The AsyncAPI parser, as its lock file pins it."""
    npm = _node("npm")
    folder = tmp_path_factory.mktemp("asyncapi")
    for name in ("package.json", "package-lock.json", "lint.mjs"):
        shutil.copy(LINT / name, folder / name)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=240)
    return folder


def _linted(linter: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (linter / "asyncapi.json").write_text(text, encoding="utf-8")
    command = [_node("node"), "lint.mjs", "asyncapi.json"]
    return subprocess.run(command, cwd=linter, check=False, capture_output=True, text=True, timeout=120)


def test_the_asyncapi_document_is_valid(linter: Path) -> None:
    """The AsyncAPI parser finds no error and gives no warning; it does find a channel that is not there."""
    text = made()["asyncapi.json"]
    done = _linted(linter, text)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = _linted(linter, text.replace("#/channels/claims.facts.v1", "#/channels/nowhere"))
    assert broken.returncode == 1
    assert "nowhere" in broken.stdout
