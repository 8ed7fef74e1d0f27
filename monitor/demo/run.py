"""The demo: broker, topics, a small model, a worker, a simulator; a screen in the terminal and the live page.

It plays accelerated simulated time that ends at now, on replay topics with the ticks in the data.
"""

import asyncio
import contextlib
import itertools
import logging
import shutil
import signal
import sys
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from monitor import clock
from monitor.broker.server import EmbeddedBroker
from monitor.chatter import quieten
from monitor.connection import Connection
from monitor.demo.metrics_reader import latency_quantiles
from monitor.demo.parts import end, own_model, start_worker, until_ready
from monitor.demo.screen import LATEST, DemoStatus, LatestAlert, Operation, Screen
from monitor.demo.watchers import Firing, Watchers, WatchersMissing, found_programs, watchers
from monitor.page.feed import AlertFeed
from monitor.page.server import Page, serve
from monitor.page.standing import Filter
from monitor.player import Played, play
from monitor.pseudonyms import Pseudonyms, load_secret
from monitor.simulator import Simulation, SimulationConfig, ending_at, preset, simulate
from monitor.tasks import spawn
from monitor.terms_files import load_terms
from monitor.timeline import BadLine, Placed, place
from monitor.topic_admin import create
from topics.alerts import alert_id
from topics.catalogue import ALERTS, all_topics
from topics.times import DAY, UTC_OFFSET, format_time, from_record_time, to_record_time

log = logging.getLogger(__name__)

PARTITIONS: Final = 4
_PERSONS: Final = 6_000
_INSTITUTIONS: Final = 40
_SCREEN_EVERY_S: Final = 0.5
RULES_FASTER: Final = 30.0
"""The demo shortens the durations in Prometheus's rules by this factor: it plays two months in minutes."""
_SETTLING_S: Final = 6.0
"""How long the demo waits at its end for the last facts to be judged."""


@dataclass(frozen=True)
class DemoSettings:
    """What the demo is told.

    Attributes:
        seconds: how long to play, then end by itself; None: play for `default_seconds` and go on until Ctrl-C.
        facts: a file to play instead of the simulation.
        port: of the live page; 0: a free one.
        lang: of the screen; None: by the locale.
        seed: of the simulation.
        default_seconds: length of the play without `seconds`.
        with_prometheus: start Prometheus and Alertmanager too.
    """

    seconds: int | None = None
    facts: Path | None = None
    port: int = 8610
    lang: str | None = None
    seed: int = 0
    default_seconds: int = 150
    with_prometheus: bool = False


@dataclass
class _State:
    """What the screen is drawn from."""

    feed: AlertFeed
    titles: dict[str, Any]
    planted: dict[str, list[str]]
    page_url: str
    worker_url: str | None = None
    worker: str = "starting"
    played: Played = field(default_factory=Played)
    recent: deque[tuple[float, int]] = field(default_factory=deque)
    latency: tuple[int | None, int | None] = (None, None)
    began: float = field(default_factory=clock.monotonic)
    total: int | None = None
    watchers: Watchers | None = None
    firing: list[Firing] = field(default_factory=list)


