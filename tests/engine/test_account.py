"""The account: every record and every fact is somewhere, and the state holds what the account says."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.standing import Counts
from monitor.account import Account, RecordCounts
from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.records import Record
from monitor.recount import RecountStopped, account_of, recount
from monitor.state import META, Meta, encode, read_meta
from monitor.terms_files import load_terms
from tests.engine.cluster import PERSONS, Cluster
from tests.engine.histories import framed, histories
from tests.facts import Wire, at, fee_lines, line, reversal, run, settlement, tick, void
from topics.times import DAY, UTC_OFFSET, parse_time

GONE = 300
"""Days after which a fact is surely forgotten, once the person is heard of."""


def account(store: MemoryStore) -> Account:
    return account_of(read_meta(store.get(META)), store)


def held(store: MemoryStore) -> tuple[int, int, int]:
    """Live, reversed and voided facts; the account adds up, and the state holds the same."""
    found = account(store)
    assert list(found.differences()) == []
    counted = recount(store)
    standing = counted.live, counted.reversed, counted.voided
    assert standing == (found.facts.live, found.facts.reversed, found.facts.voided)
    return standing


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(1, 9), st.randoms(use_true_random=True))
def test_it_adds_up_after_every_batch(objects: list[Wire], size: int, random: Random) -> None:
    """Whatever comes, in whatever order and batches, with duplicates."""
    objects = [*objects, *random.sample(objects, len(objects) // 3)]
    random.shuffle(objects)
    cluster = Cluster(1)
    (records,) = cluster.records(framed(objects))
    for first in range(0, len(records), size):
        cluster.apply(records[first : first + size])
        held(cluster.persons[0])
        assert account(cluster.persons[0]).records[PERSONS].read == min(first + size, len(records))
    cluster.apply_frames(cluster.frames)
    assert held(cluster.keys) == (0, 0, 0)
    assert account(cluster.keys).records["contributions"].admitted == len(cluster.frames)


@settings(max_examples=30, deadline=None)
@given(histories(), st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=True))
def test_what_stands_does_not_depend_on_arrival(objects: list[Wire], one: int, other: int, random: Random) -> None:
    """Distinct, live, reversed and voided facts are those of the facts, whatever their order and batches."""
    found = []
    for size in (one, other):
        random.shuffle(objects)
        test = run(objects, batch=size)
        facts = account(test._persons).facts
        found.append((facts.read, facts.admitted, *held(test._persons)))
    assert found[0] == found[1]


def test_every_way_a_fact_can_go() -> None:
    """One of each, counted where it belongs; a record of several facts is one record."""
    objects = [
        settlement("A"),
        settlement("A"),
        settlement("A", upld_time=at(1)),
        settlement("A", upld_time=at(0)),
        settlement("B"),
        reversal("B"),
        settlement("C"),
        void("settlement", setl_id="C"),
        settlement("D"),
        reversal("D"),
        void("reversal", setl_id="D"),
        fee_lines(line("1"), line("2"), line("3")),
        {"type": "settlement", "setl_id": "broken", "psn_no": "P1"},
        tick(at(1)),
    ]
    cluster = Cluster(1)
    records = [
        Record(PERSONS, 0, n, (parse_time(at(1)) - UTC_OFFSET) * 1000, None, msgspec.json.encode(wire), keyed=False)
        for n, wire in enumerate(objects)
    ]
    cluster.apply(records)
    found = account(cluster.persons[0])
    assert found.records == {PERSONS: RecordCounts(read=14, admitted=12, quarantined=1, ticks=1)}
    # live: A, reversal B, void C, D, void of reversal D, three lines; reversed: B; voided: C, reversal D
    assert found.facts == Counts(read=14, admitted=11, live=8, reversed=1, voided=2, duplicates=1, superseded=2)
    assert held(cluster.persons[0]) == (8, 1, 2)


def test_a_reversal_that_comes_first_counts_like_one_that_comes_last() -> None:
    """And one that waits for its settlement is a live fact itself."""
    assert held(run([reversal()])._persons) == (1, 0, 0)
    assert held(run([reversal(), settlement()], batch=1)._persons) == (1, 1, 0)
    assert held(run([settlement(), reversal()], batch=1)._persons) == (1, 1, 0)


def test_a_version_uploaded_after_the_void_stands_again() -> None:
    """The identity is one distinct fact all the time."""
    objects = [settlement(), void("settlement", setl_id="S1"), settlement(upld_time=at(2))]
    assert held(run(objects[:2])._persons) == (1, 0, 1)
    assert held(run(objects, batch=1)._persons) == (2, 0, 0)


@pytest.mark.parametrize("batch", [1, None])
def test_forgotten_facts_stay_counted(batch: int | None) -> None:
    """Standing, reversed and voided ones alike; one that comes again after that is new."""
    old = [settlement("A"), settlement("B"), reversal("B"), settlement("C"), void("settlement", setl_id="C")]
    test = run([*old, settlement("Z", setl_time=at(GONE))], batch=batch)
    assert held(test._persons) == (1, 0, 0)
    assert account(test._persons).facts == Counts(read=6, admitted=6, live=1, forgotten=5)
    again = run([*old, settlement("Z", setl_time=at(GONE)), old[0]], batch=batch)
    assert account(again._persons).facts.admitted == 7


def test_facts_of_institutions_are_counted_in_stage_two() -> None:
    """Apart from the frames that carry contributions."""
    complaint = {"type": "complaint", "cmpl_id": "K1", "fixmedins_code": "H1", "cmpl_time": at(0), "kind": "other"}
    gone = {"type": "void", "kind": "complaint", "cmpl_id": "K1", "fixmedins_code": "H1", "void_time": at(1)}
    test = run([complaint, complaint, gone, settlement()])
    assert held(test._keys) == (1, 0, 1)
    found = account(test._keys)
    assert found.facts.duplicates == 1
    assert found.records["institutions.facts.v1"] == RecordCounts(read=3, admitted=3)


def test_a_record_that_comes_again_is_not_counted_again() -> None:
    """Apart from redeliveries: the account after a crash is that without one."""
    cluster = Cluster(1)
    (records,) = cluster.records([settlement("A"), settlement("B"), reversal("A")])
    cluster.apply(records)
    before = account(cluster.persons[0])
    cluster.apply(records)
    assert account(cluster.persons[0]) == before


def test_state_of_before_the_account_begins_with_what_it_holds() -> None:
    """It adds up from the first batch on."""
    cluster = Cluster(1)
    (records,) = cluster.records([settlement("A"), settlement("B"), reversal("A"), settlement("C"), settlement("C")])
    cluster.apply(records[:4])
    values = cluster.persons[0].values
    meta = msgspec.msgpack.decode(values[META])
    values[META] = encode(meta[: Meta.__struct_fields__.index("account")])
    assert read_meta(values[META]).account is None
    cluster.apply(records[4:])
    assert held(cluster.persons[0]) == (3, 1, 0)


def test_what_does_not_add_up_is_said() -> None:
    """Each of the three sums, with its numbers."""
    facts = Counts(read=9, admitted=5, live=2, reversed=1, voided=1, duplicates=2, superseded=1)
    broken = Account({PERSONS: RecordCounts(read=7, admitted=3, quarantined=2, ticks=1)}, facts)
    assert list(broken.differences()) == [
        "claims.facts.v1: 7 records read, but 3 admitted + 2 quarantined + 1 ticks = 6",
        "9 facts read, but 5 distinct + 2 duplicates + 1 superseded = 8",
        "5 distinct facts admitted, but 2 live + 1 reversed + 1 voided + 0 forgotten = 4",
    ]


def test_a_recount_stops_when_the_partition_is_given_up() -> None:
    """A worker must not hold on to a partition because somebody counts."""
    with pytest.raises(RecountStopped):
        recount(run([settlement()])._persons, lambda: True)


def test_forgetting_changes_nothing_that_is_kept() -> None:
    """A reversal and its void, both dated long before the settlement that they name: it stands on."""
    objects = [
        settlement("S1", setl_time=at(140)),
        reversal("S1", setl_time=at(1)),
        void("reversal", setl_id="S1", void_time=at(2)),
        settlement("OLD", setl_time=at(3)),
        settlement("S2", setl_time=at(GONE)),
    ]
    test = run(objects, batch=1)
    assert held(test._persons) == (3, 0, 1)
    assert account(test._persons).facts.forgotten == 1


def test_the_void_of_an_announced_change_stays_as_long_as_the_change() -> None:
    """Days of an institution are forgotten, but what did not happen does not happen after all."""
    item = {"fixmedins_code": "H1", "med_list_codg": "D1", "change_time": at(60)}
    change = {"type": "item-change", **item}
    gone = {"type": "void", "kind": "item-change", "void_time": at(3), **item}

    def complaint(day: int) -> Wire:
        return {"type": "complaint", "cmpl_id": str(day), "fixmedins_code": "H1", "cmpl_time": at(day), "kind": "other"}

    kept = Engine(load_terms(None), 1, "contributions").keys.kept["institution"] // DAY
    day = kept + 45
    soon = run([change, gone, complaint(0), tick(at(day)), complaint(day)], batch=1)
    assert held(soon._keys) == (3, 0, 1)
    day = kept + 145
    later = run([change, gone, complaint(0), tick(at(day)), complaint(day)], batch=1)
    assert held(later._keys) == (1, 0, 0)
    assert account(later._keys).facts.forgotten == 3
