"""A simulated quarter of 200 institutions and 100,000 persons: everything planted is found, and nothing else.

`make region` runs this, for longer than `make prove` may take, and writes the figures, which the page of rules shows.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from detectors.catalogue import all_detectors
from monitor.backtest import Backtest
from monitor.broker.server import EmbeddedBroker
from monitor.engine import Engine
from monitor.ndjson import open_lines
from monitor.simulator import preset, simulate
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.end_to_end.cluster import Cluster
from tests.worker.processes import COMMAND, environment
from topics.alerts import decode

pytestmark = pytest.mark.long

Found = set[tuple[str, str, str, str | None]]
CLEAN_FACTS = 1_000_000
WITHIN_S = 1_200.0
FIGURES = "CLAIMS_MONITOR_REGION_FIGURES"
"""Environment variable: the file to write the figures into."""


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, object]]:
    """What was measured; written where the environment says so, once all of it was."""
    measured: dict[str, object] = {}
    yield measured
    path = os.environ.get(FIGURES)
    if path and measured.keys() == {"quarter", "broker", "clean"}:
        Path(path).write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found]:
    """The quarter's facts, and what must be found in them."""
    folder = tmp_path_factory.mktemp("region")
    facts, labels = folder / "region.ndjson.zst", folder / "labels.ndjson"
    command = [*COMMAND, "simulate", "--preset", "region", "-o", str(facts), "--labels", str(labels)]
    subprocess.run(command, check=True, env=environment(), timeout=WITHIN_S)
    planted = {
        (label["rule"], label["about"]["kind"], label["about"]["id"], label["discriminator"])
        for label in map(json.loads, labels.read_text(encoding="utf-8").splitlines())
    }
    return facts, planted


@pytest.fixture(scope="module")
def judged(region: tuple[Path, Found]) -> bytes:
    """What backtest prints for the quarter."""
    command = [*COMMAND, "backtest", str(region[0])]
    ended = subprocess.run(command, check=True, capture_output=True, env=environment(), timeout=WITHIN_S)
    return ended.stdout


def found_in(lines: bytes) -> Found:
    alerts = map(decode, lines.splitlines())
    return {(alert.rule_id, alert.about.kind, alert.about.id, alert.discriminator) for alert in alerts}


def count_lines(path: Path) -> int:
    """Objects in a file: facts, registry entries and ticks."""
    with open_lines(str(path)) as (lines, _):
        return sum(1 for _ in lines)


def test_all_that_is_planted_is_found_and_nothing_else(
    region: tuple[Path, Found], judged: bytes, figures: dict[str, object]
) -> None:
    """Recall and precision are 1 for all rules but the scored ones, which have no model here; all rules are planted."""
    planted, found = region[1], found_in(judged)
    assert {rule for rule, *_ in planted} == set(all_detectors()) - {"outlier-claim", "outlier-institution"}
    assert found - planted == set()
    assert planted - found == set()
    by_rule = Counter(rule for rule, *_ in planted)
    figures["quarter"] = {"facts": count_lines(region[0]), "found": dict(sorted(by_rule.items()))}


def test_the_broker_gives_the_same_bytes(
    region: tuple[Path, Found],
    judged: bytes,
    broker: EmbeddedBroker,
    prefix: str,
    tmp_path: Path,
    figures: dict[str, object],
) -> None:
    """Two workers judge the same facts through Kafka."""
    cluster = Cluster(broker.bootstrap_servers, prefix, tmp_path)
    try:
        for name in ("one", "two"):
            cluster.worker(name)
        cluster.wait_for_owners(2)
        cluster.play(region[0])
        cluster.settle(WITHIN_S)
        assert cluster.alerts() == judged
    finally:
        cluster.clean_up()
    figures["broker"] = {"workers": 2, "alerts": len(judged.splitlines()), "bytes": len(judged)}


def test_a_clean_region_is_quiet(figures: dict[str, object]) -> None:
    """In a million facts of a region where nothing was planted no alert of severity 1 or 2 stands."""
    config = replace(preset("region"), clean=True)
    run = Backtest(Engine(load_terms(None), 1, "contributions"))

    def lines() -> Iterator[bytes]:
        for _, fact in simulate(config, 5):
            yield json.dumps(fact, ensure_ascii=False).encode()

    run.run(place(lines()))
    facts = sum(count for (kind, _), count in run.account.items() if kind != "tick")
    assert facts >= CLEAN_FACTS
    assert [alert for alert in map(decode, run.alerts()) if alert.sev_deg in {"1", "2"}] == []
    figures["clean"] = {"facts": facts, "alerts": 0}
