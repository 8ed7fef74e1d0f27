"""What a worker uses at a nation's peak: settlements with fee lines at a steady rate, all rules on, through Kafka.

`python -m bench.peak` starts a broker and a worker, produces 1,450 settlements a second with 5 fee lines each, and
tells how much of a core the worker's processes used, once it has run in. Broker and producer are not counted.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from bench.claims import Size, claims
from bench.engines import Monitor, Source, cpu_of
from bench.latency import produce
from bench.loading import a_producer, broker, quotas_file, send_quotas, topics_for
from bench.measured import cores
from monitor.clock import monotonic
from topics.catalogue import DEFAULT_GROUP

PREFIX: Final = "peak."
PATIENCE_S: Final = 300.0
BEHIND_S: Final = 5.0
"""More settlements than come in so many seconds waiting at the end: the worker does not keep up."""

EXAMPLES: Final = """\
examples:
  python -m bench.peak
  python -m bench.peak --rate 500 --lines 0 --seconds 30
  python -m bench.peak --model region.model
"""


class Used(NamedTuple):
    """Of the measured seconds.

    Attributes:
        seconds: that passed.
        cpu: seconds that the worker's processes used.
        judged: settlements judged.
        waiting: settlements produced and not judged at the end.
    """

    seconds: float
    cpu: float
    judged: int
    waiting: int


async def measure(servers: str, folder: Path, size: Size, rate: int, run_in: int, model: Path | None) -> Used:
    """Produce at the rate, and look at the worker after the run-in and at the end."""
    taken = list(claims(size))
    topics_for(servers, PREFIX, DEFAULT_GROUP)
    producer = a_producer(servers, 0)
    await producer.start()
    await send_quotas(producer, PREFIX, size)
    source = Source(servers, PREFIX, quotas_file(folder, size))
    worker = await asyncio.to_thread(lambda: Monitor(source, DEFAULT_GROUP, folder / "worker", model=model))
    try:
        first, rest = taken[: rate * run_in], taken[rate * run_in :]
        await produce(producer, PREFIX, first, rate, {})
        until = monotonic() + PATIENCE_S
        while (await asyncio.to_thread(worker.judged))[0] < len(first):
            if monotonic() > until:
                raise SystemExit(f"the worker did not judge {len(first):,} settlements within {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.5)
        before, cpu, began = (await asyncio.to_thread(worker.judged))[0], cpu_of(worker), monotonic()
        await produce(producer, PREFIX, rest, rate, {})
        seconds, cpu = monotonic() - began, cpu_of(worker) - cpu
        after = (await asyncio.to_thread(worker.judged))[0]
    finally:
        await producer.stop()
        await asyncio.to_thread(worker.stop)
    return Used(seconds, cpu, after - before, len(taken) - after)


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.peak",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=int, default=1_450, help="settlements a second")
    parser.add_argument("--lines", type=int, default=5, help="fee lines of each")
    parser.add_argument("--seconds", type=int, default=60, help="that are measured")
    parser.add_argument("--run-in", type=int, default=20, help="seconds before")
    parser.add_argument("--persons", type=int, default=200_000)
    parser.add_argument("--model", type=Path, help="model file; without one settlements are not scored")
    given = parser.parse_args()
    if min(given.rate, given.seconds, given.run_in, given.persons) < 1 or given.lines < 0:
        parser.error("--rate, --seconds, --run-in and --persons must be positive, --lines not negative")
    settlements = given.rate * (given.seconds + given.run_in)
    size = Size(settlements, given.persons, days=1, frequent=0.45, first_day=10, lines=given.lines)
    with tempfile.TemporaryDirectory(prefix="claims-bench-") as name, broker(Path(name)) as servers:
        used = asyncio.run(measure(servers, Path(name), size, given.rate, given.run_in, given.model))
    sys.stdout.write(
        f"{used.judged / used.seconds:,.0f} settlements/s with {given.lines} lines each over {used.seconds:.0f} s: "
        f"{used.cpu / used.seconds:.2f} of a core, {used.cpu / max(used.judged, 1) * 1e6:.0f} us a settlement; "
        f"{used.waiting:,} waiting at the end; {cores()} cores, load average {os.getloadavg()[0]:.1f}\n"
    )
    if used.waiting > given.rate * BEHIND_S:
        sys.exit("the worker did not keep up")


if __name__ == "__main__":
    main()
