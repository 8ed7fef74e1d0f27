"""The standing alerts of the Synthea example: the file beside it, its README, and the broker all agree."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.backtest import Backtest
from monitor.broker.server import EmbeddedBroker
from monitor.engine import Engine
from monitor.importing.synthea import import_synthea
from monitor.importing.tables import Problem
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.engine.cluster import Cluster
from tests.naive.rules import RULES, findings
from tests.worker.processes import WorkerProcess, done, eventually
from topics.times import format_time, parse_time

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "synthea"
COMMAND = "claims-monitor import synthea examples/synthea | claims-monitor backtest - > examples/synthea/alerts.ndjson"


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """The example as NDJSON lines."""
    problems: list[Problem] = []
    found = [one.line for one in import_synthea(EXAMPLE, problems.append)]
    assert problems == []
    return found


@pytest.fixture(scope="module")
def alerts(lines: list[bytes]) -> bytes:
    """Its standing alerts under the built-in terms."""
    run = Backtest(Engine(load_terms(None), 1, "contributions"))
    run.run(place(lines))
    return b"".join(value + b"\n" for value in run.alerts())


def golden() -> bytes:
    return (EXAMPLE / "alerts.ndjson").read_bytes()


def test_the_alerts_of_the_example_are_those_of_its_file(alerts: bytes) -> None:
    """Byte for byte; after a change of rules or terms the file is made anew."""
    assert alerts == golden(), f"look at what changed and run: {COMMAND}"


def test_every_fact_of_the_example_is_admitted(lines: list[bytes]) -> None:
    """Nothing of it lands among the quarantined."""
    run = Backtest(Engine(load_terms(None), 1, "contributions"))
    run.run(place(lines))
    admitted = {kind: count for (kind, outcome), count in run.account.items() if outcome == "admitted"}
    assert {outcome for (_, outcome), count in run.account.items() if count} == {"admitted"}
    assert (admitted["settlement"], admitted["registry"], admitted["fee-line"]) == (561, 94, 1579)


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_partition_that_runs_decades_ahead_changes_nothing(lines: list[bytes], ahead: int) -> None:
    """Stage two must not forget days of the partition that is behind: its clock is the least of the two."""
    cluster = Cluster(2)
    records = cluster.records([msgspec.json.decode(line) for line in lines])
    judged = 0
    for partition in (ahead, 1 - ahead):
        for begin in range(0, len(records[partition]), 50):
            cluster.apply(records[partition][begin : begin + 50])
            cluster.apply_frames(cluster.frames[judged:])
            judged = len(cluster.frames)
    assert b"".join(value + b"\n" for value in cluster.alerts()) == golden()


def test_the_readme_counts_what_the_file_holds() -> None:
    """Its table names every rule with alerts, its text the command that makes the file, and each rule has a section."""
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    told = {rule: int(count) for rule, count in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|$", readme, re.MULTILINE)}
    assert told == Counter(msgspec.json.decode(line)["rule_id"] for line in golden().splitlines())
    assert COMMAND in readme
    assert set(told) == set(re.findall(r"^### ([a-z-]+)", readme, re.MULTILINE))


def test_the_second_implementation_finds_the_same(lines: list[bytes], alerts: bytes) -> None:
    """The naive rules, written from the catalogue alone, on data that nobody made for either."""
    wire = [_local(msgspec.json.decode(line)) for line in lines]
    found = {
        (one["rule_id"], one["about"]["kind"], one["about"]["id"], one.get("discriminator") or "")
        for one in map(msgspec.json.decode, alerts.splitlines())
        if one["rule_id"] in RULES
    }
    assert found
    assert found == {(*parts, discriminator or "") for *parts, discriminator in findings(wire)}


def _local(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Times with an offset as local ones: the naive rules read no others."""
    if isinstance(value, dict):
        return {name: _local(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_local(one) for one in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        return format_time(parse_time(value))
    return value


def _columns(names: Iterable[str]) -> set[str]:
    return {name.upper() for path in names for name in _header(EXAMPLE / path)}


def _header(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()[0].split(",")


def test_the_example_tells_nothing_that_names_a_person() -> None:
    """Columns with names, numbers of papers, addresses and telephones are not there."""
    held = _columns(["patients.csv", "providers.csv"])
    assert held.isdisjoint({"SSN", "DRIVERS", "PASSPORT", "FIRST", "LAST", "MAIDEN", "NAME", "ADDRESS", "PHONE", "ZIP"})
    assert _columns(["organizations.csv"]).isdisjoint({"ADDRESS", "PHONE", "ZIP"})


@pytest.mark.broker
def test_live_workers_end_with_the_same_alerts(
    broker: EmbeddedBroker, prefix: str, lines: list[bytes], tmp_path: Path
) -> None:
    """Played into Kafka and judged by a worker over two partitions."""
    facts = tmp_path / "facts.ndjson"
    facts.write_bytes(b"".join(line + b"\n" for line in lines))
    options = ("--bootstrap-servers", broker.bootstrap_servers, "--prefix", prefix)
    done("topics", "create", *options, "--record-time", "create", "--partitions", "2")
    done("play", str(facts), *options)
    worker = WorkerProcess(["worker", *options, "--data", str(tmp_path / "data")], tmp_path / "worker.log")
    try:
        worker.wait_ready()
        eventually(lambda: done("alerts", *options).encode() == golden(), timeout_s=90)
        assert worker.stop() == 0
    finally:
        worker.clear()
