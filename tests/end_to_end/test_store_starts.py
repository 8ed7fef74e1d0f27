"""Damage that does not show when a store is opened is found by starts that lead nowhere."""

import os
from pathlib import Path

import pytest

from monitor.records import Effects
from monitor.state import wake_of
from monitor.store import Store, StoreDamaged, StoreError

MAP = 1 << 24


def started(folder: Path, times: int) -> Store:
    """Open a store so often, each time left open as by a killed process."""
    for _ in range(times - 1):
        Store(folder, MAP)._env.close()
    return Store(folder, MAP)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store that was closed cleanly at changelog position 10."""
    store = Store(tmp_path / "persons-0", MAP)
    store.load([(b"k", b"v")], wake_of, 10, "cluster")
    store.close()
    return tmp_path / "persons-0"


def test_three_starts_without_progress_keep_the_state(folder: Path) -> None:
    store = started(folder, 3)
    assert (store.position, store.get(b"k")) == (10, b"v")


def test_the_fourth_start_without_progress_begins_from_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It will be rebuilt from the changelog."""
    store = started(folder, 4)
    assert (store.position, store.get(b"k"), store.identity) == (0, None, "")
    assert "rebuilding it from the changelog" in caplog.text


def test_progress_starts_the_count_anew(folder: Path) -> None:
    store = started(folder, 3)
    store.apply(Effects(writes={b"k": b"w"}), 11)
    store._env.close()
    store = started(folder, 3)
    assert (store.position, store.get(b"k")) == (11, b"w")


def test_a_clean_close_starts_the_count_anew(folder: Path) -> None:
    started(folder, 3).close()
    assert started(folder, 3).position == 10


def flipped(folder: Path, what: bytes) -> None:
    """Turn one bit of an entry over, wherever its bytes lie in the file (old copies of a page included)."""
    file = folder / "data.mdb"
    content = bytearray(file.read_bytes())
    place = -1
    while (place := content.find(what, place + 1)) >= 0:
        content[place] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("what", ["value", "key"])
def test_a_flipped_bit_is_found_before_anything_is_judged_by_it(tmp_path: Path, what: str) -> None:
    """LMDB itself would give the wrong value; the next start begins from nothing and will be rebuilt."""
    store = Store(tmp_path / "persons-0", MAP)
    store.load([(b"pKEY-OF-1", b"\x90VALUE-1"), (b"x", b"y")], lambda _key, _value: None, 10, "cluster")
    store.close()
    flipped(tmp_path / "persons-0", b"VALUE-1" if what == "value" else b"KEY-OF-1")
    store = Store(tmp_path / "persons-0", MAP)
    with pytest.raises(StoreDamaged), store.reading() as reading:
        assert reading.get(b"x") == b"y"
        reading.get(b"pKEY-OF-1")
        list(reading.keys(b"p"))
    store._env.close()
    store = Store(tmp_path / "persons-0", MAP)
    assert (store.position, store.get(b"x"), store.identity) == (0, None, "")


def test_a_flipped_bit_in_the_position_is_found_at_the_start(tmp_path: Path) -> None:
    """A wrong position would leave out a part of the changelog."""
    store = Store(tmp_path / "persons-0", MAP)
    store.load([(b"x", b"y")], wake_of, 1_234_567, "cluster")
    store.close()
    flipped(tmp_path / "persons-0", b"1234567")
    assert Store(tmp_path / "persons-0", MAP).position == 0


def test_a_store_that_cannot_take_the_changelog_in_says_so(tmp_path: Path) -> None:
    """In recovery as in a batch: the message names the store, and the worker is not started again and again."""
    store = Store(tmp_path / "persons-0", 1 << 17)
    records = ((b"x%d" % number, bytes(1_000)) for number in range(1_000))
    with pytest.raises(StoreError, match="persons-0 has reached its bound"):
        store.load(records, wake_of, 1_000, "cluster")
    store.close()


def test_a_truncated_store_is_found_at_the_start(tmp_path: Path) -> None:
    """Reading what is missing would end the process; a whole one is kept."""
    store = Store(tmp_path / "persons-0", MAP)
    store.load([(b"x%05d" % number, bytes(500)) for number in range(2_000)], lambda _key, _value: None, 10, "cluster")
    store.close()
    Store(tmp_path / "persons-0", MAP).close()
    assert Store(tmp_path / "persons-0", MAP).position == 10
    file = tmp_path / "persons-0" / "data.mdb"
    os.truncate(file, file.stat().st_size // 2)
    assert Store(tmp_path / "persons-0", MAP).position == 0
