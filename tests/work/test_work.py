"""Work per fact on a fixed seeded file: calls, state reads and writes, bytes, contributions.

Seconds depend on the machine and on what else runs on it; these counts do not. Each limit stands about a tenth over
what was counted when it was last set: a change that needs more must say so by raising it, one that needs much less
should lower it.
"""

import cProfile
import pstats
from typing import NamedTuple

import pytest

from bench.claims import Size, claims, quotas
from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.records import Effects, Frame, Record, frame_encoder
from monitor.terms_files import load_terms
from topics.decoding import Decoder
from topics.times import to_record_time

SIZE = Size(settlements=4_000, persons=800, institutions=50)
BATCH = 500


class CountingStore(MemoryStore):
    """Counts reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return super().get(key)


class Work(NamedTuple):
    """What was counted, each per settlement."""

    calls: float
    reads: float
    writes: float
    changelog: float
    entries: float


def worked() -> tuple[Work, int]:
    """Judge the file in batches; gives the work, and the number of alert changes."""
    engine = Engine(load_terms(None), 1, "contributions")
    registry = Decoder("registry")
    for quota in quotas(SIZE):
        engine.put(registry(quota))
    records = [
        Record("claims.facts.v1", 0, number, to_record_time(claim.at + 1), claim.person.encode(), claim.value)
        for number, claim in enumerate(claims(SIZE))
    ]
    persons, keys = CountingStore(), CountingStore()
    writes = changelog = entries = alerts = 0

    def took(effects: Effects, store: CountingStore) -> None:
        nonlocal writes, changelog, alerts
        store.apply(effects)
        writes += len(effects.writes)
        changelog += sum(len(key) + len(value or b"") for key, value in effects.writes.items())
        alerts += len(effects.alerts)

    profile = cProfile.Profile()
    profile.enable()
    for frame, first in enumerate(range(0, len(records), BATCH)):
        effects = engine.persons.apply(records[first : first + BATCH], persons)
        took(effects, persons)
        entries += len(effects.entries)
        value = frame_encoder.encode(Frame(0, effects.clock or 0, effects.entries))
        took(engine.keys.apply([Record("contributions", 0, frame, None, None, value)], keys), keys)
    profile.disable()
    calls = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    reads = persons.reads + keys.reads
    return Work(*(count / len(records) for count in (calls, reads, writes, changelog, entries))), alerts


MOST = Work(calls=450, reads=1.04, writes=0.93, changelog=520, entries=2.5)


@pytest.fixture(scope="module")
def work() -> Work:
    """Counted on the second run: the first fills caches of the process."""
    worked()
    return worked()[0]


@pytest.mark.parametrize("count", Work._fields)
def test_work_per_settlement(work: Work, count: str) -> None:
    """No more than what is stated, and not so much less that the limit says nothing."""
    assert getattr(MOST, count) * 0.7 < getattr(work, count) <= getattr(MOST, count)


class Few(NamedTuple):
    """What an on-time fact of a long history takes, each per fact."""

    calls: float
    reads: float
    changelog: float


MOST_OF_LONG = Few(calls=2_900, reads=8.0, changelog=4_800)
HISTORY = 500
ON_TIME = 40


def test_work_of_an_on_time_fact_of_a_long_history() -> None:
    """It reads what it can touch: a few chunks, not the 38 of the person's 300 days."""
    engine = Engine(load_terms(None), 1, "contributions")
    store = CountingStore()
    size = Size(settlements=HISTORY + ON_TIME, persons=1, institutions=20, days=300)
    records = [
        Record("claims.facts.v1", 0, number, to_record_time(claim.at + 1), claim.person.encode(), claim.value)
        for number, claim in enumerate(claims(size))
    ]
    store.apply(engine.persons.apply(records[:HISTORY], store))
    store.apply(engine.persons.apply(records[HISTORY : HISTORY + 1], store))
    before, changelog, taken = store.reads, 0, records[HISTORY + 1 :]
    profile = cProfile.Profile()
    profile.enable()
    for record in taken:
        effects = engine.persons.apply([record], store)
        store.apply(effects)
        changelog += sum(len(key) + len(value or b"") for key, value in effects.writes.items())
    profile.disable()
    calls = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    work = Few(*(count / len(taken) for count in (calls, store.reads - before, changelog)))
    for count in Few._fields:
        most = getattr(MOST_OF_LONG, count)
        assert most * 0.7 < getattr(work, count) <= most, work
