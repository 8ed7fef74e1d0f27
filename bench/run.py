"""`make bench`: one topic of claims, read by bare loops, by the monitor's workers, and by other engines.

All engines make the same three checks (repeat visits, identity mismatch, quota progress of institutions) with fault
tolerance on; the monitor does so with all its rules, too. The alerts of each are held against a reference. An engine
that would take much longer than a minute gets a smaller topic of the same shape. Other engines run where
`make bench-peers` has installed them; nothing is fetched here.

Figures are for one run on one machine; ratios to the raw loop of the same run say more. CPU seconds are those of the
engine's processes alone, without the broker.
"""

import argparse
import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time, sleep
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from bench.checks import Counts, State, counted, is_inpatient, judge_institution, judge_person, quota_of, reference
from bench.claims import Size, claims, quotas
from bench.engines import PEERS, Monitor, Peer, Running, Source, anonymous_of, cpu_of, installed, peak_of
from bench.latency import Latency, Pace, fill_quotas, measure, quota_size
from bench.loading import PARTITIONS, broker, load, quotas_file, topics_for
from bench.results import Row, about, as_json, cells, markdown, put_into
from bench.told import compared, ends, told
from monitor.clock import monotonic
from topics.catalogue import CLAIMS, DEFAULT_GROUP
from topics.decoding import Decoder

RAW: Final = "raw loop"
READING: Final = "raw loop, JSON to strings"
DECODING: Final = "raw loop, JSON to checked facts"
KEEPING: Final = "raw loop, three checks, nothing kept safe"
THREE: Final = "claims-monitor, three checks, {}"
ALL: Final = "claims-monitor, all rules, {}"
UNFENCED: Final = "unfenced"
ONE: Final = "1 worker"
TWO: Final = "2 workers"

GUESSES: Final = {"faust": 1_000, "quix": 12_000, "bytewax": 20_000}
"""Settlements a second that an engine can be expected to do at least: its topic is as long as it does in a minute."""
NAMES: Final = {"faust": "faust-streaming 0.15.3", "quix": "Quix Streams 3.28.1", "bytewax": "Bytewax 0.21.1"}
PATIENCE_S: Final = 900.0
LOOK_S: Final = 0.25
SELDOM_S: Final = 10.0
SETTLED: Final = 12
"""Looks in a row, three seconds, at which nothing may wait between the stages; the first of them is the end."""

EXAMPLES: Final = """\
examples:
  make bench-peers                                          once, with a network
  make bench
  make bench ARGS="--settlements 100000 --persons 20000"
  make bench ARGS="--only raw --only three --no-latency"
  make bench ARGS="--only bytewax --settlements 200000"
  make bench ARGS="--model region.model --document docs/benchmarks.md"
"""

Say = Callable[[str], None]


class Setting(NamedTuple):
    """What all runs share."""

    servers: str
    folder: Path
    size: Size
    model: Path | None
    say: Say


class Loaded(NamedTuple):
    """A topic that is loaded, and what is to be found in it.

    Attributes:
        source: where.
        size: of its claims.
        records: with ticks.
        inpatient: settlements that count towards a quota.
        expected: alerts of the reference.
    """

    source: Source
    size: Size
    records: int
    inpatient: int
    expected: dict[str, Counts]


class Bench:
    """One broker, its topics as they are needed, and the runs."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._loaded: dict[int, Loaded] = {}
        self._runs = 0

    def loaded(self, settlements: int) -> Loaded:
        """A topic of so many settlements."""
        found = self._loaded.get(settlements)
        if found is not None:
            return found
        setting = self._setting
        size = setting.size._replace(settlements=settlements)
        prefix = f"bench{settlements}."
        topics_for(setting.servers, prefix, DEFAULT_GROUP)
        setting.say(f"loading {settlements:,} settlements under {prefix}")
        records = asyncio.run(load(setting.servers, prefix, size))
        source = Source(setting.servers, prefix, quotas_file(setting.folder, size))
        setting.say("making the reference")
        table = dict(quota_of(json.loads(quota)) for quota in quotas(size))
        decoded = (json.loads(claim.value) for claim in claims(size))
        inpatient = 0

        def noted() -> Iterator[dict[str, Any]]:
            nonlocal inpatient
            for claim in decoded:
                inpatient += is_inpatient(claim)
                yield claim

        expected = counted(reference(noted(), table))
        found = self._loaded[settlements] = Loaded(source, size, records, inpatient, expected)
        return found

    def folder(self, name: str) -> Path:
        """A new one for a run."""
        self._runs += 1
        return self._setting.folder / f"{self._runs}-{name}"

    def loop(self, name: str, settlements: int, start: Callable[[Loaded], Callable[[bytes], object] | None]) -> Row:
        """A bare loop over the topic that hands each value to what `start` gives."""
        topic = self.loaded(settlements)
        return asyncio.run(_loop(name, topic, start(topic)))

    def engine(self, name: str, settlements: int, start: Callable[[Source, str, Path], Running]) -> Row:
        """Let an engine judge the topic from its beginning, from the first settlement judged to the last."""
        topic = self.loaded(settlements)
        folder = self.folder("engine")
        running = start(topic.source, f"run-{self._runs}", folder)
        servers = self._setting.servers
        try:
            begin = asyncio.run(ends(servers, running.alerts))
            done, seconds, cpu, anonymous = _watched(running, topic, name, self._setting.say)
            memory = peak_of(running)
            found = asyncio.run(told(servers, running.alerts, begin, ours=running.ours))
        finally:
            running.stop()
        differences = compared(found, topic.expected)
        load_now = round(os.getloadavg()[0], 1)
        return Row(name, settlements, done, seconds, cpu, memory, anonymous, load_now, differences)

    def latency(self, start: Callable[[Source, str, Path], Running], pace: Pace) -> Latency:
        """Time an engine's alerts at a pace, in topics of its own."""
        folder = self.folder("latency")
        prefix = f"latency{self._runs}."
        servers = self._setting.servers
        topics_for(servers, prefix, DEFAULT_GROUP)
        asyncio.run(fill_quotas(servers, prefix))
        source = Source(servers, prefix, quotas_file(self._setting.folder, quota_size()))
        return asyncio.run(measure(servers, prefix, lambda: start(source, f"run-{self._runs}", folder), pace))


