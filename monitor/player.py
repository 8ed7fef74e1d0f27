"""Writes facts into Kafka: files with their own record times, or a simulator's stream."""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from monitor import clock
from monitor.connection import Connection
from monitor.delivery.source_topics import partition_counts
from monitor.outgoing import partition_of
from monitor.timeline import BadLine, Placed, place
from monitor.worker.unit import PRODUCED_AT
from topics.catalogue import CLAIMS, INSTITUTIONS, REGISTRY

log = logging.getLogger(__name__)

_TOPIC = {"person": CLAIMS, "institution": INSTITUTIONS, "registry": REGISTRY}
_SLICE = 500
_SOON_S = 0.02
_AHEAD = 5_000
_STOP_S = 10.0


class PlayError(Exception):
    """Facts cannot be written; the message says what to do."""


@dataclass
class Played:
    """What was written so far.

    Attributes:
        facts: records of facts and registry entries.
        ticks: ticks, each of which went to every partition of both fact topics.
        bad: lines that hold no object of the contract.
        now_ms: record time of the last one.
    """

    facts: int = 0
    ticks: int = 0
    bad: int = 0
    now_ms: int = 0


async def play(
    placed: Iterable[Placed | BadLine],
    connection: Connection,
    *,
    prefix: str = "",
    rate: float | None = None,
    due: Callable[[int], float] | None = None,
    trickling: bool = False,
    on_bad: Callable[[BadLine], None] = lambda _bad: None,
    on_progress: Callable[[Played], None] = lambda _played: None,
) -> Played:
    """Write placed objects into their topics with their record times.

    None is lost, however often and however long brokers are away: it waits for them. Each is written once, but for
    records with times of more than a day ago that were under way when a broker was killed: it has forgotten their
    producer (`producer.id.expiration.ms`), and workers count what comes twice as duplicates.

    Args:
        placed: see `timeline.place`.
        connection: how brokers are reached.
        prefix: of topic names.
        rate: facts a second; None: as fast as the broker takes them.
        due: record time -> when to write it (`clock.monotonic`), for accelerated time; None: at once.
        trickling: whether the next object may be long in coming; what came before is written all the same.
        on_bad: told of every line that is left out.
        on_progress: told now and then.

    Raises:
        PlayError: the topics do not exist.
    """
    counts = await partition_counts(connection, "claims-monitor-player")
    missing = [prefix + topic for topic in _TOPIC.values() if prefix + topic not in counts]
    if missing:
        raise PlayError(
            f"these topics do not exist: {', '.join(missing)}; create them with "
            "`claims-monitor topics create --record-time create`"
        )
    # without idempotence a batch expires when brokers are away for long, and one that is sent again may lie there twice
    producer = AIOKafkaProducer(
        **connection.aiokafka(), acks="all", enable_idempotence=True, compression_type="lz4", linger_ms=5
    )
    await producer.start()
    played = Played()
    began = clock.monotonic()
    try:
        waiting: list[asyncio.Future[object]] = []
        async for item in _trickled(placed) if trickling else _at_hand(placed):
            if item is None:
                await asyncio.gather(*waiting)
                waiting.clear()
                on_progress(played)
                continue
            if isinstance(item, BadLine):
                played.bad += 1
                on_bad(item)
                continue
            early = 0.0 if due is None else due(item.time_ms) - clock.monotonic()
            if early > _SOON_S:
                await asyncio.gather(*waiting)
                waiting.clear()
                on_progress(played)
                await asyncio.sleep(early)
            waiting += [
                await _send(producer, topic, key, partition, item)
                for topic, key, partition in _targets(item, prefix, counts)
            ]
            played.now_ms = item.time_ms
            if item.family == "tick":
                played.ticks += 1
            else:
                played.facts += 1
            if len(waiting) >= (_SLICE if rate is None else max(1, min(_SLICE, int(rate / 20)))):
                await asyncio.gather(*waiting)
                waiting.clear()
                on_progress(played)
                if rate is not None:
                    ahead = played.facts / rate - (clock.monotonic() - began)
                    if ahead > 0:
                        await asyncio.sleep(ahead)
        await asyncio.gather(*waiting)
        on_progress(played)
    finally:
        # whoever ends it while brokers are away does not wait for them
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await producer.stop()
    return played


async def _at_hand(placed: Iterable[Placed | BadLine]) -> AsyncIterator[Placed | BadLine | None]:
    for item in placed:
        yield item


async def _trickled(placed: Iterable[Placed | BadLine]) -> AsyncIterator[Placed | BadLine | None]:
    """Take objects from a thread that waits for them; gives None whenever there is none at the moment."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    there: deque[Placed | BadLine] = deque()
    room = threading.Semaphore(_AHEAD)
    ended: list[BaseException | None] = []

    def read() -> None:
        error: BaseException | None = None
        try:
            for item in placed:
                room.acquire()
                there.append(item)
                loop.call_soon_threadsafe(came.set)
        except Exception as raised:  # noqa: BLE001 - it is raised again where objects are taken
            error = raised
        ended.append(error)
        with contextlib.suppress(RuntimeError):  # the loop was ended by a signal
            loop.call_soon_threadsafe(came.set)

    # a daemon: whoever ends the player does not wait for the next line
    threading.Thread(target=read, name="player-input", daemon=True).start()
    while True:
        over = bool(ended)  # asked first: what came before the end is there by now
        while there:
            yield there.popleft()
            room.release()
        if over:
            if ended[0] is not None:
                raise ended[0]
            return
        yield None
        await came.wait()
        came.clear()


async def _send(
    producer: AIOKafkaProducer, topic: str, key: bytes | None, partition: int, item: Placed
) -> "asyncio.Future[object]":
    while True:
        try:
            sent: asyncio.Future[object] = await producer.send(
                topic, item.value, key=key, partition=partition, timestamp_ms=item.time_ms, headers=_produced()
            )
        except KafkaTimeoutError:  # there was no room for it: what waits before it is not taken by any broker
            log.warning("no broker takes what waits for %s; waiting", topic)
        else:
            return sent


def _targets(item: Placed, prefix: str, counts: dict[str, int]) -> list[tuple[str, bytes | None, int]]:
    if item.family == "tick":
        topics = (prefix + CLAIMS, prefix + INSTITUTIONS)
        return [(topic, None, partition) for topic in topics for partition in range(counts[topic])]
    topic = prefix + _TOPIC[item.family]
    key = (item.key or "").encode()
    return [(topic, key, partition_of(key, counts[topic]))]


def _produced() -> list[tuple[str, bytes]]:
    return [(PRODUCED_AT, str(clock.now_ms()).encode())]


def play_lines(
    lines: Iterable[bytes],
    connection: Connection,
    *,
    prefix: str = "",
    rate: float | None = None,
    trickling: bool = False,
    on_bad: Callable[[BadLine], None] = lambda _bad: None,
    on_progress: Callable[[Played], None] = lambda _played: None,
) -> Played:
    """Write NDJSON lines into Kafka; see `play`."""
    return asyncio.run(
        play(
            place(lines),
            connection,
            prefix=prefix,
            rate=rate,
            trickling=trickling,
            on_bad=on_bad,
            on_progress=on_progress,
        )
    )
