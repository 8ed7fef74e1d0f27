"""Runs the drill: everything is started, all faults are made side by side, until each rule is seen to fire."""

import asyncio
import contextlib
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from monitor import clock
from monitor.broker.server import EmbeddedBroker
from monitor.chatter import quieten
from monitor.connection import Connection
from monitor.demo.parts import small_model
from monitor.demo.screen import language
from monitor.demo.watchers import Watchers, WatchersMissing, found_programs, watchers
from monitor.drill import faults
from monitor.drill.screen import Screen
from monitor.drill.sites import Site, Worker
from monitor.drill.table import Case, cases
from monitor.tasks import spawn

FACTOR: Final = 120.0
"""By which `for` in the rules is shortened; the expressions stay."""
_OLD_MODEL_DAYS: Final = 350
_MODEL_DAYS: Final = 150


@dataclass(frozen=True)
class DrillSettings:
    """What the drill is told.

    Attributes:
        within: seconds in which every rule must have fired.
        lang: of the screen; None: by the locale.
        picture: file for the table as an SVG, None: none.
    """

    within: int = 600
    lang: str | None = None
    picture: Path | None = None


def run_drill(settings: DrillSettings) -> list[Case]:
    """Run it; gives the cases that did not come to be shown.

    Raises:
        BrokerError, JarsError: no broker can be started.
        WatchersMissing: Prometheus or Alertmanager cannot be started.
    """
    found_programs()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    quieten()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="claims-monitor-drill-"))
    try:
        with EmbeddedBroker(folder / "broker", on_progress=_say) as broker:
            connection = Connection(bootstrap_servers=broker.bootstrap_servers)
            return asyncio.run(_run(settings, folder, connection))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    print(f"{text} ...", file=sys.stderr, flush=True)  # noqa: T201 - progress for people


async def _run(settings: DrillSettings, folder: Path, connection: Connection) -> list[Case]:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    lang = language(settings.lang)
    async with watchers(folder / "watchers", factor=FACTOR, scrape_s=1.0, ranges=False) as watching:
        drill = Drill(folder, connection, watching, cases())
        screen = Screen(drill.cases, lang, FACTOR)
        screen.where = f"Prometheus {watching.prometheus}/alerts  Alertmanager {watching.alertmanager}"
        began = clock.monotonic()
        try:
            with screen:
                tasks = [spawn(part, "fault", drill.failed) for part in drill.parts()]
                while not stopped.is_set() and not drill.done and clock.monotonic() < began + settings.within:
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError, WatchersMissing):
                        await drill.look()
                    screen.update()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stopped.wait(), 0.5)
                screen.update()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in drill.workers()))
    screen.summary()
    if settings.picture is not None:
        screen.picture(settings.picture)
    return [case for case in drill.cases if case.state != "shown"]


class Drill:
    """The cases of one drill, and the sites that were made for them."""

    def __init__(self, folder: Path, connection: Connection, watching: Watchers, cases: list[Case]) -> None:
        self.cases = cases
        self._of = {case.rule: case for case in cases}
        self._shown = {case.rule: asyncio.Event() for case in cases}
        self._folder = folder
        self._connection = connection
        self._watching = watching
        self._sites: list[Site] = []
        self._jobs: dict[str, list[str]] = {}

    @property
    def done(self) -> bool:
        """Nothing more is to come."""
        return all(case.state in {"shown", "impossible"} for case in self.cases)

    def workers(self) -> list[Worker]:
        """That were started."""
        return [worker for site in self._sites for worker in site.workers]

    def parts(self) -> list[Coroutine[Any, Any, None]]:
        """What happens side by side."""
        stage = faults.Stage(self._site, self._scraped, self._caused, self._impossible, self._seen)
        return [
            faults.workers_killed(stage),
            faults.source_silent(stage, self._model("old", _OLD_MODEL_DAYS)),
            faults.region_astray(stage, self._model("new", _MODEL_DAYS)),
            faults.broker_refuses(stage),
            faults.records_spoiled(stage),
        ]

    def failed(self, error: BaseException) -> None:
        """A fault could not be made: what waits for it never comes."""
        for case in self.cases:
            if case.state == "waiting":
                case.state, case.why = "impossible", str(error) or type(error).__name__

    async def look(self) -> None:
        """See what fires, and what Alertmanager holds."""
        fires = {(alert.name, alert.labels.get("job")): alert for alert in await self._watching.alerts()}
        holds = {
            (held["labels"]["alertname"], held["labels"].get("job")): held for held in await self._watching.routed()
        }
        for case in self.cases:
            if case.caused is None or case.state == "shown":
                continue
            alert = fires.get((case.name, case.job))
            if alert is None:
                continue
            case.severity = alert.severity
            case.state = "firing" if alert.state == "firing" else "pending"
            held = holds.get((case.name, case.job))
            if case.state == "firing" and held is not None:
                case.state, case.took = "shown", clock.monotonic() - case.caused
                case.runbook = held["annotations"].get("runbook_url", "")
                self._shown[case.rule].set()

    # ------------------------------------------------------------------ for the faults

    async def _model(self, name: str, ago: int) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return await asyncio.to_thread(small_model, folder, 0, ago)

    async def _site(self, job: str, partitions: int) -> Site:
        site = Site(self._connection, job, self._folder / job, partitions)
        self._sites.append(site)
        await site.prepare()
        return site

    def _scraped(self, job: str, worker: Worker) -> None:
        self._jobs.setdefault(job, []).append(worker.url)
        self._watching.scrape_jobs(self._jobs)

    def _caused(self, *rules: str) -> None:
        for rule in rules:
            self._of[rule].state, self._of[rule].caused = "caused", clock.monotonic()

    def _impossible(self, rule: str, why: str) -> None:
        self._of[rule].state, self._of[rule].why = "impossible", why

    async def _seen(self, rule: str) -> None:
        await self._shown[rule].wait()
