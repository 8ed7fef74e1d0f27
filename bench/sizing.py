"""How much disk facts take, in topics and in a worker's own folder: `python -m bench.sizing`.

Simulates a region, plays it through an embedded broker, and looks at folders once a worker's standing alerts are
those of a backtest. Bytes of topics are those of their segments as producers compress them (lz4), before compaction.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep

from monitor.broker.server import EmbeddedBroker
from monitor.clock import monotonic
from monitor.connection import Connection
from monitor.topic_admin import create
from topics.catalogue import DEFAULT_GROUP, all_topics

PARTITIONS = 4
PATIENCE_S = 900.0
PREFIX = "sizing."


def _run(*arguments: str) -> bytes:
    command = [sys.executable, "-m", "monitor.cli", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - our own program


def _allocated(folder: Path) -> int:
    """Bytes that files take on the disk: a store's file has holes."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Measure, and print a line for each topic."""
    import asyncio

    parser = argparse.ArgumentParser(prog="bench.sizing", description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        facts = folder / "facts.ndjson"
        size = ("--persons", str(given.persons), "--days", str(given.days), "--begin", "2026-03-01")
        _run("simulate", "--preset", "small", *size, "-o", str(facts))
        count = sum(1 for _ in facts.open("rb"))
        sys.stdout.write(f"{count:,} records of {facts.stat().st_size / count:,.0f} bytes of JSON on average\n")
        expected = _run("backtest", str(facts))
        with EmbeddedBroker(folder / "broker") as broker:
            connection = Connection(broker.bootstrap_servers)
            topics = all_topics()
            asyncio.run(create(connection, topics, prefix=PREFIX, record_time="create", partitions=PARTITIONS))
            options = ("-b", broker.bootstrap_servers, "--prefix", PREFIX)
            _run("play", str(facts), *options)
            command = [sys.executable, "-m", "monitor.cli", "worker", *options, "--data", str(folder / "data")]
            environment = {**os.environ, "CLAIMS_MONITOR_TOKEN": "sizing"}
            with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as worker:  # noqa: S603 - as above
                until = monotonic() + PATIENCE_S
                while _run("alerts", *options) != expected:
                    if worker.poll() is not None or monotonic() > until:
                        raise SystemExit("the worker's alerts did not become those of the backtest")
                    sleep(2)
                worker.terminate()
            logs = folder / "broker" / "logs"
            for topic in topics:
                full = PREFIX + topic.name
                bytes_ = sum(
                    segment.stat().st_size
                    for number in range(topic.partitions or PARTITIONS)
                    for segment in (logs / f"{full}-{number}").glob("*.log")
                )
                shown = topic.name.replace(DEFAULT_GROUP, "GROUP")
                sys.stdout.write(f"{shown:24} {bytes_ / 1e6:10.2f} MB {bytes_ / count:10.1f} bytes a record\n")
            state = _allocated(folder / "data")
            sys.stdout.write(
                f"{'local state':24} {state / 1e6:10.2f} MB {state / count:10.1f} bytes a record"
                f" {state / given.persons:10.0f} a person\n"
            )


if __name__ == "__main__":
    main()
