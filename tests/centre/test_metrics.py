"""What a worker exposes: names, units, a bounded number of series, and what stands over restarts."""

import subprocess
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Literal

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from detectors.catalogue import all_detectors
from monitor.institution_looks import Look, QuotaUse
from monitor.memory_store import MemoryStore
from monitor.metrics import Metrics
from monitor.records import AlertChange, Effects
from monitor.totals import RuleKey, Totals
from monitor.watched import Watched
from topics.alerts import About, Action, Alert, alert_id
from topics.times import DAY, parse_time, to_record_time

INSTITUTIONS = 10_000
NOW = parse_time("2026-03-02 10:00:00")


def change(
    number: int,
    action: Action = "raised",
    *,
    rule: str = "repeat-visits",
    severity: str = "3",
    was: str = "",
    amount: int = 100,
    before: int = 0,
    at: int = NOW,
) -> AlertChange:
    status: Literal["raised", "withdrawn"] = "withdrawn" if action == "withdrawn" else "raised"
    about = About("settlement", f"S{number}")
    identity = alert_id(rule, about.kind, about.id, None)
    alert = Alert(identity, status, rule, about, sev_deg=None if status == "withdrawn" else severity)
    amount = 0 if action == "withdrawn" else amount
    place = f"H{number}"
    stood = "" if action == "raised" else place
    change = amount - before
    return AlertChange(action, alert, b"", place, 1, "c", ("t", 0, 0), to_record_time(at), change, amount, was, stood)


class Looks:
    """10,000 institutions in 400 regions of 4 levels."""

    def __init__(self) -> None:
        use = QuotaUse("2026", 10, 20, 61, 365)
        self._looks = {f"H{n}": Look(n % 10 == 0, 2_000 + n, 1_000, use) for n in range(INSTITUTIONS)}

    def looks(self) -> Iterable[tuple[str, Look]]:
        return self._looks.items()

    def place(self, institution: str, at: int) -> tuple[str, str]:  # noqa: ARG002 - what the protocol asks for
        number = int(institution[1:])
        return f"32{number % 400:04d}", str(number % 4)


@pytest.fixture(scope="module")
def full() -> Metrics:
    """A worker that owns 64 partitions and has alerts of every rule and severity at 10,000 institutions."""
    metrics = Metrics()
    totals = Totals(metrics.standing)
    totals.load(MemoryStore())
    rules = sorted(all_detectors())
    for action in ("raised", "revised", "withdrawn"):
        changes = [
            change(
                number,
                action,
                rule=rules[number % len(rules)],
                severity=str(number % 3 + 1),
                was="" if action == "raised" else str(number % 3 + 1),
                before=0 if action == "raised" else 100,
            )
            for number in range(INSTITUTIONS if action != "withdrawn" else 500)
        ]
        effects = Effects(alerts=changes, scores=[400_000, 900_000])
        effects.account.update({("settlement", "admitted"): 1, ("record", "quarantined"): 1})
        totals.take(changes)
        metrics.account(effects)
    for partition in map(str, range(64)):
        for stage in ("persons", "keys"):
            for gauge in (metrics.watermark, metrics.state_keys, metrics.state_bytes, metrics.ready):
                gauge.labels(stage, partition).set(1)
        for topic in ("claims.facts.v1", "institutions.facts.v1", "contributions"):
            for gauge in (metrics.lag, metrics.paused):
                gauge.labels(topic, partition).set(1)
    for stage in ("persons", "keys"):
        metrics.took(stage, 0.5, ("claims.facts.v1", 3, 1234))
        for histogram in (metrics.commit, metrics.judging, metrics.batch):
            histogram.labels(stage).observe(1)
    metrics.watch(Watched(metrics.standing, Looks()))
    return metrics


def test_at_most_3000_series_with_10000_institutions(full: Metrics) -> None:
    lines = [line for line in full.exposition().decode().splitlines() if not line.startswith("#")]
    assert 1_000 < len(lines) <= 3_000


