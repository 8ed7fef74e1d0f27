"""The changelog is read as the broker's batches: what comes out is what a consumer of committed records gets."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition as KafkaTopicPartition

from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection
from monitor.topic_admin import create
from monitor.worker.changelog import ChangelogReader, take
from topics.catalogue import Topic

pytestmark = pytest.mark.broker

Values = dict[bytes, bytes | None]
PER_STEP = 12


@pytest.fixture(scope="module")
def tp(broker: EmbeddedBroker) -> Iterator[TopicPartition]:
    """A partition with transactions of two producers side by side, every third aborted, deletions, plain records."""
    connection = Connection(broker.bootstrap_servers)
    tp = TopicPartition("read-changelog", 0)
    topic = Topic(tp.topic, "state key", "compact", None, "", "internal")
    asyncio.run(create(connection, [topic], partitions=1))
    asyncio.run(_write(connection, tp))
    yield tp


async def _write(connection: Connection, tp: TopicPartition) -> None:
    producers = [
        AIOKafkaProducer(
            **connection.aiokafka(), transactional_id=f"read-{name}", compression_type=codec, max_batch_size=400
        )
        for name, codec in (("a", "lz4"), ("b", None))
    ]
    plain = AIOKafkaProducer(**connection.aiokafka())
    for producer in (*producers, plain):
        await producer.start()
    for step in range(PER_STEP):
        for producer in producers:
            await producer.begin_transaction()
        for number in range(PER_STEP):
            for name, producer in zip("ab", producers, strict=True):
                key = f"{name}{number if step % 2 else step}".encode()
                value = None if (step + number) % 7 == 0 else f"{name} {step} {number}".encode() * 3
                await producer.send_and_wait(tp.topic, value, key=key, partition=tp.partition)
        for index, producer in enumerate(producers):
            if (step + index) % 3 == 0:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
        await plain.send_and_wait(tp.topic, b"plain %d" % step, key=b"plain", partition=tp.partition)
    for producer in (*producers, plain):
        await producer.stop()


async def consumed(connection: Connection, tp: TopicPartition, begin: int) -> tuple[Values, int, int]:
    """Last values, number of records and final position, as a consumer has them."""
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(), isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="none"
    )
    await consumer.start()
    consumer.assign([tp])
    consumer.seek(tp, begin)
    last: Values = {}
    count = 0
    end = (await consumer.end_offsets([tp]))[tp]
    while await consumer.position(tp) < end:
        for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, []):
            last[record.key or b""] = record.value
            count += 1
    await consumer.stop()
    return last, count, end


async def taken(connection: Connection, tp: TopicPartition, begin: int, fetch_bytes: int) -> tuple[Values, int, int]:
    """The same by the reader of changelogs."""
    last: Values = {}
    count = 0
    async with ChangelogReader(connection, tp, fetch_bytes) as reader:
        position, end = begin, await reader.end()
        while position < end:
            fetched = await reader.fetch(position)
            assert fetched.position > position
            position = fetched.position
            records, _ = take(fetched, last)
            count += records
    return last, count, position


@pytest.mark.parametrize("fetch_bytes", [1, 3_000, 8 << 20])
def test_only_committed_records_count(broker: EmbeddedBroker, tp: TopicPartition, fetch_bytes: int) -> None:
    """From the beginning, from inside a transaction, and from a marker at the end; batch by batch and at once."""
    connection = Connection(broker.bootstrap_servers)

    async def work() -> None:
        _, _, end = await consumed(connection, tp, 0)
        for begin in (0, 1, end // 2, end // 2 + 1, end - 1):
            assert await taken(connection, tp, begin, fetch_bytes) == await consumed(connection, tp, begin)

    asyncio.run(work())


def test_what_was_deleted_is_passed_over_and_the_future_refused(broker: EmbeddedBroker) -> None:
    """A position before the beginning goes on at the beginning; one beyond the end is an error, not a wait."""
    connection = Connection(broker.bootstrap_servers)
    topic = Topic("cut-changelog", "state key", "delete", None, "", "internal")
    asyncio.run(create(connection, [topic], partitions=1))
    cut = TopicPartition(topic.name, 0)
    asyncio.run(_write(connection, cut))
    admin = KafkaAdminClient(**connection.kafka_python())
    admin.delete_records({KafkaTopicPartition(*cut): 40})
    admin.close()

    async def work() -> None:
        _, count, end = await taken(connection, cut, 0, 3_000)
        assert (count, end) == (await consumed(connection, cut, 40))[1:]
        async with ChangelogReader(connection, cut) as reader:
            with pytest.raises(OffsetOutOfRangeError):
                await reader.fetch(end + 5)

    asyncio.run(work())