def run_demo(settings: DemoSettings) -> int:
    """Run the demo; gives the number of alerts that stand at its end.

    Raises:
        BrokerError, JarsError: no broker can be started.
        WatchersMissing: Prometheus or Alertmanager cannot be started.
    """
    if settings.with_prometheus:
        found_programs()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    quieten()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="claims-monitor-demo-"))
    try:
        with EmbeddedBroker(folder / "broker", on_progress=_say) as broker:
            return asyncio.run(_run(settings, folder, Connection(bootstrap_servers=broker.bootstrap_servers)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    print(f"{text} ...", file=sys.stderr, flush=True)  # noqa: T201 - progress for people


async def _run(settings: DemoSettings, folder: Path, connection: Connection) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    _say("creating topics")
    await create(connection, all_topics(), record_time="create", partitions=PARTITIONS)
    _say("fitting a small model")
    model = await asyncio.to_thread(own_model, folder, _region(), settings.seed)
    terms = load_terms(None)
    feed = AlertFeed(connection, ALERTS, Pseudonyms(load_secret(folder)))
    titles = {rule: ruled.title for rule, ruled in terms.versions[-1].rules.items()}
    page = Page(feed, titles)
    async with _page(page, feed, settings.port) as url, _watching(settings, folder) as watching:
        _say("starting the worker")
        worker = start_worker(connection, folder, model)
        try:
            state = _State(feed, titles, {}, url, total=settings.seconds, watchers=watching)
            page.operations = lambda: [operation(alert) for alert in state.firing]
            state.worker_url = await until_ready(connection, worker, stopped)
            if state.worker_url is not None:
                state.worker = "ready"
                if watching is not None:
                    watching.scrape([state.worker_url])
            placed, due = _facts(settings, state, terms.versions[-1].rules.keys())
            await _show(settings, state, connection, placed, due, stopped)
        finally:
            await asyncio.to_thread(end, worker)
    standing = len(feed.standing)
    caught = {rule: _caught(state, rule) for rule in state.planted}
    _summary(state, standing, caught)
    return standing


# ---------------------------------------------------------------------- parts


@asynccontextmanager
async def _page(page: Page, feed: AlertFeed, port: int) -> AsyncIterator[str]:
    """The live page, at another port when the wanted one is taken."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(serve(page, feed, host="127.0.0.1", port=port))
        except OSError:
            url = await stack.enter_async_context(serve(page, feed, host="127.0.0.1", port=0))
        yield url


@asynccontextmanager
async def _watching(settings: DemoSettings, folder: Path) -> AsyncIterator[Watchers | None]:
    """Prometheus and Alertmanager, where wanted."""
    if not settings.with_prometheus:
        yield None
        return
    _say("starting Prometheus and Alertmanager")
    async with watchers(folder / "watchers", factor=RULES_FASTER, scrape_s=1.0) as started:
        yield started


def operation(alert: Firing) -> dict[str, str]:
    """An alert of the monitor's own operation, as the page shows it."""
    return {"name": alert.name, "state": alert.state, "severity": alert.severity, "zh": alert.zh, "en": alert.en}


def _region() -> SimulationConfig:
    return replace(preset("small"), persons=_PERSONS, institutions=_INSTITUTIONS)


def _facts(
    settings: DemoSettings, state: _State, rules: Iterable[str]
) -> tuple[Iterable[Placed | BadLine], Callable[[int], float] | None]:
    """What is played, and when each record time is due."""
    if settings.facts is not None:
        return _file(settings.facts), None
    seconds = settings.seconds or settings.default_seconds
    config = _region()
    now = clock.now_ms() // 1000 + UTC_OFFSET
    speed = config.days * DAY / max(seconds - _SETTLING_S, 1)
    simulation = simulate(ending_at(config, now, speed), settings.seed)
    _plan(state, simulation, set(rules))
    began = clock.monotonic()
    first = to_record_time(simulation.config.begin * DAY)
    lines = (msgspec.json.encode(fact) for _, fact in simulation)
    return place(lines), lambda time_ms: began + (time_ms - first) / 1000 / speed


def _plan(state: _State, simulation: Simulation, rules: set[str]) -> None:
    for label in simulation.labels:
        if label.rule in rules:
            planted = alert_id(label.rule, label.about_kind, label.about_id, label.discriminator)
            state.planted.setdefault(label.rule, []).append(planted)


def _file(path: Path) -> Iterator[Placed | BadLine]:
    from monitor.ndjson import open_lines

    with open_lines(str(path)) as (lines, _):
        yield from place(lines)


# ---------------------------------------------------------------------- showing


async def _show(
    settings: DemoSettings,
    state: _State,
    connection: Connection,
    placed: Iterable[Placed | BadLine],
    due: Callable[[int], float] | None,
    stopped: asyncio.Event,
) -> None:
    """Play the facts and keep the screen up to date until the demo ends."""

    def progress(played: Played) -> None:
        state.played = played

    state.began = clock.monotonic()
    failure: list[BaseException] = []
    playing = spawn(play(placed, connection, due=due, on_progress=progress), "player", failure.append)
    asking = spawn(_ask(state), "metrics")
    try:
        with Screen(settings.lang) as screen:
            for _ in itertools.count():
                left = None if settings.seconds is None else state.began + settings.seconds - clock.monotonic()
                done = stopped.is_set() or (left is not None and left <= 0) or bool(failure)
                # a file may be played long before the time is over
                if settings.facts is not None and settings.seconds is None and playing.done():
                    await asyncio.sleep(_SETTLING_S)
                    done = True
                screen.update(_status(state, left), last=done)
                if done:
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), _SCREEN_EVERY_S)
    finally:
        for task in (playing, asking):
            task.cancel()
        await asyncio.gather(playing, asking, return_exceptions=True)
    if failure:
        raise failure[0]


