"""`claims-monitor play` while its broker goes away and comes back."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.broker.ports import free_port
from monitor.broker.server import EmbeddedBroker
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.program import ROOT, command, eventually
from tests.facts import at, encoded, settlement
from tests.worker.conftest import now
from topics.catalogue import CLAIMS

AWAY_S = 45.0
"""Longer than a request of the client library waits."""
FACTS = 4_000


@pytest.mark.prove
@pytest.mark.broker
def test_every_fact_is_written_once_over_a_broker_that_is_away_for_long(tmp_path: Path) -> None:
    """It waits, says so in a few lines, and goes on; a pipe that takes what it says is not read meanwhile.

    The facts are of today: a broker that was killed forgets producers whose last record bears a time of more than a
    day ago (`producer.id.expiration.ms`), so of older facts it may take what was under way a second time.
    """
    lines = encoded(settlement(f"S{n}", psn_no=f"P{n % 50}", setl_time=now(-60)) for n in range(FACTS))
    facts = tmp_path / "facts.ndjson"
    facts.write_bytes(b"".join(line + b"\n" for line in lines))
    with EmbeddedBroker(tmp_path / "broker", free_port()) as broker:
        cluster = Cluster(broker.bootstrap_servers, "player.", tmp_path)

        def written() -> int:
            return sum(cluster.ends("player." + CLAIMS).values())

        player = subprocess.Popen(
            command("play", str(facts), *cluster.where, "--rate", "200"),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        cluster.players.append(player)
        try:
            eventually(lambda: written() > 0, 60, "facts are written")
            broker.kill()
            began = time.monotonic()
            while time.monotonic() < began + AWAY_S:
                assert player.poll() is None, "it waits"
                time.sleep(1)
            broker.start()
            _, said = player.communicate(timeout=120)
        finally:
            cluster.clean_up()
        assert player.returncode == 0, said.decode()[-3_000:]
        assert len(said) < 20_000, said.decode()[:3_000]
        told = [record.value for record in cluster.records("player." + CLAIMS) if record.key]
        assert sorted(value for value in told if value is not None) == sorted(lines)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell lets what it runs in the background ignore interrupts, and so all that this starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.broker
def test_lines_of_a_quiet_pipe_are_written_as_they_come(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Not when the next ones come or the pipe ends; and a signal ends it while it waits for a line."""
    lines = encoded(settlement(f"S{n}", setl_time=at(n)) for n in range(5))
    cluster = Cluster(broker.bootstrap_servers, "quiet.", tmp_path)
    told: list[bytes | None] = []

    def written() -> list[bytes | None]:
        told[:] = [record.value for record in cluster.records("quiet." + CLAIMS) if record.key]
        return told

    def start() -> "subprocess.Popen[bytes]":
        player = subprocess.Popen(
            command("play", "-", *cluster.where),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        cluster.players.append(player)
        return player

    try:
        for ends_by_signal in (False, True):
            before = len(written())
            player = start()
            assert player.stdin is not None
            for count in (1, 3):
                player.stdin.write(b"".join(line + b"\n" for line in lines[count // 2 : count]))
                player.stdin.flush()
                eventually(lambda: len(written()) == before + count, 60, "they are written")  # noqa: B023 - at once
            if ends_by_signal:
                player.send_signal(signal.SIGINT)
                player.wait(timeout=60)  # before the pipe ends, which would end it, too
                _, said = player.communicate(timeout=60)
                assert b"Fatal" not in said
                assert player.returncode not in {0, -signal.SIGABRT}
            else:
                _, said = player.communicate(lines[3] + b"\n" + lines[4] + b"\n", timeout=60)
                assert b"5 facts" in said
                assert player.returncode == 0
                assert written() == lines
    finally:
        cluster.clean_up()
