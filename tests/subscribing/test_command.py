"""The command against a real broker: committed records alone, filters, resuming, and its own kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection
from monitor.topic_admin import create
from tests.subscribing.made import Writer, names_of, raised, withdrawn
from topics.catalogue import ALERTS, all_topics

pytestmark = pytest.mark.broker


@pytest.fixture
def writer(broker: EmbeddedBroker, prefix: str) -> Iterator[Writer]:
    """A writer of the alerts' topic."""
    import asyncio

    topics = [topic for topic in all_topics() if topic.name.startswith("alerts")]
    asyncio.run(create(Connection(broker.bootstrap_servers), topics, prefix=prefix, partitions=2))
    made = Writer(broker.bootstrap_servers, prefix + ALERTS)
    yield made
    made.close()


class Program:
    """Runs `claims-monitor subscribe` in a process of its own."""

    def __init__(self, servers: str, prefix: str, folder: Path) -> None:
        self._command = [sys.executable, "-m", "monitor.cli", "subscribe", "-b", servers, "--prefix", prefix]
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self._command, "--until-end", *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([*self._command, *arguments], cwd=self._folder, env=self._environment)


@pytest.fixture
def program(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> Program:
    return Program(broker.bootstrap_servers, prefix, tmp_path)


def test_only_committed_alerts_and_those_that_stand(writer: Writer, program: Program) -> None:
    """An aborted transaction is not seen; --standing shows what stands, by jr_id, through the filter."""
    writer.write(("raised", raised("P1", "1.00")), ("raised", raised("P2", "2.00")))
    writer.write(("raised", raised("P9")), commit=False)
    writer.write(("revised", raised("P1", "3.00")), ("withdrawn", withdrawn("P2")), ("raised", raised("P3", "2.99")))
    writer.write_raw(b"no alert", [])
    shown = program("--standing")
    assert shown.returncode == 0, shown.stderr
    assert sorted(names_of(shown.stdout)) == [("P1", "raised"), ("P3", "raised")]
    assert shown.stdout.splitlines() == sorted(shown.stdout.splitlines())
    assert "left out" in shown.stderr
    assert names_of(program("--standing", "--at-least", "3").stdout) == [("P1", "raised")]
    assert program("--standing", "--rule", "hang-bed").stdout == ""
    told = program("--format", "text").stdout
    assert "P1" not in told
    assert "withdrawn" in told


def test_it_goes_on_where_it_stopped(writer: Writer, program: Program, tmp_path: Path) -> None:
    """A later run brings only what is new, and the end of what was told before."""
    out = tmp_path / "out.ndjson"
    arguments = ("--state", "s", "--output", str(out), "--at-least", "100")
    writer.write(("raised", raised("P1")), ("raised", raised("P2")), ("raised", raised("P3", "99.99")))
    assert program(*arguments).returncode == 0
    assert sorted(names_of(out.read_text("utf-8"))) == [("P1", "raised"), ("P2", "raised")]
    writer.write(("withdrawn", withdrawn("P1")), ("withdrawn", withdrawn("P3")), ("raised", raised("P2")))
    with out.open("a", encoding="utf-8") as file:
        file.write("half a li")
    assert program(*arguments).returncode == 0
    assert names_of(out.read_text("utf-8"))[2:] == [("P1", "withdrawn")]
    refused = program("--state", "s", "--output", str(out))
    assert refused.returncode == 2
    assert "another subscription" in refused.stderr


def test_a_killed_subscriber_writes_each_change_once(writer: Writer, program: Program, tmp_path: Path) -> None:
    """After kill -9 while it writes, several times; the file has every change once."""
    out = tmp_path / "out.ndjson"
    arguments = ("--state", "s", "--output", str(out))
    count = 0
    for _ in range(3):
        # many small transactions: some lie before the kill, some after
        running = program.start(*arguments)
        size = out.stat().st_size if out.exists() else 0
        until = count + 150
        while count < until or not out.exists() or out.stat().st_size == size:
            if count < until:
                writer.write(*[("raised", raised(f"P{number:04d}")) for number in range(count, count + 10)])
                count += 10
            assert running.poll() is None
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert program(*arguments).returncode == 0
    names = [name for name, _ in names_of(out.read_text("utf-8"))]
    assert sorted(names) == [f"P{number:04d}" for number in range(count)]


def test_unusable_arguments_and_a_missing_topic(program: Program) -> None:
    """Exit code 2 for what cannot be used; a topic that does not exist is named."""
    for wrong in (
        ["--format", "xml"],
        ["--severity", "4"],
        ["--at-least", "1.234"],
        ["--webhook", "desk"],
        ["--webhook", "http://x/", "--output", "y"],
        ["--standing", "--state", "s"],
    ):
        assert program(*wrong).returncode == 2, wrong
    missing = program("--prefix", "nowhere.")
    assert missing.returncode == 1
    assert "topics create" in missing.stderr
