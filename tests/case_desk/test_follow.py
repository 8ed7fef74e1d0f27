"""The desk against a real broker: killed while it reads, with redelivered records, on both databases."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from examples.case_desk.store import Desk
from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection
from monitor.topic_admin import create
from tests.subscribing.made import Writer, jr_id, raised, withdrawn
from topics.catalogue import ALERTS, all_topics

pytestmark = pytest.mark.broker
ROOT = Path(__file__).parents[2]
PATIENCE_S = 90


def _start(database: str, servers: str, prefix: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "examples.case_desk", "--database", database, "follow", "--prefix", prefix]
    group = ["--bootstrap-servers", servers, "--group", prefix + "desk", "--instance", "one"]
    return subprocess.Popen([*command, *group], cwd=ROOT)


def _until(desk: Desk, count: int, program: "subprocess.Popen[bytes]") -> None:
    until = monotonic() + PATIENCE_S
    while len(desk.cases()) < count:
        assert program.poll() is None
        assert monotonic() < until, len(desk.cases())
        sleep(0.05)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.prove)], indirect=True)
def test_a_desk_that_is_killed_keeps_one_case_an_alert(
    broker: EmbeddedBroker, prefix: str, database: str, desk: Desk
) -> None:
    """After kills at any moment the cases are the last words of the topic, and each change was applied once."""
    topics = [topic for topic in all_topics() if topic.name == ALERTS]
    asyncio.run(create(Connection(broker.bootstrap_servers), topics, prefix=prefix, partitions=2))
    writer = Writer(broker.bootstrap_servers, prefix + ALERTS)
    names = [f"P{number:03d}" for number in range(300)]
    writer.write(("withdrawn", withdrawn("gone")))
    for kill in range(3):
        program = _start(database, broker.bootstrap_servers, prefix)
        mine = names[kill * 100 : kill * 100 + 100]
        for name in mine:
            writer.write(
                ("raised", raised(name, "1.00")), ("raised", raised("aborted", "5.00")), commit=name[-1] != "9"
            )
            if name[-1] == "9":
                writer.write(("raised", raised(name, "1.00")))
        writer.write(*[("revised", raised(name, "2.00")) for name in mine[::2]])
        writer.write(*[("withdrawn", withdrawn(name)) for name in mine[::5]])
        _until(desk, kill * 100 + 20, program)
        program.send_signal(signal.SIGKILL)
        program.wait()
    program = _start(database, broker.bootstrap_servers, prefix)
    writer.write(("raised", raised("last")))
    _until(desk, len(names) + 3, program)
    while desk.case(jr_id("last")) is None or desk.case(jr_id("P295")).state != "withdrawn":  # type: ignore[union-attr]
        sleep(0.05)
    program.send_signal(signal.SIGTERM)
    assert program.wait(60) == 0
    writer.close()
    for number, name in enumerate(names):
        case = desk.case(jr_id(name))
        assert case is not None
        within = number % 100
        words = ["raised"] + ["revised"] * (within % 2 == 0) + ["withdrawn"] * (within % 5 == 0)
        assert desk.history(jr_id(name)) == words
        assert case.state == ("withdrawn" if within % 5 == 0 else "open")
        assert case.amount_fen == (200 if within % 2 == 0 else 100)
    gone = desk.case(jr_id("gone"))
    assert gone is not None
    assert gone.state == "withdrawn"
    listed = subprocess.run(
        [sys.executable, "-m", "examples.case_desk", "--database", database, "list", "--state", "open"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(listed.stdout.splitlines()) == len(desk.cases("open")) == 242
