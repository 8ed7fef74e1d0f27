"""Too many bad records pause their partition until somebody says that it shall go on."""

import time
from pathlib import Path

import msgspec
import pytest

from monitor.terms_files import default_text
from tests.facts import at, settlement
from tests.worker.conftest import GROUP, MakeSite, Site, StartWorker, record_ms, times
from tests.worker.processes import command, done, eventually
from topics.catalogue import CLAIMS, dead_letters

pytestmark = pytest.mark.broker

NOON = record_ms(at(0, "12:00:00"))


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    """More than 5 of the last 100 records are too many."""
    text = default_text()
    changed = text.replace("quarantine_window = 10000", "quarantine_window = 100")
    assert changed != text
    file = tmp_path / "terms.toml"
    file.write_text(changed, encoding="utf-8")
    return file


def _bad(site: Site, partition: int, count: int) -> None:
    site.send(*[(CLAIMS, partition, b"P1", b"{", NOON)] * count)


def _lag(metrics: str) -> int:
    """Of the first partition of facts of persons."""
    lags = [line for line in metrics.splitlines() if line.startswith("claims_monitor_lag_records{")]
    (line,) = [one for one in lags if CLAIMS in one and 'partition="0"' in one]
    return int(float(line.rpartition(" ")[2]))


def _visits(person: str) -> list[dict[str, object]]:
    return [settlement(f"{person}-{n}", psn_no=person, setl_time=time) for n, time in enumerate(times("2026-03-02", 4))]


def test_a_partition_pauses_at_the_limit_and_goes_on_when_told(
    make_site: MakeSite, start_worker: StartWorker, terms: Path
) -> None:
    """At the limit it goes on; one more pauses that partition alone; nothing of it is judged until the command."""
    site = make_site(2)
    persons = {site.partition(f"P{n}"): f"P{n}" for n in range(20)}
    _bad(site, 0, 5)
    site.facts(*_visits(persons[0])[:2], at=at(0, "12:00:00"))
    worker = start_worker(site.options, "--terms", str(terms))
    worker.wait_ready()
    eventually(lambda: len(site.read(dead_letters(CLAIMS))) == 5)
    assert worker.get("/ready")[1]["partitions"][0]["paused"] == []

    _bad(site, 0, 1)
    worker.wait_log(r"claims\.facts\.v1 partition 0 is paused: 6 of its last records were quarantined")
    assert f"`claims-monitor worker resume claims.facts.v1 --prefix {site.prefix}`" in worker.log
    site.facts(*_visits(persons[0])[2:], *_visits(persons[1]), at=at(0, "12:00:00"))
    eventually(lambda: site.alerts("repeat-visits"))
    time.sleep(1.0)
    assert {alert.psn_no for alert in site.alerts("repeat-visits")} == {persons[1]}, "the other partition goes on"
    paused = {(unit["stage"], unit["partition"]): unit for unit in worker.get("/ready")[1]["partitions"]}
    assert paused["persons", 0]["paused"] == [site.prefix + CLAIMS]
    assert paused["persons", 0]["state"] == "paused"
    assert paused["persons", 1]["paused"] == []
    assert worker.get("/health")[0] == 200
    metrics = worker.get("/metrics")[1]
    assert any(
        line.startswith("claims_monitor_partition_paused") and 'partition="0"' in line and line.endswith(" 1.0")
        for line in metrics.splitlines()
    )
    before = _lag(worker.get("/metrics")[1])
    site.facts(*[_visits(persons[0])[2]] * 3000, at=at(0, "12:00:00"))
    assert _lag(worker.get("/metrics")[1]) == before + 3000, "what piles up behind the pause is seen"

    resume = ["worker", "resume", CLAIMS, *site.options, "--group", GROUP]
    assert done(*resume) == f"{CLAIMS} goes on: partitions 0\n"
    eventually(lambda: {alert.psn_no for alert in site.alerts("repeat-visits")} == {persons[0], persons[1]})
    assert done(*resume) == f"no partition of {CLAIMS} was paused\n"
    refused = command(*resume, env={"CLAIMS_MONITOR_TOKEN": "another"})
    assert refused.returncode == 1
    assert "CLAIMS_MONITOR_TOKEN" in refused.stderr


def test_the_limit_can_be_turned_off(make_site: MakeSite, start_worker: StartWorker, terms: Path) -> None:
    """Whoever knows why may let all bad records pass."""
    site = make_site()
    _bad(site, 0, 50)
    site.send(*((CLAIMS, 0, b"P1", msgspec.json.encode(visit), NOON) for visit in _visits("P1")))
    worker = start_worker(site.options, "--terms", str(terms), "--no-quarantine-limit")
    worker.wait_ready()
    eventually(lambda: site.alerts("repeat-visits"))
    assert "is paused" not in worker.log
