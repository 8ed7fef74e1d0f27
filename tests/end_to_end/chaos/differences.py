"""How far what a cluster holds differs from the single pass."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.app import KEYS, PERSONS
from monitor.store import Store, StoreDamaged
from tests.end_to_end.chaos.field import Field
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.reference import Reference, keys_in, persons_in
from topics.catalogue import CLAIMS


def count_differences(field: Field, reference: Reference) -> dict[str, int]:
    """Compare alerts, both stages' state as their changelogs would give it, and the owners' local state; ends workers.

    Raises:
        AssertionError: the log of alerts does not tell each alert's story without a gap or a repetition.
    """
    cluster = field.cluster
    standing = cluster.alerts()
    alerts = set(standing.splitlines()) ^ set(reference.alerts.splitlines())
    cluster.check_log()
    found = {
        "standing alerts (lines; last value per key, read committed)": len(alerts),
        "standing alerts (bytes in order)": int(standing != reference.alerts),
        "sums and findings of stage two, from the changelog alone": _unequal(
            keys_in(cluster.state(cluster.key_changelog)), reference.keys
        ),
        "histories and findings of persons, from the changelog alone": _unequal(
            persons_in(cluster.state(cluster.person_changelog)), reference.persons
        ),
    }
    owned = cluster.owned()
    owners = {worker.data: owned[worker.url] for worker in field.slots}
    cluster.stop()
    claims = cluster.prefix + CLAIMS
    found["values of the local stores, against the changelog"] = sum(
        _local(cluster, data, stage, changelog, {number for topic, number in tps if topic == claims})
        for data, tps in owners.items()
        for stage, changelog in ((PERSONS, cluster.person_changelog), (KEYS, cluster.key_changelog))
    )
    return found


def _unequal(one: Mapping[Any, object], other: Mapping[Any, object]) -> int:
    return sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())


def _local(cluster: Cluster, data: Path, stage: str, changelog: str, partitions: set[int]) -> int:
    """How many values of a worker's own stores are not those of the changelog."""
    told: defaultdict[int, dict[bytes, bytes]] = defaultdict(dict)
    for record in cluster.records(changelog):
        if record.value is None:
            told[record.partition].pop(record.key or b"", None)
        else:
            told[record.partition][record.key or b""] = record.value
    differing = 0
    for number in partitions:
        store = Store(data / "state" / f"{stage}-{number}")
        try:
            with store.reading() as reading:
                held = {key: reading.get(key) for key in reading.keys(b"")}
        except StoreDamaged:
            continue  # a bit that a strike turned over in a value that nothing has read since: found here, as promised
        finally:
            store.close()
        differing += _unequal(held, told[number])
    return differing
