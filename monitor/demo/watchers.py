"""A real Prometheus and Alertmanager beside the demo, with the project's own rules and routing.

Both are looked for on PATH. Their files lie in a folder of the caller's; they listen on this machine alone.
"""

import asyncio
import contextlib
import json
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from monitor.broker.ports import free_port
from monitor.children import ends_with_parent

HOST: Final = "127.0.0.1"
JOB: Final = "claims-monitor"
"""The job by which the rules know the workers."""
PROGRAMS: Final = {"prometheus": ("prometheus",), "alertmanager": ("prometheus-alertmanager", "alertmanager")}
INSTALL: Final = (
    "Install them with `apt-get install prometheus prometheus-alertmanager` (Debian, Ubuntu), "
    "`brew install prometheus alertmanager` (macOS), or put the programs of prometheus.io on PATH"
)
_READY_S: Final = 30.0
_LEAST_RANGE_S: Final = 5
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_FOR: Final = re.compile(r"(?m)^(\s+(?:for|group_wait|group_interval|repeat_interval): )(\d+)(ms|s|m|h|d)$")
_RANGE: Final = re.compile(r"\[(\d+)(s|m|h|d)\]")


class WatchersMissing(Exception):
    """A program is not there, or did not start; the message says what to do."""


def dashboards_folder() -> Path:
    """Where rules, routing and dashboards lie: beside the packages in the source tree, inside in an installed one."""
    packages = Path(__file__).parents[2]
    for folder in (packages / "dashboards", packages / "monitor" / "dashboards"):
        if (folder / "prometheus" / "rules.yml").is_file():
            return folder
    raise WatchersMissing(
        "the rules for Prometheus are not installed; use the source tree, or install the package anew"
    )


def faster(text: str, factor: float, *, ranges: bool = True) -> str:
    """Rules or routing with every duration shortened, for demos and drills: `for: 10m` by 30 becomes `for: 20s`.

    Ranges (`[5m]`) keep at least 5 s, so that they hold a few samples at one scrape a second; without `ranges` the
    expressions stay as they are.
    """

    def shorter(amount: str, unit: str) -> float:
        return int(amount) * _UNITS[unit] / factor

    text = _FOR.sub(lambda found: f"{found[1]}{round(shorter(found[2], found[3]) * 1000)}ms", text)
    if not ranges:
        return text
    return _RANGE.sub(lambda found: f"[{max(_LEAST_RANGE_S, round(shorter(found[1], found[2])))}s]", text)


@dataclass(frozen=True)
class Firing:
    """An alert of Prometheus's rules.

    Attributes:
        name: of the rule.
        state: `pending` or `firing`.
        severity: critical, warning or info.
        en: summary in English.
        zh: summary in Chinese.
        labels: all of them.
    """

    name: str
    state: str
    severity: str
    en: str
    zh: str
    labels: dict[str, str]


def found_programs() -> dict[str, str]:
    """Paths of the programs.

    Raises:
        WatchersMissing: one is not on PATH.
    """
    found = {}
    for name, candidates in PROGRAMS.items():
        path = next((path for path in map(shutil.which, candidates) if path), None)
        if path is None:
            raise WatchersMissing(f"{name} is not on PATH. {INSTALL}")
        found[name] = path
    return found


