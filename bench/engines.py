"""The engines of the bench as processes: how each is started, and how far it is."""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from bench.checks import RULES
from bench.loading import COMMAND, PARTITIONS, plain_topic, topics_for
from bench.measured import anonymous_mb, cpu_seconds, peak_mb
from bench.progress import seen
from monitor.terms_files import default_text
from topics.catalogue import ALERTS_LOG, CLAIMS

ROOT: Final = Path(__file__).parent.parent
PEERS: Final = ("faust", "quix", "bytewax")
VENVS: Final = ROOT / ".venv-peers"


class Source(NamedTuple):
    """Where an engine finds its input.

    Attributes:
        servers: the broker.
        prefix: of the monitor's topics; claims and quotas are loaded under it.
        quotas: the quotas as a file.
    """

    servers: str
    prefix: str
    quotas: Path


class Running(Protocol):
    """An engine that runs."""

    alerts: str
    """The topic of its alerts."""
    ours: bool
    """Whether alerts are those of the monitor's contract."""
    processes: list[subprocess.Popen[bytes]]

    def judged(self) -> tuple[int, int, bool]:
        """Settlements judged for persons; inpatient ones judged for institutions; whether nothing waits between."""

    def stop(self) -> None:
        """End its processes."""


def cpu_of(engine: Running) -> float:
    """CPU seconds of all its processes so far."""
    return sum(cpu_seconds(process.pid) for process in engine.processes)


def peak_of(engine: Running) -> int:
    """Greatest resident memory of all its processes, added up, MB."""
    return sum(peak_mb(process.pid) for process in engine.processes)


def anonymous_of(engine: Running) -> int:
    """Memory of all its processes that is no file's, MB, now."""
    return sum(anonymous_mb(process.pid) for process in engine.processes)


def _start(arguments: Sequence[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - programs of the bench
            arguments,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            cwd=ROOT,
        )


def _check(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"an engine ended:\n{log.read_text(encoding='utf-8', errors='replace')[-4_000:]}")


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Monitor:
    """`claims-monitor worker`, one or several, in a group of its own."""

    ours = True

    def __init__(
        self,
        source: Source,
        name: str,
        folder: Path,
        *,
        workers: int = 1,
        three: bool = False,
        model: Path | None = None,
        fenced: bool = True,
    ) -> None:
        folder.mkdir(parents=True)
        topics_for(source.servers, source.prefix, name)
        self.alerts = source.prefix + ALERTS_LOG
        self.processes: list[subprocess.Popen[bytes]] = []
        self._logs: list[Path] = []
        self._persons = 0
        self._alerts_before = 0.0
        options = ["--group", name]
        if not fenced:  # and no parent process, which would start the ordinary worker
            options += ["--child"]
        program = COMMAND if fenced else [sys.executable, "-m", "bench.unfenced"]
        if three:
            terms = folder / "three.toml"
            terms.write_text(three_checks(default_text()), encoding="utf-8")
            options += ["--terms", str(terms)]
        if model is not None:
            options += ["--model", str(model)]
        for number in range(workers):
            data = folder / f"worker-{number}"
            data.mkdir()
            arguments = ["worker", "-b", source.servers, "--prefix", source.prefix, "--data", str(data), *options]
            self._logs.append(data / "log")
            self.processes.append(_start([*program, *arguments], data / "log", {"CLAIMS_MONITOR_TOKEN": "bench"}))

    def metrics(self) -> str:
        """The metrics pages of all workers; "" if one is busy or not ready."""
        pages = list(map(self._page, self.processes, self._logs))
        return "\n".join(pages) if all(pages) else ""

    def _page(self, process: subprocess.Popen[bytes], log: Path) -> str:
        _check(process, log)
        urls = re.findall(r"pages at (http://\S+)", log.read_text(encoding="utf-8", errors="replace"))
        if not urls:
            return ""
        try:
            with urllib.request.urlopen(urls[-1] + "/metrics", timeout=60) as answer:  # noqa: S310 - our own address
                return str(answer.read().decode())
        except OSError:
            return ""

    def judged(self) -> tuple[int, int, bool]:
        """From the workers' metrics; nothing waits if there is no lag and no alert came since the look before."""
        text = self.metrics()
        if text:
            alerts = added(text, "claims_monitor_alerts_total")
            quiet = alerts == self._alerts_before and added(text, "claims_monitor_lag_records", "contributions") == 0
            self._alerts_before = alerts
            self._persons = int(added(text, "claims_monitor_facts_total", 'type="settlement"'))
        return self._persons, 0, bool(text) and quiet

    def stop(self) -> None:
        """End the workers."""
        _end(self.processes)


def added(text: str, name: str, labels: str = "") -> float:
    """A metric added up over those of its series whose labels contain a text."""
    found = re.findall(rf"^{name}{{([^}}]*)}} (\S+)", text, re.MULTILINE)
    return sum(float(value) for label, value in found if labels in label)


def three_checks(terms: str) -> str:
    """Terms with no other rules than the three of the bench."""
    return re.sub(
        r"^\[rules\.([a-z-]+)\]$",
        lambda found: found[0] if found[1] in RULES else f"{found[0]}\nenabled = false",
        terms,
        flags=re.MULTILINE,
    )


class Peer:
    """A program of `bench/peers`, in its own virtual environment."""

    ours = False

    def __init__(self, engine: str, source: Source, name: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.alerts = f"{name}-alerts"
        plain_topic(source.servers, self.alerts)
        self._folder = folder
        python = str(VENVS / engine / "bin" / "python")
        environment = {
            "BENCH_SERVERS": source.servers,
            "BENCH_CLAIMS": source.prefix + CLAIMS,
            "BENCH_ALERTS": self.alerts,
            "BENCH_NAME": name,
            "BENCH_FOLDER": str(folder),
            "BENCH_PARTITIONS": str(PARTITIONS),
            "BENCH_QUOTAS": str(source.quotas),
        }
        program = f"bench.peers.{engine}.program"
        arguments = [python, "-m", program]
        if engine == "faust":
            arguments += ["worker", "--loglevel", "warn"]
        elif engine == "bytewax":
            recovery = folder / "recovery"
            recovery.mkdir()
            subprocess.run([python, "-m", "bytewax.recovery", str(recovery), str(PARTITIONS)], check=True)  # noqa: S603
            arguments = [python, "-m", "bytewax.run", program, "-r", str(recovery), "-s", "10", "-b", "0"]
        self._log = folder / "log"
        self.processes = [_start(arguments, self._log, environment)]

    def judged(self) -> tuple[int, int, bool]:
        """From what the program counts."""
        _check(self.processes[0], self._log)
        persons, institutions = seen(self._folder)
        return persons, institutions, True

    def stop(self) -> None:
        """End it; one that does not listen (Bytewax) is killed after a minute."""
        _end(self.processes)


def installed(engine: str) -> bool:
    """Whether a peer's virtual environment is there."""
    return (VENVS / engine / "bin" / "python").exists()


def python_version() -> str:
    """Of this process, which the workers share."""
    return ".".join(map(str, sys.version_info[:3]))
