"""Damage that does not show when a store is opened is found by starts that lead nowhere."""

from pathlib import Path

import pytest

from monitor.records import Effects
from monitor.state import wake_of
from monitor.store import Store

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