class Watchers:
    """A running Prometheus with its Alertmanager; made by `watchers`."""

    def __init__(self, folder: Path, prometheus: str, alertmanager: str) -> None:
        self.prometheus = prometheus
        self.alertmanager = alertmanager
        self._targets = folder / "targets.json"
        self._session: aiohttp.ClientSession | None = None

    def scrape(self, urls: Sequence[str]) -> None:
        """Scrape these workers from now on."""
        self.scrape_jobs({JOB: urls})

    def scrape_jobs(self, jobs: Mapping[str, Sequence[str]]) -> None:
        """Scrape the workers of several jobs from now on."""
        groups = [
            {"targets": [url.removeprefix("http://").rstrip("/") for url in urls], "labels": {"job": job}}
            for job, urls in jobs.items()
        ]
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps(groups))
        new.replace(self._targets)  # whole at any moment: Prometheus watches it

    async def query(self, expression: str, **parameters: str) -> list[dict[str, Any]]:
        """The result of an instant query, or of a range query when `start`, `end` and `step` are given."""
        path = "query_range" if "start" in parameters else "query"
        answer = await self._get(f"{self.prometheus}/api/v1/{path}", query=expression, **parameters)
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    async def alerts(self) -> list[Firing]:
        """Pending and firing alerts, the worst first."""
        answer = await self._get(f"{self.prometheus}/api/v1/alerts")
        found = [
            Firing(
                alert["labels"]["alertname"],
                alert["state"],
                alert["labels"].get("severity", ""),
                alert["annotations"].get("summary", ""),
                alert["annotations"].get("summary_zh", ""),
                alert["labels"],
            )
            for alert in answer["data"]["alerts"]
        ]
        order = {"critical": 0, "warning": 1, "info": 2}
        return sorted(found, key=lambda alert: (alert.state != "firing", order.get(alert.severity, 3), alert.name))

    async def routed(self) -> list[dict[str, Any]]:
        """What Alertmanager holds: labels, receivers, and by what an alert is inhibited."""
        found: list[dict[str, Any]] = await self._get(f"{self.alertmanager}/api/v2/alerts")
        return found

    async def rules(self) -> list[dict[str, Any]]:
        """Rules as Prometheus has read them."""
        answer = await self._get(f"{self.prometheus}/api/v1/rules")
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

    async def _get(self, url: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        async with self._session.get(url, params=parameters) as response:
            if response.status != 200:
                raise WatchersMissing(f"{url} answered {response.status}: {(await response.text())[:500]}")
            return await response.json()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


@asynccontextmanager
async def watchers(
    folder: Path, *, factor: float = 1.0, scrape_s: float = 15.0, ranges: bool = True
) -> AsyncIterator[Watchers]:
    """Prometheus and Alertmanager while the context lasts.

    Args:
        folder: for their files.
        factor: by which the durations in rules and routing are shortened.
        scrape_s: between two scrapes, and two evaluations of the rules.
        ranges: shorten the ranges in the rules' expressions too.

    Raises:
        WatchersMissing: a program is not there, or does not start.
    """
    programs = found_programs()
    ports = [free_port()]
    ports.append(free_port(*ports))
    _write(folder, ports[1], factor, scrape_s, ranges=ranges)
    made = Watchers(folder, f"http://{HOST}:{ports[0]}", f"http://{HOST}:{ports[1]}")
    made.scrape([])
    commands = {
        "alertmanager": [
            programs["alertmanager"],
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{ports[1]}",
            "--cluster.listen-address=",
        ],
        "prometheus": [
            programs["prometheus"],
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address={HOST}:{ports[0]}",
            "--enable-feature=exemplar-storage",
        ],
    }
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            started[name] = _start(command, folder / f"{name}.log")
        for name, url in (("alertmanager", made.alertmanager), ("prometheus", made.prometheus)):
            await _until_ready(name, f"{url}/-/ready", started[name], folder / f"{name}.log")
        yield made
    finally:
        await made.close()
        for process in started.values():
            process.terminate()
        for process in started.values():
            await asyncio.to_thread(_ended, process)


def _write(folder: Path, alertmanager_port: int, factor: float, scrape_s: float, *, ranges: bool) -> None:
    """Write the configuration of both."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = dashboards_folder()
    for name in ("prometheus/rules.yml", "alertmanager/alertmanager.yml"):
        text = (sources / name).read_text(encoding="utf-8")
        shortened = text if factor == 1 else faster(text, factor, ranges=ranges)
        (folder / Path(name).name).write_text(shortened, encoding="utf-8")
    (folder / "prometheus.yml").write_text(_configuration(folder, alertmanager_port, scrape_s), encoding="utf-8")


def _configuration(folder: Path, alertmanager_port: int, scrape_s: float) -> str:
    return f"""\
global:
  scrape_interval: {round(scrape_s * 1000)}ms
  scrape_timeout: {round(min(scrape_s, 10) * 1000)}ms
  evaluation_interval: {round(scrape_s * 1000)}ms
rule_files: [{json.dumps(str(folder / "rules.yml"))}]
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["{HOST}:{alertmanager_port}"]
scrape_configs:
  - job_name: {JOB}
    file_sd_configs:
      - files: [{json.dumps(str(folder / "targets.json"))}]
        refresh_interval: 1s
"""


def _start(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        # its own session: Ctrl-C is for the demo to pass on
        return subprocess.Popen(  # noqa: S603 - found on PATH by its name
            list(command),
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=ends_with_parent(signal.SIGKILL),  # noqa: PLW1509 - two system calls
        )


def _ended(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").strip().splitlines()[-1:])


async def _until_ready(name: str, url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session, asyncio.timeout(_READY_S):
        while True:
            if process.poll() is not None:
                raise WatchersMissing(f"{name} ended with exit code {process.returncode}: {_last_line(log)}")
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)
