"""State: in memory, on disk and after recovery it is the same; what was seen before changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.memory_store import MemoryStore
from monitor.records import Effects, Reader
from monitor.state import (
    FEW_FACTS,
    KEY_HEADS,
    META,
    PERSON_HEADS,
    VERSION,
    Meta,
    PersonHead,
    StateError,
    encode,
    key_chunk_key,
    key_key,
    key_of,
    person_chunk_key,
    person_key,
    person_of,
    read_meta,
    read_person_head,
    wake_of,
)
from monitor.store import Store
from tests.engine.cluster import Cluster
from tests.engine.histories import framed, histories
from tests.facts import Wire, at, run, settlement
from topics.times import parse_time

MAP = 1 << 24
FAR = 1 << 40
Content = tuple[dict[bytes, bytes | None], list[bytes], list[list[bytes]]]


def batches(objects: list[Wire], size: int) -> Iterator[tuple[Effects, MemoryStore, bool]]:
    """Effects batch by batch with the memory store that took them, and whether it is stage two's."""
    cluster = Cluster(1)
    (records,) = cluster.records(framed(objects))
    for first in range(0, len(records), size):
        frames = len(cluster.frames)
        yield cluster.apply(records[first : first + size]), cluster.persons[0], False
        if len(cluster.frames) > frames:
            yield cluster.apply_frames(cluster.frames[frames:]), cluster.keys, True


def content(store: Reader) -> Content:
    """Everything a reader can see."""
    keys = list(store.keys(b""))
    wakes = [store.due(time) for time in (0, parse_time(at(3)), parse_time(at(8)), FAR)]
    return {key: store.get(key) for key in keys}, keys, wakes


def on_disk(store: Store) -> Content:
    with store.reading() as view:
        return content(view)


@settings(max_examples=12, deadline=None)
@given(histories(), st.integers(1, 6))
def test_disk_and_memory_hold_the_same(objects: list[Wire], size: int) -> None:
    """After every batch: values, prefixes, wakes. And a store rebuilt from the changelog is the same again."""
    with TemporaryDirectory() as folder:
        stores = {stage: Store(Path(folder) / str(stage), MAP) for stage in (False, True)}
        changelog: dict[bool, list[tuple[bytes, bytes | None]]] = {False: [], True: []}
        memory: dict[bool, MemoryStore] = {}
        for effects, store, stage in batches(objects, size):
            changelog[stage] += effects.writes.items()
            stores[stage].apply(effects, len(changelog[stage]))
            memory[stage] = store
            assert on_disk(stores[stage]) == content(store)
            assert stores[stage].position == len(changelog[stage])
        for stage, store in memory.items():
            recovered = Store(Path(folder) / f"recovered-{stage}", MAP)
            half = len(changelog[stage]) // 2
            recovered.load(changelog[stage][:half], wake_of, half, "topic")
            recovered.load(changelog[stage][half:], wake_of, len(changelog[stage]), "topic")
            assert on_disk(recovered) == content(store)
            assert (recovered.position, recovered.identity) == (len(changelog[stage]), "topic")
            recovered.close()
            again = Store(Path(folder) / f"recovered-{stage}", MAP)
            assert on_disk(again) == content(store)
            again.close()
            stores[stage].close()


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(1, 6), st.integers(0, 30))
def test_records_seen_before_change_nothing(objects: list[Wire], size: int, back: int) -> None:
    """After a crash the last records come again: no alert, no contribution, no write but the meta record."""
    cluster = Cluster(1)
    (records,) = cluster.records(framed(objects))
    for first in range(0, len(records), size):
        cluster.apply(records[first : first + size])
    cluster.apply_frames(cluster.frames)
    before = dict(cluster.persons[0].values), dict(cluster.keys.values), dict(cluster.standing)
    effects = cluster.engine.persons.apply(records[-back:], cluster.persons[0])
    assert (effects.alerts, effects.entries, effects.clock, effects.wakes) == ([], [], None, {})
    assert effects.account == {("record", "redelivered"): len(records[-back:])}
    cluster.persons[0].apply(effects)
    cluster.apply_frames(cluster.frames)
    assert (cluster.persons[0].values, cluster.keys.values, cluster.standing) == before


def test_a_batch_that_was_seen_in_part() -> None:
    """Only what is new counts."""
    cluster = Cluster(1)
    (records,) = cluster.records([settlement(f"S{n}", setl_time=at(n)) for n in range(4)])
    cluster.apply(records[:3])
    effects = cluster.apply(records[1:])
    assert effects.account["record", "redelivered"] == len(records[1:3])
    assert effects.account["settlement", "duplicate"] == 0