async def _ask(state: _State) -> None:
    """Latency quantiles, from the worker's own metrics."""
    while True:
        if state.worker_url is not None:
            state.latency = await latency_quantiles(state.worker_url)
        if state.watchers is not None:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, WatchersMissing):
                state.firing = await state.watchers.alerts()
        await asyncio.sleep(1.0)


def _status(state: _State, left: float | None) -> DemoStatus:
    now = clock.monotonic()
    state.recent.append((now, state.played.facts))
    while state.recent[0][0] < now - 5:
        state.recent.popleft()
    span = now - state.recent[0][0]
    totals = state.feed.standing.totals()
    return DemoStatus(
        facts_per_second=round((state.played.facts - state.recent[0][1]) / span) if span > 0 else 0,
        facts_total=state.played.facts,
        simulated_time=format_time(from_record_time(state.played.now_ms)) if state.played.now_ms else None,
        latency_p50_ms=state.latency[0],
        latency_p99_ms=state.latency[1],
        standing={rule: count["standing"] for rule, count in totals["by_rule"].items()},
        titles=state.titles,
        at_stake=totals["amount_fen"],
        caught={rule: (_caught(state, rule), len(planted)) for rule, planted in sorted(state.planted.items())},
        latest=_latest(state),
        page_url=state.page_url,
        worker=state.worker,
        seconds_left=None if left is None else max(0, round(left)),
        seconds_total=state.total,
        operations=[Operation(one.name, one.state, one.severity, one.zh, one.en) for one in state.firing],
        prometheus_url=None if state.watchers is None else state.watchers.prometheus,
        alertmanager_url=None if state.watchers is None else state.watchers.alertmanager,
    )


def _caught(state: _State, rule: str) -> int:
    return sum(jr_id in state.feed.standing for jr_id in state.planted[rule])


def _latest(state: _State) -> list[LatestAlert]:
    _, newest = state.feed.standing.newest(Filter(), LATEST)
    latest = []
    for entry in newest:
        alert, texts = entry.alert, entry.alert.vola_cont
        latest.append(
            LatestAlert(
                alert.rule_id,
                alert.sev_deg or "",
                alert.fixmedins_code,
                texts.zh if texts else "",
                texts.en if texts else "",
            )
        )
    return latest


def _summary(state: _State, standing: int, caught: dict[str, int]) -> None:
    by_rule: Counter[str] = Counter(
        {rule: count["standing"] for rule, count in state.feed.standing.totals()["by_rule"].items()}
    )
    for rule, count in sorted(by_rule.items()):
        planted = f", planted cases caught: {caught[rule]} of {len(state.planted[rule])}" if rule in caught else ""
        print(f"  {rule}: {count}{planted}")  # noqa: T201 - the command's output
    if state.watchers is not None:
        for one in state.firing:
            print(f"  Prometheus: {one.name} is {one.state}: {one.en}")  # noqa: T201 - as above
    print(f"facts: {state.played.facts}")  # noqa: T201 - as above
    print(f"alerts: {standing}", flush=True)  # noqa: T201 - as above
