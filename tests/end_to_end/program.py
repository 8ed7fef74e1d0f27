"""The product's programs as processes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "end-to-end"  # noqa: S105 - of workers that live as long as a test


def command(*arguments: str) -> list[str]:
    """A command line of the product."""
    return [sys.executable, "-m", "monitor.cli", *arguments]


def run(*arguments: str) -> bytes:
    """Run a command that must succeed; gives its standard output."""
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def eventually(
    condition: Callable[[], bool], timeout_s: float, what: str, explain: Callable[[], str] = lambda: ""
) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, f"within {timeout_s:.0f} s: {what}\n{explain()}"
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """Processes that a process has started and that still run (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def descendants(pid: int) -> list[int]:
    """Its children, theirs, and so on."""
    found = children(pid)
    return found + [below for child in found for below in descendants(child)]


def alive(pid: int) -> bool:
    """Whether a process runs (one that only waits to be collected does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stopped(pid: int) -> bool:
    """Whether a process is frozen by a signal."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


class Worker:
    """A worker as users start it: a supervisor and its child, with a data folder of their own."""

    def __init__(self, data: Path, options: Sequence[str]) -> None:
        self.data = data
        self.log = data.with_name(f"{data.name}.log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command("worker", "--data", str(data), *options),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"CLAIMS_MONITOR_TOKEN": TOKEN},
            )

    @property
    def url(self) -> str:
        """Address of the pages of the process that judges; empty before it has said so."""
        said: list[str] = re.findall(r"pages at (http://\S+)", self.log.read_text(errors="replace"))
        return said[-1] if said else ""

    @property
    def child(self) -> int:
        """The process that judges."""
        eventually(lambda: bool(children(self.process.pid)), 10, "the supervisor has a child", self.log_tail)
        return children(self.process.pid)[0]

    def resume_child(self) -> None:
        """Let what judges go on after it was frozen."""
        os.kill(self.child, signal.SIGCONT)

    def kill_child(self) -> None:
        """Kill -9 what judges; the supervisor will start it again."""
        os.kill(self.child, signal.SIGKILL)

    def kill(self) -> None:
        """Kill -9 the supervisor; its child is killed with it."""
        running = children(self.process.pid)
        self.process.kill()
        self.process.wait(10)
        eventually(lambda: not any(map(alive, running)), 10, "the child dies with its supervisor")

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def log_tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-3_000:]
