"""Latency of alerts: from when a claim is due to be produced until a consumer that reads committed sees its alert.

Claims are produced at a steady rate, all of one day in the middle of a quota's month; the day goes by in the length of
the run, and each institution is over its quota, so that inpatient settlements revise its alert (stage two). A claim
counts from when it was due, not from when it was sent: a producer that falls behind does not make an engine look
better. After a run-in there are several windows; of each the median and the 99th percentile are taken, and of those
the medians over the windows.

An engine keeps up with a rate when half of the alerts of the last window took less than a second.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from math import ceil
from statistics import median
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from bench.claims import Claim, Size, claims
from bench.engines import Monitor, Running, added
from bench.loading import PARTITIONS, a_producer, send_quotas, tick_at
from bench.told import a_reader, ends, of_monitor, of_peer
from monitor.app import KEYS, PERSONS
from monitor.clock import monotonic, now_ms
from monitor.outgoing import partition_of
from monitor.tasks import spawn
from topics.catalogue import CLAIMS
from topics.times import to_record_time

PRELUDE: Final = 2_000
"""Claims before the run, judged before it begins: the engine has its partitions and state."""
TICK_EVERY_S: Final = 5.0
KEEPS_UP_S: Final = 1.0
DRAIN_S: Final = 20.0
READY_S: Final = 300.0
SLOT_S: Final = 0.005
QUOTAS_OF: Final = 1_000
"""Quotas as for so many settlements: all institutions pass them at once."""


class Pace(NamedTuple):
    """How claims are produced: so many a second, for a run-in and some windows of so many seconds."""

    rate: int
    run_in: float = 10.0
    windows: int = 5
    window: float = 8.0

    @property
    def size(self) -> Size:
        """Of the claims: a day in the middle of the month."""
        run = self.run_in + self.windows * self.window
        return Size(PRELUDE + int(self.rate * run), days=1, frequent=0.45, first_day=10)


class Quantiles(NamedTuple):
    """Milliseconds: medians over windows, and over how many alerts."""

    p50: float
    p99: float
    alerts: int


class Latency(NamedTuple):
    """Of one rate.

    Attributes:
        rate: claims a second that were asked for.
        produced: claims a second that the bench produced.
        persons: alerts about persons' facts; None: there were none.
        institutions: alerts about institutions (stage two).
        keeps_up: whether the engine keeps up with the rate.
        transactions: mean milliseconds of a transaction by stage; only the monitor tells them.
    """

    rate: int
    produced: float
    persons: Quantiles | None
    institutions: Quantiles | None
    keeps_up: bool
    transactions: dict[str, float] | None = None


def quota_size() -> Size:
    """The size whose quotas every institution passes at once."""
    return Size(QUOTAS_OF)


async def fill_quotas(servers: str, prefix: str) -> None:
    """Fill the registry, before an engine starts."""
    producer = a_producer(servers, 0)
    await producer.start()
    await send_quotas(producer, prefix, quota_size())
    await producer.stop()


async def measure(servers: str, prefix: str, start: Callable[[], Running], pace: Pace) -> Latency:
    """Start an engine, produce at a pace, and time its alerts."""
    taken = list(claims(pace.size))
    engine = await asyncio.to_thread(start)
    begin = await ends(servers, engine.alerts)
    producer = a_producer(servers, 0)
    await producer.start()
    try:
        await _ticks(producer, prefix, taken[0].at)
        for claim in taken[:PRELUDE]:
            await _send(producer, prefix, claim)
        until = monotonic() + READY_S
        while (await asyncio.to_thread(engine.judged))[0] < PRELUDE:
            if monotonic() > until:
                raise RuntimeError(f"the engine has not judged {PRELUDE} claims within {READY_S:.0f} s")
            await asyncio.sleep(0.25)
        due: dict[str, float] = {}
        seen: list[tuple[float, float, bool]] = []
        reader = spawn(_read(servers, engine, begin, due, seen), "alerts", lambda error: print(repr(error)))  # noqa: T201
        await asyncio.sleep(1)
        took = await produce(producer, prefix, taken[PRELUDE:], pace.rate, due)
        await _drained(engine, len(taken), seen)
        transactions = await asyncio.to_thread(_transactions, engine)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
    finally:
        await producer.stop()
        await asyncio.to_thread(engine.stop)
    found = summed_up(pace, (len(taken) - PRELUDE) / took, min(due.values()), seen)
    return found._replace(transactions=transactions)


def _transactions(engine: Running) -> dict[str, float] | None:
    if not isinstance(engine, Monitor):
        return None
    text = engine.metrics()
    name = "claims_monitor_transaction_seconds"
    found = {}
    for stage in (PERSONS, KEYS):
        count = added(text, f"{name}_count", f'stage="{stage}"')
        if count:
            found[stage] = round(added(text, f"{name}_sum", f'stage="{stage}"') / count * 1000, 1)
    return found


async def _send(producer: AIOKafkaProducer, prefix: str, claim: Claim) -> None:
    key = claim.person.encode()
    await producer.send(
        prefix + CLAIMS,
        claim.value,
        key=key,
        partition=partition_of(key, PARTITIONS),
        timestamp_ms=to_record_time(claim.at + 1),
        headers=[("produced_at", str(now_ms()).encode())],
    )


async def _ticks(producer: AIOKafkaProducer, prefix: str, at: int) -> None:
    for partition in range(PARTITIONS):
        await producer.send(prefix + CLAIMS, tick_at(at), partition=partition, timestamp_ms=to_record_time(at))


async def produce(
    producer: AIOKafkaProducer, prefix: str, taken: Sequence[Claim], rate: int, due: dict[str, float]
) -> float:
    """Send each claim when it is due, noted by setl_id in `due`; gives how long it took, seconds."""
    began = monotonic()
    ticked = began
    for number, claim in enumerate(taken):
        when = began + number / rate
        wait = when - monotonic()
        if wait > 0:  # then a little longer, and the next ones are sent at once
            await asyncio.sleep(max(wait, SLOT_S))
        due[id_of(claim)] = when
        await _send(producer, prefix, claim)
        if when - ticked > TICK_EVERY_S:
            ticked = when
            await _ticks(producer, prefix, claim.at)
    await producer.flush()
    return monotonic() - began


def id_of(claim: Claim) -> str:
    """A claim's setl_id, without decoding all of it."""
    begin = claim.value.index(b'"setl_id":"') + 11
    return claim.value[begin : claim.value.index(b'"', begin)].decode()


