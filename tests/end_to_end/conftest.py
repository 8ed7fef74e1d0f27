"""Facts to play, a model, and clusters on the shared broker."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.broker.server import EmbeddedBroker
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.program import run
from tests.end_to_end.reference import Reference, keys_in, persons_in

SIZE = ("--days", "31", "--persons", "1500", "--institutions", "12", "--seed", "3")
PLANTS = ("--plant", "repeat-visits=25", "--plant", "id-mismatch=15", "--plant", "quota-progress=6")

MakeCluster = Callable[..., Cluster]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Facts of a month, with late ones, duplicates, corrections, reversals and planted violations."""
    path = tmp_path_factory.mktemp("region") / "facts.ndjson"
    run("simulate", *SIZE, *PLANTS, "--output", str(path))
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of an earlier month without violations, with a threshold low enough for alerts."""
    folder = tmp_path_factory.mktemp("model")
    run("simulate", "--clean", "--days", "30", "--persons", "800", "--begin", "2026-05-01", "-o", f"{folder}/past.zst")
    run("train", f"{folder}/past.zst", "--output", f"{folder}/region.model", "--alerts-per-day", "1")
    return folder / "region.model"


@pytest.fixture(scope="session")
def reference(region: Path) -> Reference:
    """The region judged in one pass."""
    return Reference(region)


@pytest.fixture(scope="session")
def scored_reference(region: Path, model: Path) -> Reference:
    """The region judged in one pass, settlements scored."""
    return Reference(region, model)


@pytest.fixture(scope="module")
def make_cluster(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeCluster]:
    """Make clusters; what still runs at the end of the module is killed."""
    made: list[Cluster] = []

    def make(model: Path | None = None) -> Cluster:
        prefix = f"e{next(_numbers)}-{uuid.uuid4().hex[:6]}."
        made.append(Cluster(broker.bootstrap_servers, prefix, tmp_path_factory.mktemp("cluster"), model))
        return made[-1]

    yield make
    for cluster in made:
        cluster.clean_up()


def check_equal(cluster: Cluster, reference: Reference) -> None:
    """Standing alerts to the byte, the log's story, and all state, are those of the single pass."""
    assert cluster.alerts() == reference.alerts
    cluster.check_log()
    assert keys_in(cluster.state(cluster.key_changelog)) == reference.keys
    assert persons_in(cluster.state(cluster.person_changelog)) == reference.persons
