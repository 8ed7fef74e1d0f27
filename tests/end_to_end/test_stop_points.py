"""A worker killed -9 at the worst points of a batch: alerts, contributions and changelog happen all or none."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.conftest import MakeCluster, check_equal
from tests.end_to_end.program import ROOT
from tests.end_to_end.reference import Reference
from topics.catalogue import ALERTS, ALERTS_LOG

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]


def run_to(point: str, cluster: Cluster, data: Path, batch: int = 1) -> None:
    """Run a worker until it kills itself there."""
    config = {
        "bootstrap": cluster.connection.bootstrap_servers,
        "prefix": cluster.prefix,
        "group": cluster.group,
        "data": str(data),
        "point": point,
        "batch": batch,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.end_to_end.stopping_worker", json.dumps(config)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-3000:]


def counts(cluster: Cluster, isolation: str) -> dict[str, int]:
    """How many records such a reader sees of each kind of output."""
    topics = cluster.prefix + ALERTS, cluster.prefix + ALERTS_LOG, cluster.contributions, cluster.person_changelog
    return {topic: len(cluster.records(topic, isolation)) for topic in topics}


def test_of_a_batch_killed_before_its_commit_nothing_is_seen(make_cluster: MakeCluster, reference: Reference) -> None:
    """All of it had reached the broker; the next worker judges the batch again, and the end is the same."""
    cluster = make_cluster()
    cluster.play(reference.facts).wait()
    run_to("before-commit", cluster, cluster.folder / "worker", batch=0)
    uncommitted, committed = counts(cluster, "read_uncommitted"), counts(cluster, "read_committed")
    assert all(committed[topic] < uncommitted[topic] for topic in uncommitted), (committed, uncommitted)
    assert committed[cluster.prefix + ALERTS] == committed[cluster.prefix + ALERTS_LOG] == 0, "it was the first"
    cluster.worker("worker")
    cluster.settle()
    check_equal(cluster, reference)


@pytest.mark.prove
@pytest.mark.parametrize("keep", [True, False], ids=["same data", "empty data"])
def test_kills_at_every_point_one_after_the_other_end_as_a_single_pass(
    make_cluster: MakeCluster, reference: Reference, keep: bool
) -> None:
    """Before the commit, between commit and local store, between local store and acknowledgement."""
    cluster = make_cluster()
    cluster.play(reference.facts).wait()
    for number, point in enumerate(["before-commit", "before-store", "before-acknowledgement"]):
        run_to(point, cluster, cluster.folder / ("worker" if keep else f"worker-{number}"))
    cluster.worker("worker" if keep else "last")
    cluster.settle()
    check_equal(cluster, reference)
