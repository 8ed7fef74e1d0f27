"""One transaction per commit, and none for a producer that was replaced."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence

import aiokafka
import pytest
from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.delivery.fence import CommitFailed, Fenced, FencedProducer, Outgoing
from monitor.delivery.stages import Record
from tests.delivery.conftest import ROOT, Topics

pytestmark = pytest.mark.broker

KILLED_IN_MID_TRANSACTION = """
import asyncio, os, sys, aiokafka
async def main(bootstrap, topic):
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await producer.start()
    await producer.begin_transaction()
    await (await producer.send(topic, b"never committed", partition=0))
    os._exit(9)
asyncio.run(main(*sys.argv[1:]))
"""


def outgoing(topic: str, *values: bytes | None, partition: int = 0) -> list[Outgoing]:
    return [Outgoing(topic, partition, b"key", value) for value in values]


async def read(topics: Topics, topic: str, isolation: str = "read_committed") -> list[Record]:
    """Everything in the topic that such a reader sees."""
    consumer = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=topics.bootstrap, auto_offset_reset="earliest", isolation_level=isolation
    )
    await consumer.start()
    found = []
    while batches := await consumer.getmany(timeout_ms=400):
        found += [record for records in batches.values() for record in records]
    await consumer.stop()
    return found


async def values(topics: Topics, topic: str, isolation: str = "read_committed") -> list[bytes | None]:
    return [record.value for record in await read(topics, topic, isolation)]


def producer(topics: Topics, transactional_id: str, batch_bytes: int = 512 * 1024) -> FencedProducer:
    return FencedProducer(Connection(bootstrap_servers=topics.bootstrap), transactional_id, batch_bytes=batch_bytes)


def test_a_commit_writes_keys_values_headers_and_times_and_tells_the_last_offsets(topics: Topics) -> None:
    one, two = topics.create(2), topics.create()

    async def work() -> tuple[dict[TopicPartition, int], dict[TopicPartition, int], list[Record]]:
        writer = producer(topics, one)
        await writer.start()
        first = await writer.commit([*outgoing(one, b"a", b"b", partition=1), *outgoing(two, b"c")])
        second = await writer.commit([Outgoing(two, 0, b"k", None, (("h", b"1"), ("h", b"2")), 1_700_000_000_123)])
        await writer.stop()
        return first, second, await read(topics, two)

    first, second, [_, tombstone] = asyncio.run(work())
    assert first == {TopicPartition(one, 1): 1, TopicPartition(two, 0): 0}
    assert second == {TopicPartition(two, 0): 2}, "offset 1 is the marker of the first transaction"
    assert (tombstone.key, tombstone.value, tombstone.timestamp) == (b"k", None, 1_700_000_000_123)
    assert tombstone.headers == (("h", b"1"), ("h", b"2"))


def test_many_records_are_split_into_batches_and_keep_their_order(topics: Topics) -> None:
    topic = topics.create()
    sent = [b"%06d" % number + b"x" * 100 for number in range(5000)]

    async def work() -> tuple[dict[TopicPartition, int], list[bytes | None]]:
        writer = producer(topics, topic, batch_bytes=16_384)
        await writer.start()
        last = await writer.commit(outgoing(topic, *sent, b"y" * 100_000))
        await writer.stop()
        return last, await values(topics, topic)

    last, found = asyncio.run(work())
    assert found == [*sent, b"y" * 100_000], "also a record that is larger than a batch"
    assert last == {TopicPartition(topic, 0): 5000}


def test_nothing_to_write_makes_no_transaction(topics: Topics) -> None:
    topic = topics.create()

    async def work() -> dict[TopicPartition, int]:
        writer = producer(topics, topic)
        await writer.start()
        assert await writer.commit([]) == {}
        last = await writer.commit(outgoing(topic, b"a"))
        await writer.stop()
        return last

    assert asyncio.run(work()) == {TopicPartition(topic, 0): 0}


def test_a_producer_that_was_replaced_can_commit_no_more(topics: Topics) -> None:
    topic = topics.create()

    async def work() -> list[bytes | None]:
        zombie, owner = producer(topics, topic), producer(topics, topic)
        await zombie.start()
        await zombie.commit(outgoing(topic, b"by the first owner"))
        await owner.start()
        with pytest.raises(Fenced):
            await zombie.commit(outgoing(topic, b"by a zombie"))
        with pytest.raises(RuntimeError, match="not usable"):
            await zombie.commit(outgoing(topic, b"by a zombie that does not give up"))
        await owner.commit(outgoing(topic, b"by the owner"))
        await zombie.stop()
        await owner.stop()
        return await values(topics, topic)

    assert asyncio.run(work()) == [b"by the first owner", b"by the owner"]


def test_of_a_transaction_that_fails_nothing_is_seen(topics: Topics) -> None:
    """Here one of its records is larger than its topic accepts."""
    topic = topics.create(2, **{"max.message.bytes": "100000"})

    async def work() -> tuple[Sequence[bytes | None], Sequence[bytes | None]]:
        writer = producer(topics, topic)
        await writer.start()
        incompressible = os.urandom(200_000)
        with pytest.raises(CommitFailed):
            await writer.commit(
                [
                    *outgoing(topic, b"small"),
                    *outgoing(topic, incompressible, partition=1),
                ]
            )
        await writer.stop()
        following = producer(topics, topic)
        await following.start()
        await following.commit(outgoing(topic, b"next"))
        await following.stop()
        return await values(topics, topic), await values(topics, topic, "read_uncommitted")

    committed, all_written = asyncio.run(work())
    assert committed == [b"next"]
    assert all_written == [b"small", b"next"], "it had reached the log, and was aborted"


def test_a_start_aborts_what_a_killed_owner_left_open(topics: Topics) -> None:
    """Readers of committed records do not wait for the transaction to time out."""
    topic = topics.create()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_IN_MID_TRANSACTION, topics.bootstrap, topic], cwd=ROOT, check=False
    )
    assert killed.returncode == 9

    async def work() -> tuple[list[bytes | None], list[bytes | None]]:
        other = producer(topics, f"{topic}-other")
        await other.start()
        await other.commit(outgoing(topic, b"behind the open transaction"))
        await other.stop()
        before = await values(topics, topic)
        owner = producer(topics, topic)
        await owner.start()
        await owner.stop()
        return before, await values(topics, topic)

    before, after = asyncio.run(work())
    assert before == []
    assert after == [b"behind the open transaction"]
