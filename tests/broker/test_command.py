"""`claims-monitor broker`: start, status, stop, and what goes wrong."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from monitor.broker.running import running, stop
from monitor.broker.server import BrokerError, EmbeddedBroker
from tests.worker.processes import Program, alive, command, eventually

pytestmark = pytest.mark.broker

StartBroker = Callable[..., Program]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; a broker that still runs with it at the end is stopped. Its name is Chinese, as users' may be."""
    folder = tmp_path / "数据"
    yield folder
    stop(folder)


@pytest.fixture
def start(data: Path, tmp_path: Path) -> Iterator[StartBroker]:
    """Start `broker start` in the foreground and wait until it is ready."""
    programs = []

    def run(*options: str) -> Program:
        program = Program(["broker", "start", "--data", str(data), *options], tmp_path / f"{len(programs)}.log")
        programs.append(program)
        program.wait_log(r"ready: \S+", 90)
        return program

    yield run
    for program in programs:
        program.clear()


def _servers(data: Path) -> str:
    found = running(data)
    assert found is not None
    return found.bootstrap_servers


def _write(servers: str, value: bytes) -> None:
    async def work() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        await admin.start()
        await admin.create_topics([NewTopic("kept", 1, 1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
        await producer.start()
        await producer.send_and_wait("kept", value)
        await producer.stop()

    asyncio.run(work())


def _first(servers: str) -> bytes | None:
    async def work() -> bytes | None:
        consumer = AIOKafkaConsumer("kept", bootstrap_servers=servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            return (await asyncio.wait_for(consumer.getone(), 20)).value
        finally:
            await consumer.stop()

    return asyncio.run(work())


def test_in_the_background_from_start_to_stop(data: Path, start: StartBroker) -> None:
    """--detach returns when requests are taken; status and stop find it, and a restart keeps what was written.

    A second start with the folder, and one with the port, are refused. A stop from elsewhere is no failure of the
    command that waits for the broker.
    """
    started = command("broker", "start", "--data", str(data), "--detach")
    assert started.returncode == 0, started.stderr
    servers = _servers(data)
    assert started.stdout == f"ready: {servers}\n"
    for step in ("resolving", "formatting", "starting"):
        assert step in started.stderr
    _write(servers, b"what was written")
    status = command("broker", "status", "--data", str(data))
    assert (status.returncode, status.stdout.split()[:2]) == (0, ["running:", servers])

    again = command("broker", "start", "--data", str(data))
    assert again.returncode == 1
    assert f"runs already at {servers}" in again.stderr
    assert "broker stop" in again.stderr
    port = servers.rpartition(":")[2]
    taken = command("broker", "start", "--data", str(data.parent / "other"), "--port", port)
    assert taken.returncode == 1
    assert f"port {port} is taken; give another --port" in taken.stderr

    stopped = command("broker", "stop", "--data", str(data))
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
    assert command("broker", "status", "--data", str(data)).returncode == 3
    assert "no broker runs" in command("broker", "stop", "--data", str(data)).stdout
    program = start()
    assert _servers(data) == servers
    assert _first(servers) == b"what was written"
    assert command("broker", "stop", "--data", str(data)).stdout == "stopped\n"
    assert program.ends() == 0
    assert program.log.endswith("stopped\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_it_cleanly(data: Path, start: StartBroker, number: signal.Signals) -> None:
    """The command ends with 0 and leaves no broker behind."""
    program = start()
    (broker,) = program.children()
    assert program.stop(number) == 0
    assert not alive(broker)
    assert running(data) is None


def test_it_ends_with_its_parent_even_when_that_is_killed(data: Path, start: StartBroker) -> None:
    """No broker outlives the command that started it; its note is stale then, and does no harm."""
    program = start()
    (broker,) = program.children()
    program.process.kill()
    program.ends()
    eventually(lambda: not alive(broker))
    assert (data / "broker.json").exists()
    assert command("broker", "status", "--data", str(data)).returncode == 3


def test_a_broker_that_dies_is_reported(start: StartBroker) -> None:
    """The command that waits for it ends with 1 and says so."""
    program = start()
    (broker,) = program.children()
    os.kill(broker, signal.SIGKILL)
    assert program.ends() == 1
    assert "the broker ended with exit code -9" in program.log


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(data: Path) -> None:
    """Kafka's and Java's own words, not only an exit code; those of an earlier start are left out."""
    with pytest.raises(BrokerError, match="Invalid maximum heap size") as caught:
        EmbeddedBroker(data, heap="nothing").start()
    assert "ended while starting" in str(caught.value)
    (data / "logs" / "meta.properties").write_text("version=1\ncluster.id=another\nnode.id=7\n", encoding="ascii")
    with pytest.raises(BrokerError, match=r"node\.id") as caught:
        EmbeddedBroker(data).start()
    assert "heap" not in str(caught.value)
    assert running(data) is None


def test_settings_that_kafka_refuses(data: Path) -> None:
    """They are found when the folder is formatted."""
    with pytest.raises(BrokerError, match="cannot be formatted"):
        EmbeddedBroker(data, settings={"num.io.threads": "many"}).start()


def test_a_note_of_a_process_that_is_no_broker_is_stale(data: Path) -> None:
    """Process numbers are given again; a file that cannot be read is no broker either."""
    data.mkdir()
    note = data / "broker.json"
    note.write_text(f'{{"pid": {os.getpid()}, "bootstrap_servers": "127.0.0.1:9"}}', encoding="ascii")
    assert running(data) is None
    assert not note.exists()
    for broken in ("", "[]", '{"pid": "x"}'):
        note.write_text(broken, encoding="ascii")
        assert running(data) is None


def test_ports_are_checked_before_anything_is_started(data: Path) -> None:
    """A taken port is named at once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(BrokerError, match=f"port {port} is taken"):
            EmbeddedBroker(data, port).start()
        assert time.monotonic() - began < 5


def test_usage_errors_end_with_2() -> None:
    """As everywhere in the command line."""
    assert command("broker", "start", "--port", "70000").returncode == 2
    assert command("broker", "begin").returncode == 2
