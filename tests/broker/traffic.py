"""Records written and read with the clients that the monitor uses."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from monitor.connection import Connection


async def make(connection: Connection, topic: str) -> None:
    """Create a topic of one partition."""
    admin = AIOKafkaAdminClient(**connection.aiokafka())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def write(connection: Connection, topic: str, *values: bytes, transaction: str | None = None) -> None:
    """Write values; with a transactional id in one transaction."""
    producer = AIOKafkaProducer(**connection.aiokafka(), transactional_id=transaction, acks="all")
    await producer.start()
    try:
        if transaction is not None:
            await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(topic, value)
        if transaction is not None:
            await producer.commit_transaction()
    finally:
        await producer.stop()


async def read(connection: Connection, topic: str, count: int) -> list[bytes | None]:
    """The first values of a topic, as committed."""
    consumer = AIOKafkaConsumer(
        topic, **connection.aiokafka(), auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]
    finally:
        await consumer.stop()