async def _loop(name: str, topic: Loaded, work: Callable[[bytes], object] | None) -> Row:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=topic.source.servers, auto_offset_reset="earliest", fetch_max_bytes=8 << 20
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.source.prefix + CLAIMS, partition) for partition in range(PARTITIONS)])
        began, cpu, seen = monotonic(), process_time(), 0
        while seen < topic.records:
            for batch in (await consumer.getmany(timeout_ms=1_000)).values():
                seen += len(batch)
                if work is not None:
                    for record in batch:
                        work(record.value or b"")
        seconds, cpu = monotonic() - began, process_time() - cpu
        return Row(name, topic.size.settlements, seen, seconds, cpu, load=round(os.getloadavg()[0], 1))
    finally:
        await consumer.stop()


def _keeping(topic: Loaded) -> Callable[[bytes], object]:
    """The three checks over dictionaries: no state on disk, no changelog, no alert produced, one process."""
    persons: dict[str, State] = {}
    institutions: dict[str, State] = {}
    table = dict(quota_of(json.loads(line)) for line in topic.source.quotas.read_text(encoding="utf-8").splitlines())

    def work(value: bytes) -> None:
        claim = json.loads(value)
        if claim["type"] != "settlement":
            return
        person = claim["psn_no"]
        persons[person], _ = judge_person(persons.get(person), claim)
        if is_inpatient(claim):
            code = claim["fixmedins_code"]
            institutions[code], _ = judge_institution(institutions.get(code), claim, table[code])

    return work


def _watched(running: Running, topic: Loaded, name: str, say: Say) -> tuple[int, float, float, int]:
    """Settlements judged between the first look at which there were any and the last; seconds, CPU seconds, MB."""
    began = cpu = told_at = 0.0
    first = anonymous = settled = 0
    until = monotonic() + PATIENCE_S
    wait = LOOK_S
    while True:
        sleep(wait)
        persons, institutions, empty = running.judged()
        anonymous = max(anonymous, anonymous_of(running))
        now = monotonic()
        if persons and not began:
            began, first, cpu = now, persons, cpu_of(running)
        wait = next_look(persons - first, topic.size.settlements - persons, now - began) if began else LOOK_S
        if now - told_at > 10 and persons:
            told_at = now
            say(f"  {name}: {persons:,} of {topic.size.settlements:,}")
        if now > until:
            raise RuntimeError(f"{name}: {persons:,} of {topic.size.settlements:,} settlements in {PATIENCE_S:.0f} s")
        complete = persons >= topic.size.settlements and (running.ours or institutions >= topic.inpatient)
        settled = settled + 1 if complete and empty else 0
        if settled == 1:
            ended, used = now, cpu_of(running)
        if settled == (SETTLED if running.ours else 1):
            break
    if not running.ours:
        sleep(3)  # its last alerts are on their way
    return persons - first, ended - began, used - cpu, anonymous


def next_look(done: int, left: int, seconds: float) -> float:
    """When to look again: seldom in the middle of a run, since a look at a worker's metrics costs it time.

    Args:
        done: settlements judged in `seconds`.
        left: settlements still to be judged.
        seconds: since the first look that found any.
    """
    if not done:
        return LOOK_S
    return min(max(left * seconds / done / 3, LOOK_S), SELDOM_S)


