"""A worker killed -9 before its commit: alerts, contributions and changelog happen all or none.

The other points of a batch are struck by the campaigns of `test_chaos`.
"""

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
