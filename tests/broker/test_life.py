"""The life of an embedded broker: started, found, stopped, killed, and started again on what it had."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.broker import server
from monitor.broker.ports import HOST
from monitor.broker.running import running
from monitor.broker.server import BrokerError, EmbeddedBroker
from monitor.connection import Connection
from tests.broker.conftest import Run
from tests.broker.traffic import make, read, write

pytestmark = pytest.mark.broker


def _eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _pid(data: Path) -> int:
    found = running(data)
    assert found is not None
    return found.pid


def test_commands_start_find_and_stop_a_broker_in_the_background(run: Run, tmp_path: Path) -> None:
    """`start --detach` returns once requests are taken; `status` and `stop` find it; exit codes tell."""
    before = run("broker", "status")
    assert before.returncode == 3
    started = run("broker", "start", "--detach")
    data = tmp_path / ".data" / "broker"
    try:
        assert started.returncode == 0, started.stderr
        address = started.stdout.split()[-1]
        assert "formatting" in started.stderr
        assert "starting" in started.stderr
        asyncio.run(make(Connection(address), "one"))
        status = run("broker", "status")
        assert (status.returncode, address in status.stdout) == (0, True)
        again = run("broker", "start")
        assert again.returncode == 1
        assert "runs already" in again.stderr
        assert "broker stop" in again.stderr
        assert run("broker", "status").returncode == 0, "the second start must not disturb the first"
    finally:
        stopped = run("broker", "stop")
    assert stopped.returncode == 0
    assert running(data) is None
    assert run("broker", "status").returncode == 3
    assert "Traceback" not in before.stderr + started.stderr + again.stderr + stopped.stderr


def test_data_is_there_again_after_stop_and_after_a_crash(tmp_path: Path) -> None:
    """A broker started again on its folder has its records and its address, whether it was stopped or killed.

    Blanks and Chinese characters in the folder's name are no obstacle.
    """
    data = tmp_path / "结算 数据"
    broker = EmbeddedBroker(data)
    broker.start()
    address = broker.bootstrap_servers
    connection = Connection(address)
    asyncio.run(make(connection, "kept"))
    asyncio.run(write(connection, "kept", b"one"))
    broker.stop()
    assert running(data) is None
    broker.start()
    try:
        assert broker.bootstrap_servers == address
        asyncio.run(write(connection, "kept", b"two"))
        pid = broker.pid
        broker.kill()
        assert _gone(pid)
        assert running(data) is None
        broker.start()
        assert broker.bootstrap_servers == address
        assert asyncio.run(read(connection, "kept", 2)) == [b"one", b"two"]
    finally:
        broker.stop()


PARENT = """\
import sys, time
from pathlib import Path
from monitor.broker.server import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]))
broker.start()
print(broker.pid, flush=True)
time.sleep(120)
"""


def test_broker_ends_with_its_parent(tmp_path: Path) -> None:
    """A kill -9 of the process that started it leaves no broker behind, and the folder can be used again."""
    data = tmp_path / "data"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(data)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    with parent.stdout as output:
        pid = int(output.readline())
    assert not _gone(pid)
    parent.kill()
    parent.wait()
    _eventually(lambda: _gone(pid))
    assert running(data) is None, "the note it left is stale"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_in_the_foreground_stops_its_broker(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the broker too, cleanly."""
    data = tmp_path / "data"
    command = subprocess.Popen(
        [sys.executable, "-m", "monitor.cli", "broker", "start", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert command.stdout is not None
    assert "ready" in command.stdout.readline()
    pid = _pid(data)
    command.send_signal(number)
    _, errors = command.communicate(timeout=30)
    assert _gone(pid)
    assert command.returncode == 0
    assert "Traceback" not in errors
    assert running(data) is None


def test_cluster_id_is_never_taken_for_an_option() -> None:
    """One random id in 64 would begin with a hyphen, and the folder could not be formatted with it."""
    ids = {server._cluster_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert not [made for made in ids if made.startswith("-")]


def test_taken_port_is_named(tmp_path: Path) -> None:
    """A port at which somebody listens is refused by its number; nothing runs afterwards."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} is taken.*--port"):
            EmbeddedBroker(tmp_path / "data", port).start()
    assert running(tmp_path / "data") is None


def test_broker_that_dies_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """What Java said is in the message; the folder is free afterwards."""
    with pytest.raises(BrokerError, match=r"(?s)ended while starting.*heap"):
        EmbeddedBroker(tmp_path / "data", heap="1k").start()
    assert running(tmp_path / "data") is None


def test_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(BrokerError, match="data"):
        EmbeddedBroker(tmp_path / "data").start()


@pytest.mark.parametrize("note", [b"", b"not json", b"[]", b'{"pid": "x"}', b'{"bootstrap_servers": "h:1"}'])
def test_broken_note_is_no_broker(tmp_path: Path, note: bytes) -> None:
    """Whatever lies in the note's place, nobody is found and nothing fails."""
    (tmp_path / "broker.json").write_bytes(note)
    assert running(tmp_path) is None


def test_note_of_another_process_is_stale(run: Run, tmp_path: Path) -> None:
    """A number that was given to another process meanwhile is not taken for the broker, and not stopped."""
    data = tmp_path / ".data" / "broker"
    data.mkdir(parents=True)
    (data / "broker.json").write_text(json.dumps({"pid": os.getpid(), "bootstrap_servers": "127.0.0.1:1"}), "ascii")
    assert run("broker", "status").returncode == 3
    assert "no broker runs" in run("broker", "stop").stdout
    assert not (data / "broker.json").exists()


def test_note_of_another_broker_is_stale(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """A broker with another data folder is not taken for this folder's."""
    note = {"pid": broker.pid, "bootstrap_servers": broker.bootstrap_servers}
    (tmp_path / "broker.json").write_text(json.dumps(note), "ascii")
    assert running(tmp_path) is None
