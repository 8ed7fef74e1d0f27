"""A broker of the bench's own, its topics, and the claims in them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer

from bench.claims import Size, claims, quotas
from monitor.broker.running import running
from monitor.connection import Connection
from monitor.outgoing import partition_of
from monitor.topic_admin import create
from topics.catalogue import CLAIMS, REGISTRY, Topic
from topics.times import format_time, to_record_time

PARTITIONS: Final = 4
TICK_EVERY: Final = 20_000
COMMAND: Final = [sys.executable, "-m", "monitor.cli"]


def command(*arguments: str) -> None:
    """Run a command of ours to its end."""
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A broker of our own; gives its address."""
    data = folder / "broker"
    command("broker", "start", "--port", "0", "--data", str(data), "--detach")
    found = running(data)
    if found is None:
        raise RuntimeError("the broker did not start")
    try:
        yield found.bootstrap_servers
    finally:
        command("broker", "stop", "--data", str(data))


def topics_for(servers: str, prefix: str, group: str) -> None:
    """The monitor's topics under a prefix, for a group of workers; record times are the producers'."""
    options = ["--record-time", "create", "--partitions", str(PARTITIONS), "--prefix", prefix, "--group", group]
    command("topics", "create", *options, "-b", servers)


def plain_topic(servers: str, name: str) -> None:
    """A topic for another engine's alerts."""
    topic = Topic(name, "alert", "delete", None, "alerts of another engine", "output")
    asyncio.run(create(Connection(servers), [topic], partitions=PARTITIONS))


def a_producer(servers: str, linger_ms: int) -> AIOKafkaProducer:
    """As producers of claims are set up."""
    return AIOKafkaProducer(
        bootstrap_servers=servers, compression_type="lz4", linger_ms=linger_ms, max_batch_size=256 * 1024
    )


def tick_at(at: int) -> bytes:
    """A tick for a local second."""
    return json.dumps({"type": "tick", "tick_time": format_time(at)}).encode()


async def send_quotas(producer: AIOKafkaProducer, prefix: str, size: Size) -> None:
    """Fill the registry."""
    for quota in quotas(size):
        fields = json.loads(quota)
        key = f"quota/{fields['fixmedins_code']}/{fields['period']}/{fields['valid_from']}"
        await producer.send(prefix + REGISTRY, quota, key=key.encode(), timestamp_ms=0)


async def load(servers: str, prefix: str, size: Size) -> int:
    """Fill the topics; gives the number of records of the claims' topic."""
    producer = a_producer(servers, 20)
    await producer.start()
    records = 0
    try:
        await send_quotas(producer, prefix, size)
        for number, claim in enumerate(claims(size), 1):
            key = claim.person.encode()
            time = to_record_time(claim.at + 1)
            where = partition_of(key, PARTITIONS)
            await producer.send(prefix + CLAIMS, claim.value, key=key, partition=where, timestamp_ms=time)
            records += 1
            if number % TICK_EVERY == 0 or number == size.settlements:
                for partition in range(PARTITIONS):
                    await producer.send(prefix + CLAIMS, tick_at(claim.at), partition=partition, timestamp_ms=time)
                    records += 1
        await producer.flush()
    finally:
        await producer.stop()
    return records


def quotas_file(folder: Path, size: Size) -> Path:
    """The quotas for engines that have no registry, one a line."""
    file = folder / f"quotas-{size.settlements}.ndjson"
    file.write_bytes(b"\n".join(quotas(size)) + b"\n")
    return file
