"""The faults themselves. Each says when it was made; that it is noticed is for Prometheus to show."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import msgspec

from monitor import clock
from monitor.demo.watchers import JOB
from monitor.drill.sites import Site, Worker
from monitor.drill.table import REFUSED, REGION, SILENT, SPOILED
from monitor.player import play
from monitor.simulator import ending_at, preset, simulate
from monitor.tasks import spawn
from monitor.terms_files import default_text
from monitor.timeline import place
from topics.catalogue import DEFAULT_GROUP, person_changelog
from topics.times import DAY, UTC_OFFSET, format_time, parse_time, to_record_time

_SCRAPES_S: Final = 4.0
"""So long a healthy worker is watched before its fault: counters that rise must have been seen before."""
_PLAY_S: Final = 60.0
_FROZEN_S: Final = 6.0
_FLOOD: Final = 60_000
_MONEY: Final = (
    "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay", "fulamt_ownpay_amt", "overlmt_selfpay",
    "preselfpay_amt", "inscp_scp_amt",
)  # fmt: skip
_DISK: Final = (
    "unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
    'mount -t tmpfs -o size=256m tmpfs "$0" && head -c 240m /dev/zero > "$0/other" && exec "$@"',
)  # fmt: skip
"""A disk of 256 MiB, of which other files hold 240."""


@dataclass(frozen=True)
class Stage:
    """What faults are made with.

    Attributes:
        site: gives the place of a job, with its topics.
        scraped: lets Prometheus watch a worker of a job.
        caused: notes that the faults of these rules are made.
        impossible: notes why the fault of a rule cannot be made here.
        seen: waits until a rule is shown.
    """

    site: Callable[[str, int], Awaitable[Site]]
    scraped: Callable[[str, Worker], None]
    caused: Callable[..., None]
    impossible: Callable[[str, str], None]
    seen: Callable[[str], Awaitable[None]]


async def workers_killed(stage: Stage) -> None:
    """Two workers: one gets later terms; one is killed; the other is killed."""
    site = await stage.site(JOB, 2)
    terms = site.folder / "terms"
    terms.mkdir()
    (terms / "now.toml").write_text(default_text(), encoding="utf-8")
    (terms / "later.toml").write_text('valid_from = "2099-01-01 00:00:00"\n' + default_text(), encoding="utf-8")
    last = await site.start()
    first = await site.start(more=["--terms", str(terms)])
    stage.scraped(JOB, last)
    stage.scraped(JOB, first)
    stage.caused("TermsDiffer")
    await site.facts(20)
    await stage.seen("TermsDiffer")
    first.strike(signal.SIGKILL)
    stage.caused("WorkerDown", "PartitionsUnjudged")
    for rule in ("WorkerDown", "PartitionsUnjudged"):
        await stage.seen(rule)
    last.strike(signal.SIGKILL)
    stage.caused("NoWorkers")


async def broker_refuses(stage: Stage) -> None:
    """The broker refuses what a worker writes: it fails, is started again, and fails."""
    site = await stage.site(REFUSED, 1)
    stage.scraped(REFUSED, await site.start())
    await site.facts(20)
    await asyncio.sleep(_SCRAPES_S)
    await site.refuse(person_changelog(DEFAULT_GROUP))
    await site.facts(20)
    stage.caused("TransactionsFailing", "WorkerRestarting")


async def records_spoiled(stage: Stage) -> None:
    """A bad deployment upstream: what it sends cannot be read, and there is much of it."""
    site = await stage.site(SPOILED, 1)
    worker = await site.start()
    stage.scraped(SPOILED, worker)
    await site.register(
        {"type": "model", "role": "active", "version": "never-published", "valid_from": "2020-01-01 00:00:00"}
    )
    stage.caused("ModelMissing")
    await site.facts(20)
    await site.spoil(2)
    await asyncio.sleep(_SCRAPES_S)
    worker.strike(signal.SIGSTOP)  # all of it is there before the first is judged
    try:
        await site.spoil(_FLOOD)
    finally:
        worker.strike(signal.SIGCONT)
    stage.caused("QuarantineRising", "PartitionPaused", "LagGrowing")


async def source_silent(stage: Stage, old: Awaitable[Path]) -> None:
    """Neither facts nor ticks come any more; the disk is small and nearly full, the model old."""
    model = await old
    site = await stage.site(SILENT, 1)
    try:
        data = site.folder / "data-0"
        worker = await site.start(model, within=[*_DISK, str(data)])
        stage.caused("DiskFilling")
    except (OSError, RuntimeError) as why:
        stage.impossible("DiskFilling", f"no small disk can be made (unshare, mount): {why}")
        worker = await site.start(model)
    await site.facts(20)
    await asyncio.sleep(_SCRAPES_S)
    stage.scraped(SILENT, worker)
    stage.caused("NoFacts", "WatermarkStalled", "ModelTooOld")


async def region_astray(stage: Stage, model: Awaitable[Path]) -> None:
    """Weeks of a region: a worker that freezes, amounts in fen, institutions that fall silent."""
    site = await stage.site(REGION, 1)
    worker = await site.start(await model)
    stage.scraped(REGION, worker)
    await asyncio.sleep(_SCRAPES_S)
    config = replace(preset("small"), persons=6_000, institutions=40, clean=True)
    now = clock.now_ms() // 1000 + UTC_OFFSET
    speed = config.days * DAY / _PLAY_S
    simulation = simulate(ending_at(config, now, speed), 0)
    begin = simulation.config.begin * DAY
    astray = Astray(begin + round(config.days * DAY * 0.6), (now // DAY - 1) * DAY)
    began, first = clock.monotonic(), to_record_time(begin)

    def due(time_ms: int) -> float:
        return began + (time_ms - first) / 1000 / speed

    lines = astray.lines(fact for _, fact in simulation)
    playing = spawn(play(place(lines), site.connection, prefix=site.prefix, due=due), "player")
    try:
        await asyncio.sleep(_PLAY_S / 10)  # early, while few batches were judged in time
        worker.strike(signal.SIGSTOP)
        await asyncio.sleep(_FROZEN_S)
        worker.strike(signal.SIGCONT)
        stage.caused("LatencyHigh")
        await asyncio.sleep(max(began + _PLAY_S * 0.6 - clock.monotonic(), 0))
        stage.caused("ModelDrift", "FeatureDrift", "ScoreShift", "QuotaExhausted", "CostSpikes")
        await playing
        stage.caused("InstitutionsSilent")
        await play(place(astray.stays_today()), site.connection, prefix=site.prefix)
        while True:  # the clock goes on, and the region's silence with it
            await asyncio.sleep(2)
            tick = {"type": "tick", "tick_time": format_time(clock.now_ms() // 1000 + UTC_OFFSET)}
            await play(place([msgspec.json.encode(tick)]), site.connection, prefix=site.prefix)
    finally:
        playing.cancel()


class Astray:
    """A stream of facts with faults of its source: three institutions of four send fen where yuan belong, then nothing.

    The fourth sends fen in the last stays alone, so that what follows from them is told on the last day.

    Args:
        wrong_from: settlements of the three from this local second on carry fen where yuan belong.
        silent_from: from here on they send no settlement.
    """

    def __init__(self, wrong_from: int, silent_from: int) -> None:
        self._wrong_from = wrong_from
        self._silent_from = silent_from
        self._hospitals: set[str] = set()
        self._last_tick = wrong_from

    def lines(self, facts: Iterable[Any]) -> Iterator[bytes]:
        """The facts as they arrive."""
        for fact in facts:
            wire = msgspec.to_builtins(fact, builtin_types=(Decimal,))
            if wire.get("type") == "tick":
                self._last_tick = parse_time(wire["tick_time"])
            if wire.get("type") == "quota":
                self._hospitals.add(wire["fixmedins_code"])
            if wire.get("type") == "settlement" and isinstance(wire.get("setl_time"), str):
                at = parse_time(wire["setl_time"])
                if not _goes_on(wire["fixmedins_code"]):
                    if at >= self._silent_from:
                        continue
                    if at >= self._wrong_from:
                        wire |= {name: _hundredfold(wire[name]) for name in _MONEY if wire.get(name) is not None}
            yield msgspec.json.encode(wire)

    def stays_today(self) -> Iterator[bytes]:
        """A stay of 6,000 yuan, sent as so many fen, at each hospital that goes on, at the time of the last tick."""
        now, cost = self._last_tick, _hundredfold("6000.00")
        for code in sorted(filter(_goes_on, self._hospitals)):
            stay = {
                "type": "settlement",
                "setl_id": f"D{code}",
                "mdtrt_id": f"D{code}",
                "psn_no": f"D{code}",
                "fixmedins_code": code,
                "med_type": "21",
                "begntime": format_time(now - 3 * DAY),
                "endtime": format_time(now),
                "setl_time": format_time(now),
                "medfee_sumamt": cost,
                "fund_pay_sumamt": cost,
            }
            yield msgspec.json.encode(stay)


def _goes_on(institution: str) -> bool:
    return crc32(institution.encode()) % 4 == 0


def _hundredfold(yuan: object) -> str:
    return str(Decimal(str(yuan)) * 100)