def test_institutions_and_places_are_the_top_and_the_rest_is_other(full: Metrics) -> None:
    families = {family.name: family for family in text_string_to_metric_families(full.exposition().decode())}
    places = families["claims_monitor_institutions"].samples
    assert len(places) == 150
    assert sum(sample.value for sample in places) == INSTITUTIONS
    assert any(sample.labels == {"region": "other", "level": "other"} for sample in places)
    silent = families["claims_monitor_institutions_silent"].samples
    assert sum(sample.value for sample in silent) == INSTITUTIONS / 10
    named = [family for name, family in families.items() if name.startswith("claims_monitor_institution_")]
    assert len(named) == 6
    assert {len(family.samples) for family in named} == {20}
    grown = {sample.labels["institution"] for sample in families["claims_monitor_institution_week_fund_yuan"].samples}
    assert grown == {f"H{number}" for number in range(INSTITUTIONS - 20, INSTITUTIONS)}


def test_a_scrape_works_in_proportion_to_its_series(full: Metrics) -> None:
    """Counted in calls, 60 a series when this was written."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        text = full.exposition()
    finally:
        sys.setprofile(None)
    series = sum(not line.startswith("#") for line in text.decode().splitlines())
    assert calls < 80 * series


def test_a_slow_record_is_named_by_an_exemplar(full: Metrics) -> None:
    text = full.exposition().decode()
    assert '# {offset="1234",partition="3",topic="claims.facts.v1"} 0.5' in text


def test_names_and_units_pass_promtool(full: Metrics) -> None:
    """Promtool reads the older text format."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=generate_latest(full.registry), capture_output=True, check=False
    )
    told = (checked.stdout + checked.stderr).decode()
    assert checked.returncode == 0, told


def test_the_goals_of_latency_are_bounds_of_buckets(full: Metrics) -> None:
    bounds = {
        sample.labels["le"]
        for family in text_string_to_metric_families(full.exposition().decode())
        for sample in family.samples
        if sample.name == "claims_monitor_fact_latency_seconds_bucket"
    }
    assert {"0.05", "0.13", "0.26"} <= bounds


# ---------------------------------------------------------------------- what stands


def test_totals_follow_raises_revisions_and_withdrawals() -> None:
    """A revision moves money between severities; a withdrawal takes it away; nothing is left in the end."""
    metrics = Metrics()
    totals = Totals(metrics.standing)
    totals.take([change(1, severity="2", amount=500), change(2, severity="2", amount=70)])
    totals.take([change(1, "revised", severity="1", was="2", amount=900, before=500)])
    assert (totals.rules[RuleKey("repeat-visits", "1")].alerts, totals.rules[RuleKey("repeat-visits", "1")].amount) == (
        1,
        900,
    )
    assert (totals.rules[RuleKey("repeat-visits", "2")].alerts, totals.rules[RuleKey("repeat-visits", "2")].amount) == (
        1,
        70,
    )
    totals.take([change(1, "withdrawn", was="1", before=900), change(2, "withdrawn", was="2", before=70)])
    assert {(total.alerts, total.amount) for total in totals.rules.values()} == {(0, 0)}
    assert {(total.alerts, total.amount) for total in totals.institutions.values()} == {(0, 0)}


def test_totals_are_the_same_after_a_restart_and_leave_with_their_partition() -> None:
    store = MemoryStore()
    first = Metrics()
    totals = Totals(first.standing)
    totals.load(store)
    store.apply(Effects(writes=dict(totals.take([change(number, amount=number) for number in range(5)]))))
    again = Metrics()
    loaded = Totals(again.standing)
    loaded.load(store)
    again.standing.reached(NOW // DAY)
    assert again.standing.rules() == first.standing.rules()
    assert again.standing.institutions == first.standing.institutions
    loaded.leave()
    assert again.standing.rules() == {}
    assert {(total.alerts, total.amount, total.new) for total in again.standing.institutions.values()} == {(0, 0, 0)}


@pytest.mark.parametrize(("later", "new"), [(0, 2), (DAY, 1)])
def test_new_today_begins_anew_with_the_local_day(later: int, new: int) -> None:
    """Two raised on one day are both new; of two on different days, the later one alone."""
    metrics = Metrics()
    totals = Totals(metrics.standing)
    totals.load(MemoryStore())
    totals.take([change(1, at=NOW), change(2, at=NOW + later)])
    assert metrics.standing.rules()[RuleKey("repeat-visits", "3")].new == new
    metrics.standing.reached(NOW // DAY + 2)
    assert metrics.standing.rules()[RuleKey("repeat-visits", "3")].new == 0
