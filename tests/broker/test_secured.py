"""TLS and SCRAM-SHA-512 against a real broker, with each client library."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import faust
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from monitor.broker.server import EmbeddedBroker, SecureListener
from monitor.connection import Connection, ConnectionFailed, wait_for_broker
from tests.broker.traffic import make, read, write

pytestmark = pytest.mark.broker


@pytest.fixture
def config(secured: EmbeddedBroker, listener: SecureListener, tmp_path: Path) -> Path:
    """The file a user would write."""
    password = tmp_path / "password"
    password.write_text(f"{listener.password}\n", encoding="ascii")
    file = tmp_path / "kafka.properties"
    file.write_text(
        f"bootstrap.servers={secured.secure_servers}\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
        f"sasl.username={listener.username}\nsasl.password=${{file:{password}}}\n"
        f"ssl.ca.location={listener.truststore}\n",
        encoding="ascii",
    )
    return file


def _topic() -> str:
    return f"secured-{uuid.uuid4().hex[:8]}"


def test_aiokafka_writes_transactions_and_reads_them(config: Path) -> None:
    """Admin, transactional producer and consumer of aiokafka get through."""
    connection = Connection.load(None, config)
    topic = _topic()

    async def work() -> list[bytes | None]:
        await make(connection, topic)
        await write(connection, topic, b"one", transaction=f"{topic}-0")
        await write(connection, topic, b"two")
        return await read(connection, topic, 2)

    assert asyncio.run(work()) == [b"one", b"two"]


def test_kafka_python_gets_through(config: Path) -> None:
    """Admin, producer and consumer of kafka-python get through."""
    connection = Connection.load(None, config)
    topic = _topic()
    asyncio.run(make(connection, topic))
    admin = KafkaAdminClient(**connection.kafka_python())
    assert topic in admin.list_topics()
    admin.close()
    producer = KafkaProducer(**connection.kafka_python())
    producer.send(topic, b"one").get(timeout=20)
    producer.close()
    consumer = KafkaConsumer(
        topic, **connection.kafka_python(), auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    assert next(consumer).value == b"one"
    consumer.close()


def test_faust_gets_through(config: Path, tmp_path: Path) -> None:
    """Faust's own producer and consumer take the credentials: what is sent reaches an agent."""
    connection = Connection.load(None, config)
    topic = _topic()

    async def work() -> bytes:
        await make(connection, topic)
        app = faust.App(
            topic,
            broker=connection.faust_broker(),
            broker_credentials=connection.faust_credentials(),
            datadir=str(tmp_path / "faust"),
            web_enabled=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
        )
        channel = app.topic(topic, value_serializer="raw")
        arrived: asyncio.Queue[bytes] = asyncio.Queue()

        async def take(stream: Any) -> None:  # noqa: ANN401 - Faust's stream, untyped
            async for value in stream:
                await arrived.put(value)

        app.agent(channel)(take)
        app.finalize()
        await app.start()
        try:
            await channel.send(value=b"one")
            return await asyncio.wait_for(arrived.get(), 30)
        finally:
            await app.stop()

    assert asyncio.run(work()) == b"one"


def test_wrong_password_is_told_at_once(config: Path, secured: EmbeddedBroker) -> None:
    """Waiting does not mend a wrong password: it ends without a retry, and the message does not tell the password."""
    (config.parent / "password").write_text("wrong-one", encoding="ascii")
    connection = Connection.load(None, config)
    waits: list[str] = []
    with pytest.raises(ConnectionFailed) as raised:
        asyncio.run(wait_for_broker(connection, 60, waits.append))
    assert waits == []
    assert secured.secure_servers in str(raised.value)
    assert "refuse" in str(raised.value)
    assert "wrong-one" not in str(raised.value)


def test_unknown_authority_is_told_at_once(config: Path) -> None:
    """A broker whose certificate nobody known signed is not talked to, and no retry is made."""
    text = config.read_text(encoding="ascii")
    config.write_text("".join(line for line in text.splitlines(keepends=True) if "ssl.ca" not in line), "ascii")
    waits: list[str] = []
    with pytest.raises(ConnectionFailed, match="certificate"):
        asyncio.run(wait_for_broker(Connection.load(None, config), 60, waits.append))
    assert waits == []


@pytest.mark.parametrize("check", [True, False])
def test_host_name_must_be_the_certificates(config: Path, secured: EmbeddedBroker, *, check: bool) -> None:
    """A broker reached by another name than its certificate's is refused, unless the check is off."""
    other = "127.0.0.1:" + secured.secure_servers.rpartition(":")[2]
    if not check:
        config.write_text(config.read_text("ascii") + "ssl.endpoint.identification.algorithm=\n", "ascii")
    waited = wait_for_broker(Connection.load(other, config), 60)
    if check:
        with pytest.raises(ConnectionFailed, match="certificate"):
            asyncio.run(waited)
    else:
        assert asyncio.run(waited)
