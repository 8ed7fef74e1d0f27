"""What is played: facts of a few rules, mutated, in some order of arrival, some of them twice, some of them broken."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from detectors.catalogue import all_detectors
from detectors.standing import Counts
from monitor.backtest import Backtest
from monitor.delivery.fence import Outgoing
from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.outgoing import partition_of
from monitor.records import AlertChange
from monitor.recount import account_of
from monitor.state import META, read_meta
from monitor.terms_files import load_terms
from monitor.timeline import BadLine, Placed, place
from monitor.totals import Standing, Totals
from monitor.worker.agreement import Agreement
from tests.end_to_end.reference import History, key_floors, keys_in, persons_in
from tests.facts import Wire, encoded
from tests.generated.arrivals import arranged, complete
from tests.generated.histories import mutated, renamed
from tests.generated.outlived import far_back, outlived
from topics.catalogue import CLAIMS, INSTITUTIONS, REGISTRY

TERMS: Final = load_terms(None)
AGREEMENT: Final = Agreement.of(TERMS, None)
_SCORED: Final = {"outlier-claim", "outlier-institution"}
RULES: Final = tuple(rule for rule in all_detectors() if rule not in _SCORED)
"""Those that need no model."""
CONSULTING: Final = tuple(rule for rule in RULES if all_detectors()[rule].consults)
"""Those that the registry can change."""
POISON: Final = b'{"type":"settlement"'


@dataclass
class Workload:
    """Records by topic partition, in order, and what one pass over the facts gives.

    Attributes:
        registry: records known before any worker starts.
        late: registry records that come while facts are judged.
        facts: topic and partition -> records.
        poison: records that must end in a dead-letter topic.
        alerts: standing alerts of a single pass, by jr_id.
        persons: histories of a single pass.
        keys: sums of a single pass.
        floors: from when on they are kept.
        counts: by stage, what became of the facts in a single pass.
        standing: the totals of a single pass.
    """

    registry: list[Outgoing]
    late: list[Outgoing]
    facts: dict[tuple[str, int], list[Outgoing]]
    poison: int
    alerts: dict[str, bytes]
    persons: dict[str, History]
    keys: dict[tuple[str, str], History]
    floors: dict[tuple[str, str], str]
    counts: dict[str, Counts]
    standing: Standing


def workload(chance: Random, partitions: int, rules: Sequence[str] = RULES, *, outlive: bool = False) -> Workload:
    """Facts for one run, made from the cases of some of the rules; `outlive`: over more time than they are kept."""
    objects: list[Wire] = []
    for number in range(chance.choice((1, 2, 2, 3))):
        made = mutated(chance.choice(rules), chance, most=12)
        if outlive:
            made = [wire for wire in outlived(made, chance) if not far_back(wire)]
        objects += renamed(made, "" if number == 0 else f"x{number}")
    objects = complete(objects) or complete([{**_FALLBACK}])
    arrived = arranged(objects, chance)
    placed: list[Placed] = []
    for item in place(encoded(arrived)):
        assert not isinstance(item, BadLine)
        placed.append(item)
    found = _single_pass(placed)
    for item in placed:
        _put(item, found, chance, partitions, outlive=outlive)
    return found


_FALLBACK: Final[Wire] = {
    "type": "enrolment",
    "psn_no": "P1",
    "valid_from": "2020-01-01 00:00:00",
}


def _put(item: Placed, found: Workload, chance: Random, partitions: int, *, outlive: bool) -> None:
    if item.family == "registry":
        record = Outgoing(REGISTRY, 0, (item.key or "").encode(), item.value, (), item.time_ms)
        # how much is still kept when an entry is read depends on the pace: here all are known before
        late = chance.random() < 0.3 and not outlive
        (found.late if late else found.registry).append(record)
        return
    topics = {"person": (CLAIMS,), "institution": (INSTITUTIONS,), "tick": (CLAIMS, INSTITUTIONS)}[item.family]
    key = None if item.key is None else item.key.encode()
    for topic in topics:
        for number in range(partitions) if key is None else (partition_of(key, partitions),):
            record = Outgoing(topic, number, key, item.value, (), item.time_ms)
            queue = found.facts.setdefault((topic, number), [])
            queue.extend([record] * (2 if chance.random() < 0.1 else 1))
            if chance.random() < 0.05:
                queue.append(Outgoing(topic, number, b"P1", POISON, (), item.time_ms))
                found.poison += 1


def _single_pass(placed: Sequence[Placed]) -> Workload:
    """What one pass gives; nothing to be played yet."""
    standing = Standing()
    totals = Totals(standing)
    totals.load(MemoryStore())

    def count(change: AlertChange) -> None:
        totals.take([change])

    test = Backtest(Engine(TERMS, 1, "contributions"), on_change=count)
    test.run(placed)
    counts = {"persons": _counts(test._persons), "keys": _counts(test._keys)}
    persons, keys, floors = persons_in(test._persons), keys_in(test._keys), key_floors(test._keys)
    return Workload([], [], {}, 0, test.standing, persons, keys, floors, counts, standing)


def _counts(store: MemoryStore) -> Counts:
    return account_of(read_meta(store.get(META)), store).facts
