"""Prometheus's rules, Alertmanager's routing and the runbook, held against the real tools."""

import asyncio
import json
import re
import subprocess
from pathlib import Path

import pytest

from monitor.demo.watchers import faster, watchers
from monitor.metrics import Metrics
from tests.end_to_end.program import ROOT

RULES = ROOT / "dashboards" / "prometheus" / "rules.yml"
TESTS = ROOT / "dashboards" / "prometheus" / "rules_test.yml"
ROUTING = ROOT / "dashboards" / "alertmanager" / "alertmanager.yml"
RUNBOOK = ROOT / "docs" / "runbook.md"
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text())


def tool(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_alert_fires_and_stays_quiet_as_its_tests_say() -> None:
    tool("promtool", "check", "rules", str(RULES))
    tool("promtool", "test", "rules", str(TESTS))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_tests_a_text_in_both_languages_and_a_section_in_the_runbook(alert: str) -> None:
    tests = TESTS.read_text()
    assert f"- name: {alert} fires\n" in tests
    assert f"- name: {alert} is quiet\n" in tests
    block = RULES.read_text().partition(f"- alert: {alert}\n")[2].partition("- alert:")[0]
    assert re.search(r"severity: (critical|warning|info)\n", block)
    summaries = dict(re.findall(r"(summary\w*): '(.+)'\n", block))
    assert re.search(r"[\u4e00-\u9fff]", summaries["summary_zh"])
    assert not re.search(r"[\u4e00-\u9fff]", summaries["summary"])
    assert f"runbook_url: docs/runbook.md#{alert.lower()}\n" in block
    section = RUNBOOK.read_text().partition(f"\n## {alert}\n")[2].partition("\n## ")[0]
    for part in ("**Means**", "**Look at**", "**Do**"):
        assert part in section, f"{alert}: {part}"


def test_rules_and_dashboards_read_no_metric_that_nobody_gives() -> None:
    """Every metric that is named exists (the watched and the disk are registered with a worker)."""
    source = (ROOT / "monitor" / "metrics.py").read_text()
    names = set(re.findall(r"claims_monitor_\w+", source))
    names |= {f"claims_monitor_{name}" for name in re.findall(r'\("(\w+)", "', source)}
    names |= {f"claims_monitor_{name}" for name in re.findall(r'^ {16}"(\w+)",$', source, re.MULTILINE)}
    assert Metrics().registry is not None
    suffix = re.compile(r"(_total|_bucket|_count|_sum|_info)$")
    texts = [
        RULES.read_text(),
        *(path.read_text() for path in (ROOT / "dashboards/grafana/dashboards").rglob("*.json")),
    ]
    for text in texts:
        for used in re.findall(r"(?<!:)\bclaims_monitor_\w+(?!\w*:)", text):
            assert used in names or suffix.sub("", used) in names, used


def test_routes_lead_to_the_right_people() -> None:
    tool("amtool", "check-config", str(ROUTING))

    def receiver(*labels: str) -> str:
        return tool("amtool", "config", "routes", "test", f"--config.file={ROUTING}", *labels).strip()

    assert receiver("alertname=ClaimsMonitorNoWorkers", "severity=critical", "team=operators") == "on-call"
    assert receiver("alertname=ClaimsMonitorLagGrowing", "severity=warning", "team=operators") == "operators"
    assert receiver("alertname=ClaimsMonitorModelDrift", "severity=warning", "team=centre") == "centre"
    assert receiver("alertname=ClaimsMonitorQuotaExhausted", "severity=info", "team=centre") == "centre"


@pytest.mark.parametrize(
    ("source", "quiet", "loud"),
    [
        ("NoWorkers", {"LagGrowing", "WorkerDown", "NoFacts"}, set()),
        ("PartitionPaused", {"LagGrowing", "QuarantineRising"}, {"DiskFilling"}),
        ("NoFacts", {"InstitutionsSilent"}, {"LagGrowing"}),
        ("LagGrowing", set(), {"NoFacts", "DiskFilling"}),
    ],
)
def test_what_a_larger_alert_explains_stays_quiet(source: str, quiet: set[str], loud: set[str], tmp_path: Path) -> None:
    """In a running Alertmanager; an alert of another job is not kept quiet."""

    async def work() -> None:
        async with watchers(tmp_path) as running:
            for job, names in (("claims-monitor", {source, *quiet, *loud}), ("other", quiet)):
                for name in names:
                    await asyncio.to_thread(
                        tool,
                        "amtool",
                        f"--alertmanager.url={running.alertmanager}",
                        "alert",
                        "add",
                        f"alertname=ClaimsMonitor{name}",
                        f"job={job}",
                    )
            async with asyncio.timeout(30):
                while True:
                    held = await running.routed()
                    inhibited = {
                        (alert["labels"]["job"], alert["labels"]["alertname"].removeprefix("ClaimsMonitor"))
                        for alert in held
                        if alert["status"]["inhibitedBy"]
                    }
                    if len(held) == 1 + 2 * len(quiet) + len(loud) and len(inhibited) >= len(quiet):
                        break
                    await asyncio.sleep(0.2)
            assert inhibited == {("claims-monitor", name) for name in quiet}, json.dumps(held)

    asyncio.run(work())


def test_shortened_durations() -> None:
    """`for` and ranges shrink by the factor; a range keeps at least 5 s."""
    text = "        for: 10m\n  expr: rate(x[5m]) + increase(y[1h]) > 180 * 86400\n  group_wait: 30s\n"
    assert faster(text, 30) == (
        "        for: 20000ms\n  expr: rate(x[10s]) + increase(y[120s]) > 180 * 86400\n  group_wait: 1000ms\n"
    )
    assert "[5s]" in faster("rate(x[1m])", 60)
