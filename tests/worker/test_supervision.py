"""The parent of a worker: starts it again when it fails, passes signals on, and does not insist when it refuses."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.broker.ports import free_port
from monitor.broker.server import EmbeddedBroker
from tests.facts import at, settlement
from tests.worker.conftest import GROUP, MakeSite, StartWorker, times
from tests.worker.processes import ROOT, alive, eventually

pytestmark = pytest.mark.broker

REFUSED = 78


def test_a_killed_worker_is_started_again_and_loses_nothing(make_site: MakeSite, start_worker: StartWorker) -> None:
    """The parent starts another child; facts from before and after make one alert. SIGTERM ends both with 0."""
    site = make_site()
    visits = [settlement(f"S{n}", setl_time=time) for n, time in enumerate(times("2026-03-02", 4))]
    site.facts(*visits[:2], at=at(0, "10:00:00"))
    worker = start_worker(site.options)
    worker.wait_ready()
    (first,) = worker.children()
    eventually(lambda: worker.get("/metrics")[1].count('type="settlement"'))
    os.kill(first, signal.SIGKILL)
    worker.wait_log("ended with signal SIGKILL; starting it again")
    site.facts(*visits[2:], at=at(0, "10:00:00"))
    eventually(lambda: site.evidence("repeat-visits") == [4], 60)
    (second,) = worker.children()
    assert second != first
    assert worker.stop(signal.SIGTERM) == 0
    assert not alive(second)


def test_a_worker_ends_with_its_killed_parent(make_site: MakeSite, start_worker: StartWorker) -> None:
    """No child goes on unseen; Ctrl-C ends another one cleanly."""
    site = make_site()
    worker = start_worker(site.options, data="one")
    worker.wait_ready()
    (child,) = worker.children()
    worker.process.kill()
    eventually(lambda: not alive(child))
    other = start_worker(site.options, data="two")
    other.wait_log("pages at")
    assert other.stop(signal.SIGINT) == 0


def test_missing_topics_are_named(broker: EmbeddedBroker, prefix: str, start_worker: StartWorker) -> None:
    """It refuses, says which and how they are made, and is not started again."""
    worker = start_worker(["-b", broker.bootstrap_servers, "--prefix", prefix])
    assert worker.ends() == REFUSED
    assert f"these topics do not exist: {prefix}claims.facts.v1, " in worker.log
    assert f"`claims-monitor topics create --prefix {prefix} --group {GROUP}`" in worker.log
    assert "starting it again" not in worker.log
    assert "Traceback" not in worker.log


@pytest.mark.parametrize(
    ("option", "content", "says"),
    [
        ("--terms", b"name = 7", "given:"),
        ("--terms", None, "No such file"),
        ("--kafka-config", b"security.protocol=TLS", "'TLS': one of"),
    ],
)
def test_what_it_was_given_cannot_be_used(
    start_worker: StartWorker, tmp_path: Path, option: str, content: bytes | None, says: str
) -> None:
    """Wrong terms or settings: refused at once, before a broker is asked."""
    file = tmp_path / "given"
    if content is not None:
        file.write_bytes(content)
    worker = start_worker(["-b", f"127.0.0.1:{free_port()}", option, str(file)])
    assert worker.ends() == REFUSED
    assert says in worker.log
    assert "starting it again" not in worker.log
    assert "Traceback" not in worker.log


def test_an_absent_broker_is_waited_for(start_worker: StartWorker, tmp_path: Path) -> None:
    """It says what it waits for and how often, and goes on once a broker is there."""
    port = free_port()
    worker = start_worker(["-b", f"127.0.0.1:{port}"])
    eventually(lambda: worker.log.count("no Kafka broker answers") >= 2)
    assert "claims-monitor broker start" in worker.log
    assert "--bootstrap-servers" in worker.log
    with EmbeddedBroker(tmp_path / "late", port):
        assert worker.ends() == REFUSED
    assert "these topics do not exist" in worker.log


def test_it_can_be_ended_while_it_waits_for_a_broker(start_worker: StartWorker) -> None:
    """Nobody has to kill it."""
    worker = start_worker(["-b", f"127.0.0.1:{free_port()}"])
    worker.wait_log("no Kafka broker answers")
    assert worker.stop(signal.SIGTERM, 20) == 0


def test_a_taken_port_for_the_pages(broker: EmbeddedBroker, make_site: MakeSite, start_worker: StartWorker) -> None:
    """It refuses and names the port."""
    site = make_site()
    port = broker.bootstrap_servers.rpartition(":")[2]
    worker = start_worker(site.options, "--http-port", port)
    assert worker.ends() == REFUSED
    assert f"127.0.0.1:{port} cannot be used" in worker.log
    assert "--http-port" in worker.log


def test_a_worker_that_does_not_end_is_killed() -> None:
    """One that is stuck when the signal comes is waited for so long and no longer; it is told."""
    stuck = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    program = (
        "import logging, sys; from monitor.worker.supervisor import supervise; logging.basicConfig(); "
        f"sys.exit(supervise([sys.executable, '-c', {stuck!r}], grace_s=0.5))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        parent.terminate()
        _, said = parent.communicate(timeout=30)
    assert parent.returncode == 0
    assert "did not end within" in said
