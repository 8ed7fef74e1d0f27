"""The demo as users start it: it finds alerts, ends when told to, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.program import ROOT, alive, command, descendants, eventually

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

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