def test_what_did_not_change_is_not_written() -> None:
    """A duplicate writes the meta record alone; a fact the one value of a person with few, the chunk of one with many.

    One fact more than few moves a person into chunks.
    """
    cluster = Cluster(1)
    days = [*(n // 3 for n in range(FEW_FACTS + 1)), 40, 40]
    many = [settlement(f"S{n}", setl_time=at(day)) for n, day in enumerate(days)]
    (records,) = cluster.records([*many[:FEW_FACTS], many[0], *many[FEW_FACTS:]])
    facts = [record for record in records if b'"tick"' not in (record.value or b"")]
    for record in facts[:FEW_FACTS]:
        assert set(cluster.apply([record]).writes) == {META, person_key("P1")}
    assert set(cluster.apply(facts[FEW_FACTS : FEW_FACTS + 1]).writes) == {META}
    chunks = {person_chunk_key("P1", parse_time(at(day)) // 86_400 // 8) for day in days[:-2]}
    assert set(cluster.apply(facts[-3:-2]).writes) == {META, person_key("P1"), *chunks}
    last = person_chunk_key("P1", parse_time(at(days[-1])) // 86_400 // 8)
    assert set(cluster.apply(facts[-2:-1]).writes) == {META, person_key("P1"), last}
    assert set(cluster.apply(facts[-1:]).writes) == {META, last}


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=6),
        min_size=2,
        max_size=6,
        unique=True,
    ),
    st.integers(-9, 9),
)
def test_keys_of_the_state_are_unambiguous(names: list[str], chunk: int) -> None:
    """Heads tell whose they are, and no two values share a key."""
    keys: list[bytes] = []
    for name in names:
        assert person_of(person_key(name)) == name
        assert key_of(key_key("bed", name)) == ("bed", name)
        keys += [
            person_key(name),
            person_chunk_key(name, chunk),
            key_key("bed", name),
            key_chunk_key("bed", name, chunk),
        ]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith(PERSON_HEADS) != key.startswith(KEY_HEADS) for key in keys[::2])
    assert person_chunk_key("P", chunk) < person_chunk_key("P", chunk + 1)


def test_state_of_a_newer_version_is_refused() -> None:
    """The message says what to do; a state without a version is a new one."""
    assert read_meta(None) == Meta()
    with pytest.raises(StateError, match="schema version 99"):
        read_meta(encode(Meta(version=99)))
    with pytest.raises(StateError, match="start the newer version"):
        read_person_head(encode(PersonHead(version=VERSION + 1)))


def test_a_missing_chunk_is_noticed() -> None:
    """Half a person would give wrong findings silently."""
    cluster = Cluster(1)
    (records,) = cluster.records([settlement(f"S{n}") for n in range(FEW_FACTS + 2)])
    *most, second = (record for record in records if b'"tick"' not in (record.value or b""))
    cluster.apply(most)
    values = cluster.persons[0].values
    (name,) = [key for key in values if key.startswith(b"c")]
    del values[name]
    with pytest.raises(KeyError, match="missing from the state"):
        cluster.apply([second])


@pytest.mark.parametrize("letter", ["P", "病"])
def test_the_longest_identifiers_can_be_stored(tmp_path: Path, letter: str) -> None:
    """LMDB takes keys of 511 bytes: what is admitted fits, what does not is quarantined and ends no worker."""
    longest = letter * (120 // len(letter.encode()))
    cluster = Cluster(1)
    objects = [settlement(psn_no=name, fixmedins_code=name, med_type="21") for name in (longest, longest + letter)]
    (records,) = cluster.records(objects[:1])
    persons, keys = Store(tmp_path / "persons", MAP), Store(tmp_path / "keys", MAP)
    persons.apply(cluster.apply(records), 1)
    keys.apply(cluster.apply_frames(cluster.frames), 1)
    with keys.reading() as view:
        assert list(view.keys(KEY_HEADS))
    persons.close()
    keys.close()
    assert run(objects).account["record", "quarantined"] == 1


def test_the_state_is_plain_message_pack() -> None:
    """It can be read without this software's classes, to look into it."""
    test = run([settlement()])
    for value in test._persons.values.values():
        assert isinstance(msgspec.msgpack.decode(value), list | dict)
