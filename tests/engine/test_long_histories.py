"""A person with a long history is judged by what is known of the past and the facts since, as by all facts."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest
from msgspec.structs import replace

from detectors.past import Past
from detectors.terms import General
from monitor import person_stage
from monitor.engine import Engine
from monitor.judging import Cause
from monitor.memory_store import MemoryStore
from monitor.person_state import PersonState
from monitor.records import Effects, Reader, Record
from monitor.state import encode, person_key, read_person_head
from monitor.terms_files import load_terms
from monitor.timeline import BadLine, place
from tests.facts import Wire, encoded, run
from tests.generated.arrivals import arranged, complete
from tests.generated.long_histories import LongHistory, registry
from topics.decoding import Decoder
from topics.registry import Registry
from topics.times import DAY

PERSON = person_key("P1")


class Site:
    """Stage one over one partition."""

    def __init__(self) -> None:
        self.engine = Engine(load_terms(None), 1, "contributions")
        for wire in encoded(registry()):
            self.engine.put(Decoder("registry")(wire))
        self.store = MemoryStore()

    def apply(self, records: list[Record]) -> Effects:
        """Judge a batch."""
        effects = self.engine.persons.apply(records, self.store)
        self.store.apply(effects)
        return effects

    def past(self) -> Past | None:
        """What is known of the person's."""
        value = self.store.values.get(PERSON)
        return None if value is None else read_person_head(value).past

    def others(self) -> dict[bytes, bytes]:
        """All values, of the person's head what is not about the past."""
        values = dict(self.store.values)
        if PERSON in values:
            values[PERSON] = encode(replace(read_person_head(values[PERSON]), past=None))
        return values


class ReadAsWhole(PersonState):
    """Reads all facts whatever is known of the past."""

    def __init__(
        self, person: str, store: Reader, general: General, registry: Registry, now: int, _: str | None = None
    ) -> None:
        super().__init__(person, store, general, registry, now)


def records(objects: list[Wire]) -> list[Record]:
    """As they arrive."""
    found = []
    for number, placed in enumerate(place(encoded(objects))):
        assert not isinstance(placed, BadLine), placed.why
        key = None if placed.key is None else placed.key.encode()
        found.append(Record("claims.facts.v1", 0, number, placed.time_ms, key, placed.value))
    return found


def batches(given: list[Record], chance: Random) -> Iterator[list[Record]]:
    """One at a time, mostly."""
    place = 0
    while place < len(given):
        size = chance.choice((1, 1, 1, 2, 5))
        yield given[place : place + size]
        place += size


def said(effects: Effects) -> tuple[Any, ...]:
    """All that the world hears of a batch."""
    rejected = [(one.record.offset, one.why.reason) for one in effects.rejected]
    return effects.alerts, effects.entries, effects.wakes, effects.account, rejected


def check(seed: int, count: int, monkeypatch: pytest.MonkeyPatch, seen: Counter[str]) -> None:
    """Two sites, one of which always reads everything, say and keep the same after every batch."""
    chance = Random(seed)
    objects = LongHistory(chance).facts(count)
    site, whole = Site(), Site()
    for batch in batches(records(objects), chance):
        effects = site.apply(batch)
        with monkeypatch.context() as patch:
            patch.setattr(person_stage, "PersonState", ReadAsWhole)
            expected = whole.apply(batch)
        assert said(effects) == said(expected), (seed, batch)
        assert site.others() == whole.others(), (seed, batch)
        seen["changes"] += len(effects.alerts)
        past, of_all = site.past(), whole.past()
        if past is not None and of_all is not None and past.begin == of_all.begin:
            assert past == of_all, (seed, batch)
            seen["pasts"] += 1
            seen["runs"] += any(past.runs.values())
    cause = Cause("again", ("claims.facts.v1", 0, 0), 0)
    again = site.engine.persons.rejudge([PERSON], site.store, cause)
    assert (again.alerts, again.entries) == ([], []), (seed, "judged as a whole")


SEEN: Final = Counter(changes=1_500, pasts=400, runs=200)
"""What six histories must show for the comparison to say something."""


def test_a_long_history_is_judged_as_if_all_of_it_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """On time or late, corrected, cancelled, told twice: every change, contribution and value of the state."""
    seen: Counter[str] = Counter()
    for seed in range(6):
        check(seed, 220, monkeypatch, seen)
    assert seen >= SEEN


@pytest.mark.prove
def test_more_long_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same over many more, longer ones."""
    seen: Counter[str] = Counter()
    for seed in range(100, 160):
        check(seed, 300, monkeypatch, seen)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_arrival_gives_the_same_alerts(seed: int) -> None:
    """One by one, as they happened or each as late as it likes and is admitted."""
    chance = Random(seed)
    objects = complete([*registry(), *LongHistory(chance).facts(160)])
    expected = list(run(arranged(objects), batch=1).alerts())
    assert expected
    assert list(run(arranged(objects, chance), batch=1).alerts()) == expected
    assert list(run(arranged(objects, chance, slack=2 * DAY), batch=7).alerts()) == expected
