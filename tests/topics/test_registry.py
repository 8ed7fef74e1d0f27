"""Effective dating: which registry entry holds at an event time."""

from itertools import permutations

from tests.topics.contract import TYPES
from tests.topics.decode import fact
from topics.registry import Agreement, Institution, Item, Quota, Registry
from topics.times import parse_time

START = parse_time("2026-03-01 00:00:00")


def item(ceiling: int, valid_from: str, valid_to: str | None = None, code: str = "D1") -> Item:
    wire = {"type": "item", "med_list_codg": code, "pric_uplmt_amt": ceiling, "valid_from": valid_from}
    found = fact(wire | ({"valid_to": valid_to} if valid_to else {}))
    assert isinstance(found, Item)
    return found


def ceiling(registry: Registry, time: int, code: str = "D1") -> int | None:
    """The ceiling in yuan at a local second; None without an entry."""
    found = registry.get(Item, code, at=time)
    return None if found is None or found.ceiling is None else found.ceiling // 10**6


def test_valid_from_is_inclusive_and_valid_to_exclusive() -> None:
    """Both sides of both ends."""
    registry = Registry()
    assert registry.put(item(5, "2026-03-01 00:00:00", "2026-04-01 00:00:00"))
    end = parse_time("2026-04-01 00:00:00")
    assert [ceiling(registry, t) for t in (START - 1, START, end - 1, end)] == [None, 5, 5, None]


def test_the_latest_valid_from_wins() -> None:
    """Of entries that overlap the later one holds; where it ends, the earlier one holds again; in any order."""
    entries = [
        item(1, "2026-01-01 00:00:00"),
        item(2, "2026-03-01 00:00:00", "2026-04-01 00:00:00"),
        item(3, "2026-03-15 00:00:00", "2026-03-20 00:00:00"),
    ]
    times = ["2026-02-28 23:59:59", "2026-03-01 00:00:00", "2026-03-15 00:00:00", "2026-03-20 00:00:00"]
    for order in permutations(entries):
        registry = Registry()
        for entry in order:
            assert registry.put(entry)
        assert [ceiling(registry, parse_time(time)) for time in times] == [1, 2, 3, 2]
        assert ceiling(registry, parse_time("2026-04-01 00:00:00")) == 1
        assert len(registry) == 3


def test_the_same_key_replaces() -> None:
    """An entry of the same subject and valid_from replaces the one before; the same again changes nothing."""
    registry = Registry()
    assert registry.put(item(1, "2026-03-01 00:00:00"))
    assert not registry.put(item(1, "2026-03-01 00:00:00"))
    assert registry.put(item(2, "2026-03-01T00:00:00+08:00"))
    assert (ceiling(registry, START), len(registry)) == (2, 1)


def test_a_tombstone_removes_one_entry() -> None:
    """By its key; the entry before holds again, other subjects stay."""
    registry = Registry()
    for entry in (
        item(1, "2026-01-01 00:00:00"),
        item(2, "2026-03-01 00:00:00"),
        item(9, "2026-01-01 00:00:00", code="D2"),
    ):
        registry.put(entry)
    assert registry.remove("item/D1/2026-03-01 00:00:00")
    assert not registry.remove("item/D1/2026-03-01 00:00:00")
    assert (ceiling(registry, START), ceiling(registry, START, "D2")) == (1, 9)


def test_known_is_not_active() -> None:
    """An agreement that ended is known and does not hold; one never heard of is not known."""
    registry = Registry()
    wire = {"type": "agreement"} | TYPES["agreement"].required | {"valid_to": "2026-03-10 00:00:00"}
    registry.put(fact(wire))
    assert registry.knows(Agreement, "H1")
    assert registry.get(Agreement, "H1", at=parse_time("2026-03-10 00:00:00")) is None
    assert not registry.knows(Agreement, "H2")
    assert not registry.knows(Institution, "H1")


def test_a_department_has_an_agreement_of_its_own() -> None:
    """It is another subject than the institution."""
    registry = Registry()
    wire = {"type": "agreement"} | TYPES["agreement"].required | {"valid_from": "2026-03-01 00:00:00"}
    registry.put(fact(wire | {"status": "active"}))
    registry.put(fact(wire | {"status": "terminated", "department": "A1"}))
    whole, part = registry.get(Agreement, "H1", at=START), registry.get(Agreement, "H1", "A1", at=START)
    assert whole is not None
    assert part is not None
    assert (whole.status, part.status) == ("active", "terminated")


def test_all_entries_of_an_institution() -> None:
    """Every quota of an institution and of no other, in the order of its periods, whatever the order they came in."""
    quotas = [
        {"type": "quota"} | TYPES["quota"].required | {"fixmedins_code": code, "period": period}
        for code, period in [("H1", "2026"), ("H1", "2026-11"), ("H1", "2026Q3"), ("H10", "2026")]
    ]
    for order in permutations(quotas):
        registry = Registry()
        for wire in order:
            registry.put(fact(wire))
        assert [quota.period for quota in registry.all_of(Quota, "H1")] == ["2026", "2026-11", "2026Q3"]


def test_keys_are_those_of_the_contract() -> None:
    """`kind/fixmedins_code/id/valid_from`; parts that a kind lacks are left out."""
    keys = {name: fact({"type": name} | kind.required).key for name, kind in TYPES.items() if kind.family == "registry"}
    time = "2026-03-02 09:00:00"
    assert keys == {
        "institution": f"institution/H1/{time}",
        "agreement": f"agreement/H1/{time}",
        "quota": f"quota/H1/2026Q3/{time}",
        "physician": f"physician/H1/DR1/{time}",
        "item": f"item/D1/{time}",
        "calendar": f"calendar/2026-03-02/{time}",
        "model": f"model/active/{time}",
    }
