"""What a transaction costs a worker, whatever is in it: `python -m bench.transactions`.

Starts a broker, and commits transactions of a few records in each partition that a unit of stage one writes to.
Tells the CPU time of this process and the time by the clock for one, and how much of it sending takes: waking the
broker is the system's work, which on a virtual machine can cost more than all the rest.
"""

import argparse
import asyncio
import cProfile
import pstats
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

from bench.loading import PARTITIONS, broker, topics_for
from monitor.clock import monotonic
from monitor.connection import Connection
from monitor.delivery.fence import FencedProducer, Outgoing
from topics.catalogue import ALERTS, ALERTS_LOG, DEFAULT_GROUP, contributions, person_changelog

PREFIX: Final = "transactions."
ROUNDS: Final = 5
WARM_UP: Final = 20
EACH: Final = 3
"""Records of a transaction in each partition."""
VALUE: Final = bytes(range(256)) * 2


def records() -> list[Outgoing]:
    """Of one transaction: alerts and contributions to all partitions, the changelog to the unit's own."""
    topics = [(PREFIX + name, range(PARTITIONS)) for name in (ALERTS, ALERTS_LOG, contributions(DEFAULT_GROUP))]
    topics.append((PREFIX + person_changelog(DEFAULT_GROUP), range(1)))
    return [
        Outgoing(topic, partition, b"%d" % number, VALUE)
        for topic, partitions in topics
        for partition in partitions
        for number in range(EACH)
    ]


async def measure(servers: str, transactions: int) -> None:
    """Commit rounds of so many transactions, and print what one costs."""
    producer = FencedProducer(Connection(servers), "bench")
    await producer.start()
    given = records()

    async def commit(count: int) -> None:
        for _ in range(count):
            await producer.commit(given)

    try:
        await commit(WARM_UP)
        spent: list[Sequence[float]] = []
        for _ in range(ROUNDS):
            cpu, began = process_time(), monotonic()
            await commit(transactions)
            spent.append([(process_time() - cpu) / transactions, (monotonic() - began) / transactions])
        profile = cProfile.Profile()
        profile.enable()
        await commit(transactions)
        profile.disable()
    finally:
        await producer.stop()
    cpu, took = (median(column) * 1000 for column in zip(*spent, strict=True))
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined] # it is there, and documented nowhere
    calls, seconds = next((one[0], one[2]) for key, one in found.items() if "'send' of '_socket.socket'" in key[2])
    sys.stdout.write(
        f"a transaction over {len({(one.topic, one.partition) for one in given})} partitions, median of {ROUNDS} "
        f"rounds of {transactions}: {cpu:.2f} ms of CPU, {took:.2f} ms by the clock; "
        f"{calls / transactions:.1f} requests, whose sending alone took {seconds / transactions * 1000:.2f} ms\n"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.transactions", description=__doc__)
    parser.add_argument("--transactions", type=int, default=150, help="of a round")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="claims-bench-") as name, broker(Path(name)) as servers:
        topics_for(servers, PREFIX, DEFAULT_GROUP)
        asyncio.run(measure(servers, given.transactions))


if __name__ == "__main__":
    main()
