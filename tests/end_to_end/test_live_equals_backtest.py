"""Live equals backtest: two workers and `play` give the bytes of `backtest`, while one of them comes and goes."""

from pathlib import Path

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.conftest import MakeCluster, check_equal
from tests.end_to_end.reference import Reference

pytestmark = [pytest.mark.broker, pytest.mark.prove, pytest.mark.timeout(600)]


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
