"""`make bench`: one topic of claims, read by a raw loop, by a raw loop that decodes, and by one and two workers.

Figures are for one run on one machine; ratios to the raw loop of the same run say more. CPU seconds are those of the
workers alone, without the broker. Options: `python -m bench.run --help`.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time, sleep
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from bench.claims import Size, claims, quotas
from bench.measured import cpu_seconds, peak_mb
from monitor.broker.running import running
from monitor.clock import monotonic
from monitor.outgoing import partition_of
from topics.catalogue import CLAIMS, REGISTRY
from topics.decoding import Decoder
from topics.times import format_time, to_record_time

PARTITIONS: Final = 4
TICK_EVERY: Final = 20_000
COMMAND: Final = [sys.executable, "-m", "monitor.cli"]


class Row(NamedTuple):
    """One line of the table."""

    engine: str
    records: int
    seconds: float
    cpu: float
    memory: int
    alerts: int | None = None

    def cells(self, raw: float) -> list[str]:
        """Engine, records/s, ratio to the raw loop, records a core second, cores used, MB, alert changes."""
        rate = self.records / self.seconds
        return [
            self.engine,
            f"{rate:,.0f}",
            f"{rate / raw:.3f}",
            f"{self.records / self.cpu:,.0f}",
            f"{self.cpu / self.seconds:.2f}",
            f"{self.memory}",
            "" if self.alerts is None else f"{self.alerts:,}",
        ]


HEAD: Final = ["engine", "records/s", "of raw", "per core", "cores", "MB", "alert changes"]


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A broker of our own."""
    data = folder / "broker"
    command("broker", "start", "--port", "0", "--data", str(data), "--detach")
    found = running(data)
    if found is None:
        raise RuntimeError("the broker did not start")
    try:
        yield found.bootstrap_servers
    finally:
        command("broker", "stop", "--data", str(data))


def command(*arguments: str) -> None:
    """Run a command of ours to its end."""
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program


def create(servers: str, prefix: str) -> None:
    """Topics whose record times are the producers'."""
    options = ["--record-time", "create", "--partitions", str(PARTITIONS), "--prefix", prefix]
    command("topics", "create", *options, "-b", servers)


async def load(servers: str, prefix: str, size: Size) -> int:
    """Fill the topics; gives the number of records of the claims' topic."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, compression_type="lz4", linger_ms=20, max_batch_size=256 * 1024
    )
    await producer.start()
    records = 0
    try:
        for quota in quotas(size):
            fields = json.loads(quota)
            key = f"quota/{fields['fixmedins_code']}/{fields['period']}/{fields['valid_from']}"
            await producer.send(prefix + REGISTRY, quota, key=key.encode(), timestamp_ms=0)
        for number, claim in enumerate(claims(size), 1):
            key = claim.person.encode()
            time = to_record_time(claim.at + 1)
            where = partition_of(key, PARTITIONS)
            await producer.send(prefix + CLAIMS, claim.value, key=key, partition=where, timestamp_ms=time)
            records += 1
            if number % TICK_EVERY == 0 or number == size.settlements:
                tick = json.dumps({"type": "tick", "tick_time": format_time(claim.at)}).encode()
                for partition in range(PARTITIONS):
                    await producer.send(prefix + CLAIMS, tick, partition=partition, timestamp_ms=time)
                    records += 1
        await producer.flush()
    finally:
        await producer.stop()
    return records


async def raw(servers: str, topic: str, records: int, *, decode: bool) -> Row:
    """Read the topic with aiokafka alone; with `decode`, turn each record into facts."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest", fetch_max_bytes=8 << 20)
    decoder = Decoder("person")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(partitions)
        began, cpu, seen = monotonic(), process_time(), 0
        while seen < records:
            for batch in (await consumer.getmany(timeout_ms=1_000)).values():
                seen += len(batch)
                if decode:
                    for record in batch:
                        decoder(record.value)
        return Row("raw loop, decoding" if decode else "raw loop", seen, monotonic() - began, process_time() - cpu, 0)
    finally:
        await consumer.stop()