def _plan(bench: Bench, setting: Setting, paces: Sequence[Pace]) -> Iterator[tuple[str, Callable[[], Row]]]:
    """What there is to run: a name for `--only`, and the run."""
    everything = setting.size.settlements

    def reading(topic: Loaded) -> Callable[[bytes], object]:
        claim = next(iter(claims(topic.size))).value
        fields = [(name, str, "") for name in json.loads(claim)]  # all values are strings
        return msgspec.json.Decoder(msgspec.defstruct("Claim", fields, kw_only=True)).decode

    def decoding(_: Loaded) -> Callable[[bytes], object]:
        return Decoder("person")

    yield "raw", lambda: bench.loop(RAW, everything, lambda _: None)
    yield "raw", lambda: bench.loop(READING, everything, reading)
    yield "raw", lambda: bench.loop(DECODING, everything, decoding)
    yield "raw", lambda: bench.loop(KEEPING, everything, _keeping)
    for three, label, only in ((True, THREE, "three"), (False, ALL, "all")):
        for workers, count in ((1, ONE), (2, TWO)):
            start = _monitor(setting, three=three, workers=workers)
            name = label.format(count) + (" and scores" if setting.model and not three else "")
            yield only, _with_latency(bench, name, everything, start, paces if workers == 1 else (), setting.say)
    for engine in PEERS:
        start = _peer(engine)
        settlements = min(everything, GUESSES[engine] * 60)
        yield engine, _with_latency(bench, NAMES[engine], settlements, start, paces, setting.say)
    start = _monitor(setting, three=False, workers=1, fenced=False)
    yield UNFENCED, _with_latency(bench, ALL.format(ONE) + ", no transactions", everything, start, paces, setting.say)


def _monitor(
    setting: Setting, *, three: bool, workers: int, fenced: bool = True
) -> Callable[[Source, str, Path], Running]:
    def start(source: Source, name: str, folder: Path) -> Running:
        model = None if three else setting.model
        return Monitor(source, name, folder, workers=workers, three=three, model=model, fenced=fenced)

    return start


def _peer(engine: str) -> Callable[[Source, str, Path], Running]:
    return lambda source, name, folder: Peer(engine, source, name, folder)


def _with_latency(
    bench: Bench,
    name: str,
    settlements: int,
    start: Callable[[Source, str, Path], Running],
    paces: Sequence[Pace],
    say: Say,
) -> Callable[[], Row]:
    def run() -> Row:
        row = bench.engine(name, settlements, start)
        latencies = []
        for pace in paces:
            latencies.append(bench.latency(start, pace))
            say(f"  {name}, at {pace.rate:,}/s: {latencies[-1]}")
        return row._replace(latencies=latencies)

    return run


def arguments() -> argparse.ArgumentParser:
    """Of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.run",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--settlements", type=int, default=1_000_000)
    parser.add_argument("--persons", type=int, default=200_000)
    parser.add_argument("--institutions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only",
        action="append",
        choices=["raw", "three", "all", *PEERS, UNFENCED],
        help=f"run these alone (the raw loop always runs); may be repeated; {UNFENCED} (no transactions) runs if named",
    )
    parser.add_argument("--model", type=Path, help="model file; without one settlements are not scored")
    parser.add_argument("--no-latency", action="store_true", help="throughput alone")
    parser.add_argument("--rates", type=int, nargs="+", default=[2_000, 7_000], help="of latency runs, claims a second")
    parser.add_argument("--windows", type=int, default=5, help="windows of a latency run")
    parser.add_argument("--window", type=float, default=8.0, help="seconds of each")
    parser.add_argument("--output", type=Path, default=Path("bench/results"), help="folder of bench.json and bench.md")
    parser.add_argument("--document", type=Path, help="page with marks between which the table is written, too")
    return parser


def main() -> None:
    """Run the bench, print the table and save it."""
    parser = arguments()
    given = parser.parse_args()
    if given.settlements < 1 or given.persons < 1 or given.institutions < 1:
        parser.error("--settlements, --persons and --institutions must be positive")
    missing = [engine for engine in PEERS if engine in (given.only or ()) and not installed(engine)]
    if missing:
        parser.error(f"not installed: {', '.join(missing)}; `make bench-peers` installs them (needs a network once)")

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress

    what = about(f"python -m bench.run {shlex.join(sys.argv[1:])}".strip())
    size = Size(given.settlements, given.persons, given.institutions, seed=given.seed, frequent=0.45)

    paces = [] if given.no_latency else [Pace(rate, windows=given.windows, window=given.window) for rate in given.rates]
    rows: list[Row] = []
    failed: list[str] = []
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="claims-bench-") as name, broker(Path(name)) as servers:
        setting = Setting(servers, Path(name), size, given.model, say)
        bench = Bench(setting)
        for only, run in _plan(bench, setting, paces):
            chosen = only in given.only if given.only else only != UNFENCED
            if rows and not chosen:
                continue
            if only in PEERS and not installed(only):
                say(f"{only} is not installed: `make bench-peers`")
                continue
            try:
                rows.append(run())
            except RuntimeError as error:
                if not rows:
                    raise
                failed.append(f"{only}: {error}")
                say(f"  {failed[-1]}")
                continue
            (given.output / "bench.json").write_text(json.dumps(as_json(rows, what), indent=1), encoding="utf-8")
            (given.output / "bench.md").write_text(markdown(rows, what) + "\n", encoding="utf-8")
            say("  " + "; ".join(filter(None, cells(rows[-1], rows[0], given.rates))))
    if given.document is not None:
        put_into(given.document, markdown(rows, what))
    sys.stdout.write(markdown(rows, what) + "\n")
    if failed:
        sys.exit("these runs failed:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
