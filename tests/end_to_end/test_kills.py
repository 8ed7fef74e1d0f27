"""Workers join, are killed and leave while facts arrive; then state is lost, damaged and read again."""

import mmap
import os
import re
import signal
from pathlib import Path

import pytest

from tests.end_to_end.cluster import PARTITIONS, Cluster
from tests.end_to_end.conftest import MakeCluster, check_equal
from tests.end_to_end.program import Worker, eventually
from tests.end_to_end.reference import Reference, comparable
from topics.catalogue import CLAIMS

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

PAGE = mmap.PAGESIZE
RATE = 700.0


@pytest.fixture(scope="module")
def cluster(make_cluster: MakeCluster, scored_reference: Reference, model: Path) -> Cluster:
    """Two workers, the child of one killed -9 in mid-stream, later the other killed -9 with its supervisor.

    Either time facts were delivered and not acknowledged, and alerts came before and after.
    """
    cluster = make_cluster(model)
    first = cluster.worker("first")
    cluster.wait_for_owners(1)
    cluster.play(scored_reference.facts, rate=RATE)
    logged = cluster.wait_for_alerts()
    second = cluster.worker("second")
    cluster.wait_for_owners(2)
    logged = cluster.wait_for_alerts(logged)
    freeze_with_work(cluster, first.child)
    first.kill_child()
    logged = cluster.wait_for_alerts(logged)
    assert cluster.players[0].poll() is None, "facts still arrive"
    freeze_with_work(cluster, second.child)
    second.kill()
    cluster.settle()
    assert cluster.logged() > logged
    return cluster


def test_what_stands_after_joins_and_kills_is_what_backtest_gives(
    cluster: Cluster, scored_reference: Reference
) -> None:
    """Alerts to the byte (those of the model among them), the story in the log, and all state of both stages."""
    assert scored_reference.alerts.count(b'"rule_id":"outlier-claim"') > 10
    assert len(scored_reference.alerts.splitlines()) > 60
    check_equal(cluster, scored_reference)


def test_the_owner_of_an_institution_serves_the_sums_of_the_single_pass(
    cluster: Cluster, scored_reference: Reference
) -> None:
    """Whichever worker is asked."""
    assert len(scored_reference.institutions) > 12
    check_served(cluster, scored_reference)


def test_a_worker_without_local_state_rebuilds_it_from_the_changelog(
    cluster: Cluster, scored_reference: Reference
) -> None:
    """It emits nothing anew and holds the same."""
    fresh, logged = restarted(cluster, "fresh")
    check_same(cluster, scored_reference, logged)
    assert " 0 changelog records read" not in fresh.log.read_text().split("is ready")[1]


@pytest.mark.prove
def test_a_restart_on_the_local_state_changes_nothing(cluster: Cluster, scored_reference: Reference) -> None:
    """SIGTERM ends a worker with exit code 0; the next one opens what it left and writes nothing anew."""
    restarted(cluster, "kept")
    again, logged = restarted(cluster, "kept")
    check_same(cluster, scored_reference, logged)
    assert re.findall(r"is ready: .* values, (\d+) changelog", again.log.read_text())[-8:] == ["0"] * 8


@pytest.mark.parametrize(
    "where",
    [
        "pages",
        pytest.param("begin", marks=pytest.mark.prove),
    ],
)
def test_a_damaged_local_store_is_rebuilt(cluster: Cluster, scored_reference: Reference, where: str) -> None:
    """Bytes of every store are wrong: those that describe it, or all others. Missing ones: see the campaigns."""
    if not (cluster.folder / "fresh").exists():
        restarted(cluster, "fresh")
    cluster.stop()
    stores = sorted((cluster.folder / "fresh" / "state").glob("*/data.mdb"))
    assert len(stores) == 2 * PARTITIONS
    for store in stores:
        damage(store, where)
    worker, logged = restarted(cluster, "fresh")
    check_same(cluster, scored_reference, logged)
    assert "rebuilding it from the changelog" in worker.log.read_text()


def freeze_with_work(cluster: Cluster, child: int) -> None:
    """Stop a process for a moment: facts of its partitions wait that it has not acknowledged."""
    os.kill(child, signal.SIGSTOP)
    eventually(lambda: bool(cluster.lag(cluster.prefix + CLAIMS)), 10, "facts are not acknowledged")


def damage(store: Path, where: str) -> None:
    content = store.read_bytes()
    described = 2 * PAGE
    damaged = {
        "begin": bytes(described) + content[described:],
        "pages": content[:described] + bytes(byte ^ 0xA5 for byte in content[described:]),
    }
    store.write_bytes(damaged[where])


def restarted(cluster: Cluster, name: str) -> tuple[Worker, int]:
    """Stop all workers, start one alone; gives it and how many changes had been logged before."""
    cluster.stop()
    logged = cluster.logged()
    worker = cluster.worker(name)
    cluster.wait_for_owners(1)
    cluster.settle()
    return worker, logged


def check_same(cluster: Cluster, reference: Reference, logged: int) -> None:
    """Same alerts, nothing written to the log, and the owner serves the same sums."""
    check_equal(cluster, reference)
    assert cluster.logged() == logged
    check_served(cluster, reference)


def check_served(cluster: Cluster, reference: Reference) -> None:
    """Every institution's history is the one of the single pass."""
    for institution in reference.institutions:
        served = comparable(cluster.history("institution", institution))
        assert served == reference.keys["institution", institution]