class Worker:
    """`claims-monitor worker` and its metrics."""

    def __init__(self, servers: str, prefix: str, data: Path, options: list[str]) -> None:
        data.mkdir(parents=True)
        self._log = data / "log"
        arguments = ["worker", "-b", servers, "--prefix", prefix, "--data", str(data), *options]
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [*COMMAND, *arguments], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )

    def count(self, name: str, labels: str = "") -> float:
        """A metric added up over its labels; 0 while there are no pages."""
        urls = re.findall(r"pages at (http://\S+)", self._log.read_text(encoding="utf-8", errors="replace"))
        if not urls:
            if self.process.poll() is not None:
                raise RuntimeError(f"a worker ended:\n{self._log.read_text(encoding='utf-8')}")
            return 0
        try:
            with urllib.request.urlopen(urls[-1] + "/metrics", timeout=60) as answer:  # noqa: S310 - our own address
                text = answer.read().decode()
        except OSError:
            return 0  # it is busy: asked again soon
        found = re.findall(rf"^{name}{{([^}}]*)}} (\S+)", text, re.MULTILINE)
        return sum(float(value) for label, value in found if labels in label)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(60)


def judged(servers: str, prefix: str, folder: Path, settlements: int, number: int, model: Path | None) -> Row:
    """Let workers judge the topic from its beginning: from the first settlement judged to the last."""
    options = [] if model is None else ["--model", str(model)]
    workers = [Worker(servers, prefix, folder / f"worker-{number}-{n}", options) for n in range(number)]

    def total(name: str, labels: str = "") -> float:
        return sum(worker.count(name, labels) for worker in workers)

    try:
        began, cpu, first = 0.0, 0.0, 0.0
        while True:
            sleep(0.25)
            seen = total("claims_monitor_facts_total", 'type="settlement"')
            if seen and not began:
                began, first = monotonic(), seen
                cpu = sum(cpu_seconds(worker.process.pid) for worker in workers)
            if seen >= settlements:
                break
        seconds = monotonic() - began
        used = sum(cpu_seconds(worker.process.pid) for worker in workers) - cpu
        memory = sum(peak_mb(worker.process.pid) for worker in workers)
        name = f"claims-monitor, {number} worker{'s' * (number > 1)}, all rules" + (" and scores" if model else "")
        return Row(name, int(seen - first), seconds, used, memory, int(total("claims_monitor_alerts_total")))
    finally:
        for worker in workers:
            worker.stop()


def table(rows: list[Row]) -> str:
    """The rows as text."""
    first = rows[0].records / rows[0].seconds
    lines = [HEAD, *(row.cells(first) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        line[0].ljust(widths[0])
        + "".join(cell.rjust(width + 2) for cell, width in zip(line[1:], widths[1:], strict=True))
        for line in lines
    )


def main() -> None:
    """Run the bench, print the table and save it."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--settlements", type=int, default=1_000_000)
    parser.add_argument("--persons", type=int, default=200_000)
    parser.add_argument("--institutions", type=int, default=500)
    parser.add_argument("--model", type=Path, help="model file; without one settlements are not scored")
    parser.add_argument("--output", type=Path, default=Path("bench/results.txt"))
    given = parser.parse_args()
    size = Size(given.settlements, given.persons, given.institutions)
    say: Callable[[str], Any] = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731, T201 - progress
    with tempfile.TemporaryDirectory(prefix="claims-bench-") as name, broker(Path(name)) as servers:
        folder = Path(name)
        for prefix in ("one.", "two."):
            create(servers, prefix)
            say(f"loading {size.settlements:,} settlements under {prefix}")
            records = asyncio.run(load(servers, prefix, size))
        rows = []
        for decode in (False, True):
            rows.append(asyncio.run(raw(servers, "one." + CLAIMS, records, decode=decode)))
            say(table(rows))
        for number, prefix in ((1, "one."), (2, "two.")):
            rows.append(judged(servers, prefix, folder, size.settlements, number, given.model))
            say(table(rows))
    given.output.write_text(table(rows) + "\n", encoding="utf-8")
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
