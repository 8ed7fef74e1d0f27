"""The product's own programs as processes, and what they say."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-tests"  # noqa: S105 - of these tests alone
COMMAND = [sys.executable, "-m", "monitor.cli"]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the programs."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CLAIMS_MONITOR_TOKEN": TOKEN,
        "COLUMNS": "80",
        **(more or {}),
    }


def command(
    *arguments: str, env: Mapping[str, str] | None = None, timeout_s: float = 90.0
) -> subprocess.CompletedProcess[str]:
    """Run a command of `claims-monitor` to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=environment(env),
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def done(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run a command that must succeed; gives its standard output."""
    ended = command(*arguments, env=env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def eventually(condition: Callable[[], object], timeout_s: float = 40.0) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    """Whether a process lives (and is no zombie)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class Program:
    """A command of `claims-monitor` that runs on, and its log."""

    def __init__(self, arguments: list[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log_file = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*COMMAND, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment(env),
                process_group=0,
            )

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def children(self) -> list[int]:
        """Process ids of its children."""
        pid = self.process.pid
        try:
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        except OSError:
            return []
        return [int(child) for child in text.split()]

    def wait_log(self, pattern: str, timeout_s: float = 40.0) -> re.Match[str]:
        """Wait until the log matches."""
        until = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.log)) is None:
            assert time.monotonic() < until, f"no {pattern!r} in:\n{self.log}"
            assert self.process.poll() is None or re.search(pattern, self.log), (
                f"ended without {pattern!r}:\n{self.log}"
            )
            time.sleep(0.1)
        return found

    def ends(self, timeout_s: float = 40.0) -> int:
        """Wait for its end; gives the exit code."""
        return self.process.wait(timeout_s)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 40.0) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.ends(timeout_s)

    def clear(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            try:
                self.stop(timeout_s=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class WorkerProcess(Program):
    """`claims-monitor worker` and its pages."""

    @property
    def url(self) -> str:
        """Address of the pages of the child that started last."""
        return re.findall(r"pages at (http://\S+)", self.log)[-1]  # type: ignore[no-any-return]  # one group: text

    def get(self, path: str, token: str | None = None, *, method: str = "GET") -> tuple[int, Any]:
        """Ask its pages; gives status and JSON (or text where it is none)."""
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - our own address
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        try:
            return status, json.loads(body)
        except ValueError:
            return status, body.decode()

    def ready(self) -> bool:
        """Whether it says that it is."""
        try:
            return self.get("/ready")[0] == 200
        except (OSError, IndexError):
            return False

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until it takes part and has opened what it was given."""
        until = time.monotonic() + timeout_s
        while not self.ready():
            assert self.process.poll() is None, f"it ended:\n{self.log}"
            assert time.monotonic() < until, f"not ready in time:\n{self.log}"
            time.sleep(0.1)
