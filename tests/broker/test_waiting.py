"""A broker that is not there yet: what is said, and that waiting for it works."""

import asyncio
import logging
from pathlib import Path

import pytest

from monitor.broker.ports import free_port
from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection, ConnectionFailed, wait_for_broker
from monitor.tasks import spawn
from tests.broker.conftest import Run


def test_absent_broker_is_said_with_what_to_do() -> None:
    """Each retry and the last word name the address and how to get a broker."""
    address = f"127.0.0.1:{free_port()}"
    said: list[str] = []
    with pytest.raises(ConnectionFailed) as raised:
        asyncio.run(wait_for_broker(Connection(address), 2.5, said.append))
    assert len(said) >= 2, "it tries again"
    for text in (*said, str(raised.value)):
        assert f"no Kafka broker answers at {address}" in text
        assert "claims-monitor broker start" in text
        assert "--bootstrap-servers" in text
    assert "retrying in" in said[0]


def test_pauses_grow() -> None:
    """A broker that is away for long is not hammered."""
    said: list[str] = []
    with pytest.raises(ConnectionFailed):
        asyncio.run(wait_for_broker(Connection(f"127.0.0.1:{free_port()}"), 4, said.append))
    pauses = [float(text.split("retrying in ")[1].split(" s")[0]) for text in said]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2 * pauses[0]


def test_log_level_of_the_client_is_left_as_it_was() -> None:
    """Waiting silences the client library for its own time only, whether it succeeds or not."""
    client = logging.getLogger("aiokafka")
    before = client.level
    client.setLevel(logging.INFO)
    try:
        with pytest.raises(ConnectionFailed):
            asyncio.run(wait_for_broker(Connection(f"127.0.0.1:{free_port()}"), 0.1))
        assert client.level == logging.INFO
    finally:
        client.setLevel(before)


def test_command_without_broker_ends_with_one_line(run: Run) -> None:
    """A port at which nobody listens: exit code 1 and advice, no traceback."""
    address = f"127.0.0.1:{free_port()}"
    ended = run("topics", "list", "--bootstrap-servers", address)
    assert ended.returncode == 1
    assert f"no Kafka broker answers at {address}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_unusable_settings_are_a_usage_error(run: Run, tmp_path: Path) -> None:
    """Exit code 2 for settings that cannot be."""
    file = tmp_path / "k.properties"
    file.write_text("bootstrap.serverz=k:1\n", encoding="ascii")
    ended = run("topics", "list", "--kafka-config", str(file))
    assert ended.returncode == 2
    assert "bootstrap.serverz" in ended.stderr


@pytest.mark.broker
def test_waiting_ends_when_the_broker_comes(tmp_path: Path) -> None:
    """Somebody who began to wait before the broker was started is served once it is there."""
    port = free_port()
    broker = EmbeddedBroker(tmp_path / "data", port)

    async def work() -> str:
        said = asyncio.Event()
        waiting = spawn(wait_for_broker(Connection(f"127.0.0.1:{port}"), 60, lambda _text: said.set()), "waiting")
        await said.wait()
        # not in a thread: the broker ends with the thread that starts it
        broker.start()
        return await waiting

    try:
        assert asyncio.run(work())
    finally:
        broker.stop()
