"""A scene for tests, pictures and drills: broker, worker, live page, a real Prometheus, and simulated facts judged."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer

from monitor import clock
from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection
from monitor.demo.parts import end, small_model, start_worker, until_ready
from monitor.demo.watchers import Watchers, watchers
from monitor.page.feed import AlertFeed
from monitor.page.server import Page, serve
from monitor.player import play
from monitor.pseudonyms import Pseudonyms, load_secret
from monitor.simulator import Simulation, ending_at, preset, simulate
from monitor.terms_files import load_terms
from monitor.timeline import place
from monitor.topic_admin import create
from topics.catalogue import ALERTS, CLAIMS, all_topics
from topics.times import DAY, UTC_OFFSET, to_record_time

PARTITIONS: Final = 2
SCRAPE_S: Final = 1.0


@dataclass
class Scene:
    """What runs.

    Attributes:
        connection: to the broker.
        watchers: Prometheus and Alertmanager.
        worker: address of its pages.
        page: address of the live page.
        folder: of all files.
    """

    connection: Connection
    watchers: Watchers
    worker: str
    page: str
    folder: Path

    @staticmethod
    def expression(expr: str, rate_interval: str = "60s") -> str:
        """A panel's query as Grafana sends it with nothing chosen."""
        return expr.replace("$__rate_interval", rate_interval).replace('"$region"', '".*"').replace('"$level"', '".*"')


@asynccontextmanager
async def scene(*, factor: float = 30.0, port: int = 0) -> AsyncIterator[Scene]:
    """Start everything; nothing is played yet.

    Args:
        factor: by which the durations of Prometheus's rules are shortened.
        port: of the live page.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="claims-monitor-scene-"))
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        broker = stack.enter_context(EmbeddedBroker(folder / "broker"))
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        await create(connection, all_topics(), record_time="create", partitions=PARTITIONS)
        model = await asyncio.to_thread(small_model, folder, 0)
        watching = await stack.enter_async_context(watchers(folder / "watchers", factor=factor, scrape_s=SCRAPE_S))
        worker = start_worker(connection, folder, model)
        stack.push_async_callback(asyncio.to_thread, end, worker)
        feed = AlertFeed(connection, ALERTS, Pseudonyms(load_secret(folder)))
        titles = {rule: ruled.title for rule, ruled in load_terms(None).versions[-1].rules.items()}
        page = await stack.enter_async_context(serve(Page(feed, titles), feed, host="127.0.0.1", port=port))
        url = await until_ready(connection, worker, asyncio.Event())
        if url is None:
            raise RuntimeError("stopped")
        watching.scrape([url])
        yield Scene(connection, watching, url, page, folder)


def region(seconds: float, persons: int = 3_000, institutions: int = 40, seed: int = 0) -> Simulation:
    """A small region whose weeks pass in so many seconds and end at now."""
    config = replace(preset("small"), persons=persons, institutions=institutions)
    now = clock.now_ms() // 1000 + UTC_OFFSET
    return simulate(ending_at(config, now, config.days * DAY / seconds), seed)


async def played(simulation: Simulation, connection: Connection, seconds: float) -> None:
    """Play a simulation at a pace that takes so many seconds."""
    began = clock.monotonic()
    config = simulation.config
    first, speed = to_record_time(config.begin * DAY), config.days * DAY / seconds

    def lines() -> Iterator[bytes]:
        return (msgspec.json.encode(fact) for _, fact in simulation)

    await play(place(lines()), connection, due=lambda time_ms: began + (time_ms - first) / 1000 / speed)


async def spoil(connection: Connection, count: int = 40) -> None:
    """Send records that cannot be admitted."""
    producer = AIOKafkaProducer(**connection.aiokafka())
    await producer.start()
    try:
        for number in range(count):
            value = b"no json" if number % 2 else b'{"type": "settlement"}'
            await producer.send_and_wait(CLAIMS, value, key=b"P", partition=number % PARTITIONS)
    finally:
        await producer.stop()


@asynccontextmanager
async def judged_scene(seconds: float, port: int = 0) -> AsyncIterator[Scene]:
    """A scene in which weeks of a region were judged, some bad records among them."""
    async with scene(port=port) as made:
        await spoil(made.connection, 2)  # so that the counters are there before they rise
        await asyncio.sleep(3 * SCRAPE_S)
        await spoil(made.connection)
        await played(region(seconds), made.connection, seconds)
        yield made
