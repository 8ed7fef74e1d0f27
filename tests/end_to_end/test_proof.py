"""The longer proof: a larger region, workers that come, go and are killed -9 again and again while facts arrive."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.conftest import MakeCluster, check_equal
from tests.end_to_end.program import eventually, run
from tests.end_to_end.reference import Reference
from topics.catalogue import CLAIMS

pytestmark = [pytest.mark.broker, pytest.mark.prove, pytest.mark.timeout(600)]

RATE = 500.0
ROUNDS = 6


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Two months of 3,000 persons, judged in one pass."""
    path = tmp_path_factory.mktemp("large") / "facts.ndjson"
    run("simulate", "--persons", "3000", "--institutions", "30", "--seed", "11", "--output", str(path))
    return Reference(path)


@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_as_a_single_pass(make_cluster: MakeCluster, large: Reference, seed: int) -> None:
    """Which worker is hit, how (child, both, frozen first, SIGTERM) and whether its state is kept is drawn by lot."""
    lots = random.Random(seed)
    cluster = make_cluster()
    workers = [cluster.worker("worker-0"), cluster.worker("worker-1")]
    cluster.wait_for_owners(2)
    cluster.play(large.facts, rate=RATE)
    cluster.wait_for_alerts()
    hits = []
    for number in range(2, ROUNDS + 2):
        if cluster.players[0].poll() is not None:
            break
        victim = lots.randrange(2)
        way = lots.choice(["child", "both", "frozen", "term"])
        hits.append(way)
        worker = workers[victim]
        if way == "child":
            worker.kill_child()
        elif way == "term":
            assert worker.stop() == 0, worker.log_tail()
        else:
            child = worker.child
            if way == "frozen":
                os.kill(child, signal.SIGSTOP)
                eventually(lambda: bool(cluster.lag(cluster.prefix + CLAIMS)), 10, "facts wait")
            worker.kill()
        if way != "child":
            keep = lots.random() < 0.5
            workers[victim] = cluster.worker(worker.data.name if keep else f"worker-{number}")
        logged = cluster.logged()
        cluster.wait_for_alerts(logged)
    assert len(hits) >= ROUNDS // 2, "facts must arrive while workers are hit"
    cluster.settle(180)
    check_equal(cluster, large)


def test_a_second_worker_that_joins_and_leaves_takes_and_gives_its_partitions(
    make_cluster: MakeCluster, scored_reference: Reference, model: Path
) -> None:
    """Without a kill nothing waits for a timeout: it leaves within seconds."""
    cluster: Cluster = make_cluster(model)
    cluster.worker("one")
    cluster.wait_for_owners(1)
    cluster.play(scored_reference.facts, rate=250)
    logged = cluster.wait_for_alerts()
    for _ in range(2):
        second = cluster.worker("two")
        cluster.wait_for_owners(2)
        logged = cluster.wait_for_alerts(logged)
        assert second.stop() == 0
        cluster.wait_for_owners(1)
        logged = cluster.wait_for_alerts(logged)
    cluster.settle()
    check_equal(cluster, scored_reference)
