"""What persons give to institutions, added up as it comes, is what all their facts give at once."""

from collections import Counter
from itertools import permutations
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors import beds
from detectors.history import PersonHistory
from detectors.institution_days import COST, FUND, KIND, PERSONS, REPEATED, REPEATED_DAYS, SETTLEMENTS
from detectors.terms import General
from monitor.timeline import BadLine, place
from tests.engine.cluster import Cluster
from tests.engine.histories import framed, histories
from tests.facts import FIRST_DAY, Wire, admission, at, encoded, reversal, settlement, void
from topics.decoding import Decoder
from topics.facts import PersonFact, Settlement
from topics.registry import Registry
from topics.times import DAY

Sums = dict[tuple[str, int, str], int]

MEASURES = (FUND, COST, SETTLEMENTS, PERSONS, REPEATED)


def added_up(objects: list[Wire], batch: int) -> Sums:
    """By institution, day and measure, what stage one has sent."""
    cluster = Cluster(1)
    (records,) = cluster.records(objects)
    sums: Counter[tuple[str, int, str]] = Counter()
    for start in range(0, len(records), batch):
        for entry in cluster.apply(records[start : start + batch]).entries:
            if entry.kind == KIND and entry.name in MEASURES:
                sums[entry.key, entry.day, entry.name] += entry.amount
    return {place: amount for place, amount in sums.items() if amount}


def at_once(objects: list[Wire], general: General) -> Sums:
    """The same from the definitions: persons one by one, days one by one."""
    people: dict[str, PersonHistory] = {}
    decode = Decoder("any")
    for item in place(encoded(objects)):
        assert not isinstance(item, BadLine)
        for fact in decode(item.value):
            if isinstance(fact, PersonFact):
                person: str = fact.person  # type: ignore[attr-defined]  # every person fact declares it
                people.setdefault(person, PersonHistory(person, general, Registry())).fold(fact)
    sums: Counter[tuple[str, int, str]] = Counter()
    for history in people.values():
        visits: dict[tuple[str, int], set[str]] = {}
        for one in history.all_of(Settlement):
            where = one.institution, one.settled_at // DAY
            visits.setdefault(where, set()).add(one.visit)
            sums.update({(*where, FUND): one.fund, (*where, COST): one.total, (*where, SETTLEMENTS): 1})
        for (institution, day), today in visits.items():
            sums[institution, day, PERSONS] += 1
            before = (visits.get((institution, day - back), set()) for back in range(1, REPEATED_DAYS + 1))
            earlier = set[str]().union(*before)
            if any(one != other for one in today for other in earlier):
                sums[institution, day, REPEATED] += 1
    return {place: amount for place, amount in sums.items() if amount}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.integers(1, 7), st.randoms(use_true_random=False))
def test_sums_as_they_come_are_those_of_all_facts(objects: list[Wire], batch: int, chance: Random) -> None:
    """In any order and any batches, with corrections, reversals and voids."""
    objects = framed(objects)
    expected = at_once(objects, Cluster(1).engine.terms.general)
    assert added_up(objects, batch) == expected
    assert added_up(chance.sample(objects, len(objects)), batch) == expected


def repeated(objects: list[Wire], batch: int = 1) -> set[int]:
    """Days, from the first on, on which P1 is repeated at H1."""
    sums = added_up(objects, batch)
    assert {amount for (_, _, name), amount in sums.items() if name == REPEATED} <= {1}
    return {day - FIRST_DAY for institution, day, name in sums if (institution, name) == ("H1", REPEATED)}


def visit(number: int, day: int, clock: str = "09:00:00", **fields: object) -> Wire:
    return settlement(f"S{number}", setl_time=at(day, clock), **fields)


@pytest.mark.parametrize(
    ("objects", "days"),
    [
        ([visit(1, 3), visit(2, 3)], set()),
        ([visit(1, 3, "23:59:59"), visit(2, 4, "00:00:00")], {4}),
        ([visit(1, 3, "00:00:00"), visit(2, 3 + REPEATED_DAYS, "23:59:59")], {3 + REPEATED_DAYS}),
        ([visit(1, 3), visit(2, 4 + REPEATED_DAYS)], set()),
        ([visit(1, 3), visit(2, 5, mdtrt_id="V-S1")], set()),
        ([visit(1, 3), visit(2, 5, fixmedins_code="H2")], set()),
        ([visit(1, 3), visit(2, 5, psn_no="P2")], set()),
        ([visit(1, 3), visit(2, 5), visit(3, 5)], {5}),
        ([visit(1, 3), visit(2, 3), visit(3, 5, mdtrt_id="V-S1")], {5}),
        ([visit(1, 3), visit(2, 5), reversal("S1", setl_time=at(6))], set()),
        ([visit(1, 3), visit(2, 5), void("settlement", setl_id="S2", void_time=at(6))], set()),
        ([visit(1, 0), visit(2, 5), visit(3, 9), reversal("S2", setl_time=at(9))], set()),
        ([visit(1, 3), visit(2, 5), visit(1, 8, upld_time=at(9))], {8}),
    ],
)
def test_persons_repeated(objects: list[Wire], days: set[int]) -> None:
    """Another visit on the days before makes a day repeated, once, whatever came first."""
    for order in permutations(objects):
        assert repeated(list(order), 1) == days
        assert repeated(list(order), len(order)) == days


def test_a_visit_told_late_changes_a_later_day() -> None:
    """The later day is repeated from then on, and not any more when the early visit is taken back."""
    later = [visit(2, 5), visit(3, 8)]
    assert repeated(later) == {8}
    late = [*later, visit(1, 3)]
    assert repeated(late) == {5, 8}
    assert repeated([*late, reversal("S1", setl_time=at(9))]) == {8}


@pytest.mark.parametrize("batch", [1, 2])
def test_a_bed_is_told_the_birth_day_that_a_new_visit_makes_known(batch: int) -> None:
    """Whichever comes first, the stay in the bed or the visit elsewhere that gives the person's birth day."""
    objects = [admission(wardarea_codg="W", adm_bed="1"), settlement(brdy="2026-01-01", setl_time=at(0, "12:00:00"))]
    told = []
    for order in (objects, objects[::-1]):
        cluster = Cluster(1)
        (records,) = cluster.records(order)
        sums: Counter[str] = Counter()
        for start in range(0, len(records), batch):
            for entry in cluster.apply(records[start : start + batch]).entries:
                if entry.kind == beds.KIND:
                    sums[entry.name] += entry.amount
        told.append({name: amount for name, amount in sums.items() if amount})
    assert told[0] == told[1]
    assert len(told[0]) == 1
