"""`claims-monitor broker start` in the foreground: what it says of a broker that ends, and of one that cannot start."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.broker.running import running, stop
from monitor.broker.server import BrokerError, EmbeddedBroker
from tests.worker.processes import Program, command

pytestmark = pytest.mark.broker


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; a broker that still runs with it at the end is stopped."""
    yield tmp_path / "data"
    stop(tmp_path / "data")


@pytest.fixture
def started(data: Path, tmp_path: Path) -> Iterator[Program]:
    """The command, ready."""
    program = Program(["broker", "start", "--data", str(data)], tmp_path / "command.log")
    program.wait_log(r"ready: \S+", 90)
    yield program
    program.clear()


def test_a_broker_that_crashes_is_reported(started: Program) -> None:
    """The command that waits for it ends with 1 and says so."""
    (broker,) = started.children()
    os.kill(broker, signal.SIGKILL)
    assert started.ends() == 1
    assert "the broker ended with exit code -9" in started.log
    assert "Traceback" not in started.log


def test_a_stop_from_elsewhere_is_no_failure(started: Program, data: Path) -> None:
    """`broker stop` ends the broker of another terminal; the command there ends well."""
    assert command("broker", "stop", "--data", str(data)).stdout == "stopped\n"
    assert started.ends() == 0
    assert started.log.endswith("stopped\n")


def test_what_kafka_says_is_in_its_log_and_in_the_message(data: Path) -> None:
    """The end of its log since this start, not of an earlier one."""
    with pytest.raises(BrokerError, match="Invalid maximum heap size"):
        EmbeddedBroker(data, heap="nothing").start()
    (data / "logs" / "meta.properties").write_text("version=1\ncluster.id=another\nnode.id=7\n", encoding="ascii")
    with pytest.raises(BrokerError, match="Stored node id 7 doesn't match") as caught:
        EmbeddedBroker(data).start()
    assert "heap" not in str(caught.value)
    assert running(data) is None


def test_settings_that_kafka_refuses(data: Path) -> None:
    """They are found when the folder is formatted."""
    with pytest.raises(BrokerError, match="cannot be formatted"):
        EmbeddedBroker(data, settings={"num.io.threads": "many"}).start()


def test_the_command_names_a_taken_port(data: Path) -> None:
    """One line, exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = command("broker", "start", "--data", str(data), "--port", str(port))
    assert ended.returncode == 1
    assert f"port {port} is taken; give another --port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_usage_errors_end_with_2() -> None:
    """As everywhere in the command line."""
    assert command("broker", "start", "--port", "70000").returncode == 2
    assert command("broker", "begin").returncode == 2