async def _read(
    servers: str,
    engine: Running,
    begin: dict[TopicPartition, int],
    due: dict[str, float],
    seen: list[tuple[float, float, bool]],
) -> None:
    """Note for each alert when its claim was due, how long it took, and whether it is of stage two."""
    consumer = a_reader(servers)
    await consumer.start()
    try:
        consumer.assign(list(begin))
        for tp, offset in begin.items():
            consumer.seek(tp, offset)
        while True:
            batches = await consumer.getmany(timeout_ms=100)
            now = monotonic()
            for batch in batches.values():
                for record in batch:
                    value = record.value or b""
                    alert: dict[str, Any] = of_monitor(value, record.headers) if engine.ours else of_peer(value)
                    when = due.get(alert["cause"])
                    if when is not None:
                        seen.append((when, now - when, alert["second"]))
    finally:
        await consumer.stop()


async def _drained(engine: Running, claims_sent: int, seen: list[tuple[float, float, bool]]) -> None:
    """Wait until all claims are judged, a while at most, and then until no more alerts come."""
    until = monotonic() + DRAIN_S
    while monotonic() < until:
        if (await asyncio.to_thread(engine.judged))[0] >= claims_sent:
            break
        await asyncio.sleep(1)
    while monotonic() < until:
        before = len(seen)
        await asyncio.sleep(2)
        if len(seen) == before:
            return


def summed_up(pace: Pace, produced: float, began: float, seen: Sequence[tuple[float, float, bool]]) -> Latency:
    """The medians over the windows.

    Args:
        pace: of the run.
        produced: claims a second.
        began: when the first claim of the run-in was due.
        seen: of each alert: when its claim was due, how long it took (both seconds), whether it is of stage two.
    """
    persons: list[list[float]] = [[] for _ in range(pace.windows)]
    institutions: list[list[float]] = [[] for _ in range(pace.windows)]
    for when, took, second in seen:
        window = int((when - began - pace.run_in) // pace.window)
        if 0 <= window < pace.windows:
            (institutions if second else persons)[window].append(took)
    last = [*persons[-1], *institutions[-1]]
    keeps_up = bool(last) and median(last) < KEEPS_UP_S
    return Latency(pace.rate, produced, _quantiles(persons), _quantiles(institutions), keeps_up)


def _quantiles(windows: Sequence[Sequence[float]]) -> Quantiles | None:
    filled = [sorted(window) for window in windows if window]
    if not filled:
        return None
    return Quantiles(
        round(median(at(window, 0.5) for window in filled) * 1000, 1),
        round(median(at(window, 0.99) for window in filled) * 1000, 1),
        sum(map(len, filled)),
    )


def at(ordered: Sequence[float], share: float) -> float:
    """The value that so large a share of ordered values does not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
