"""The demo as users start it: it finds alerts, ends when told to, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from monitor.demo.watchers import WatchersMissing, found_programs
from tests.end_to_end.program import ROOT, alive, command, descendants, eventually

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

Demo = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_demo(tmp_path: Path) -> Demo:
    """Start a demo whose temporary files lie in the test's own folder; its output goes into files there."""

    def start(*options: str) -> "subprocess.Popen[bytes]":
        (tmp_path / "temporary").mkdir()
        with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
            return subprocess.Popen(
                command("demo", "--port", "0", *options),
                cwd=ROOT,
                stdout=out,
                stderr=err,
                env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
                start_new_session=True,
            )

    return start


def check_nothing_left(folder: Path, started: set[int]) -> None:
    """No process that the demo started runs, and its temporary folder is gone."""
    eventually(lambda: not any(map(alive, started)), 10, "all its processes have ended")
    assert list((folder / "temporary").glob("claims-monitor-*")) == []


def programs(pids: set[int]) -> str:
    """Command lines of processes."""
    lines = []
    for pid in pids:
        try:
            lines.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return "\n".join(lines)


def watch(demo: "subprocess.Popen[bytes]", until: Callable[[set[int]], bool], timeout_s: float) -> set[int]:
    """Collect what the demo has started until a condition holds or the demo ends."""
    seen: set[int] = set()
    deadline = time.monotonic() + timeout_s
    while demo.poll() is None and not until(seen):
        assert time.monotonic() < deadline, "it took too long"
        seen |= set(descendants(demo.pid))
        time.sleep(0.3)
    return seen


def answer(address: str, path: str) -> Any:  # noqa: ANN401 - JSON
    """What Prometheus or Alertmanager answers; None while it does not."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as response:
            return json.load(response)
    except OSError:
        return None


@pytest.mark.prove
def test_with_prometheus_the_rules_watch_the_worker(start_demo: Demo, tmp_path: Path) -> None:
    """Prometheus scrapes the worker and has alerts to count; its rules hold; Alertmanager is there; all of it ends."""
    try:
        found_programs()
    except WatchersMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
    demo = start_demo("--with-prometheus")

    def addresses(seen: set[int]) -> dict[str, str]:
        return {
            Path(program).name: address
            for program, address in re.findall(
                r"^(\S*(?:prometheus|alertmanager)) .*--web\.listen-address=(\S+)", programs(seen), re.MULTILINE
            )
        }

    def has_alerts(seen: set[int]) -> bool:
        query = "/api/v1/query?query=" + quote('sum(claims_monitor_standing_alerts{job="claims-monitor"}) > 0')
        told = answer(addresses(seen).get("prometheus", ""), query)
        return bool(told and told["data"]["result"])

    seen = watch(demo, has_alerts, 150)
    assert demo.poll() is None, (tmp_path / "err").read_text()
    where = addresses(seen)
    groups = answer(where.pop("prometheus"), "/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 20
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    (alertmanager,) = where.values()
    assert answer(alertmanager, "/api/v2/status")["config"]["original"].count("receiver:") > 1
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 0, (tmp_path / "err").read_text()
    check_nothing_left(tmp_path, seen)


@pytest.mark.prove
def test_it_ends_by_itself_with_alerts_and_leaves_nothing(start_demo: Demo, tmp_path: Path) -> None:
    demo = start_demo("--seconds", "25")
    seen = watch(demo, lambda _seen: False, 120)
    told = (tmp_path / "out").read_text()
    assert demo.returncode == 0, (tmp_path / "err").read_text()
    found = re.search(r"^alerts: (\d+)$", told, re.MULTILINE)
    assert found is not None, told
    assert int(found[1]) > 0
    assert len(seen) >= 3, "broker, supervisor and worker"
    check_nothing_left(tmp_path, seen)


def test_ctrl_c_ends_it_cleanly_within_20_s(start_demo: Demo, tmp_path: Path) -> None:
    """Also while facts are played; the summary comes nevertheless."""
    demo = start_demo()
    out = tmp_path / "out"
    seen = watch(demo, lambda _seen: re.search(r"[1-9]\d* alerts standing", out.read_text()) is not None, 90)
    assert "kafka.Kafka" in programs(seen)
    assert "worker --bootstrap-servers" in programs(seen)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(20) == 0, (tmp_path / "err").read_text()
    assert re.search(r"^alerts: [1-9]\d*$", out.read_text(), re.MULTILINE)
    check_nothing_left(tmp_path, seen)
