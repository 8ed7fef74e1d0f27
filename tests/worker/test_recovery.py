"""Lost local state is rebuilt from the changelog: the same state, with its progress told; intact state is not read."""

import logging
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import clock
from monitor.metrics import Metrics
from monitor.state import KEY_HEADS, PERSON_HEADS, PersonHead, encode, person_chunk_key, person_key, wake_of
from monitor.store import Store
from monitor.worker.recovery import Recovery
from tests.facts import at, settlement
from tests.worker.conftest import MakeSite, StartWorker, times
from tests.worker.processes import TOKEN, WorkerProcess, eventually

MAP = 1 << 24
FAR = 1 << 40

persons = st.sampled_from("ABCDE")
heads = st.builds(
    lambda person, wake: (person_key(person), encode(PersonHead(chunks=[1], wake=wake))),
    persons,
    st.none() | st.integers(0, 9),
)
chunks = st.builds(lambda person, value: (person_chunk_key(person, 1), value), persons, st.binary(max_size=4))
gone = st.builds(lambda person: (person_key(person), None), persons)
changelogs = st.lists(heads | chunks | gone, max_size=30)


def seen(store: Store) -> tuple[dict[bytes, bytes | None], list[list[bytes]], int, int]:
    """All that a store tells."""
    with store.reading() as view:
        values = {key: view.get(key) for key in view.keys(b"")}
        wakes = [sorted(view.due(time)) for time in (0, 4, FAR)]
    return values, wakes, store.position, store.digest()[1]


@settings(max_examples=25, deadline=None)
@given(changelogs, st.integers(0, 30))
def test_filling_a_store_equals_loading_it(
    tmp_path_factory: pytest.TempPathFactory, changelog: list[tuple[bytes, bytes | None]], cut: int
) -> None:
    """Whatever was written again or deleted, and when it was interrupted in the middle and opened again."""
    folder = tmp_path_factory.mktemp("stores")
    loaded = Store(folder / "loaded", MAP)
    loaded.load(changelog, wake_of, len(changelog), "topic")
    filled = Store(folder / "filled", MAP)
    filled.begin_rebuild("topic")
    filled.fill(dict(changelog[:cut]), len(changelog[:cut]))
    filled.close()
    filled = Store(folder / "filled", MAP)
    before = filled.unindexed
    filled.complete(dict(changelog[cut:]), len(changelog), (PERSON_HEADS, KEY_HEADS), wake_of)
    assert (before, filled.unindexed) == (True, False)
    assert seen(filled) == seen(loaded)
    assert filled.identity == "topic"
    loaded.close()
    filled.close()


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """In metrics at once, in the log now and then, with a percentage."""
    time = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: time)
    caplog.set_level(logging.INFO)
    metrics = Metrics()
    recovery = Recovery(metrics, "persons", "3")

    def share() -> float | None:
        labels = {"stage": "persons", "partition": "3"}
        return metrics.registry.get_sample_value("claims_monitor_recovery_ratio", labels)

    assert share() == 0
    recovery.progress(1_000, 0.25)
    assert (share(), caplog.text) == (0.25, "")
    time = 110.0
    recovery.progress(2_000, 0.5)
    assert "persons-3: recovery 50 %, 2000 changelog records read" in caplog.text
    recovery.progress(4_000)
    assert share() == 1
    recovered = metrics.registry.get_sample_value("claims_monitor_recovered_records_total", {"stage": "persons"})
    assert (recovery.read, recovered) == (4_000, 4_000)


@pytest.mark.broker
def test_lost_state_is_rebuilt_and_intact_state_is_not_read(
    make_site: MakeSite, start_worker: StartWorker, tmp_path: Path
) -> None:
    """The worker says how much it read; what it judges afterwards rests on the state of before."""
    site = make_site()
    visits = [settlement(f"S{n}", mdtrt_id=f"V{n}", setl_time=time) for n, time in enumerate(times("2026-03-02", 5))]
    site.facts(*visits[:3], at=at(0, "12:00:00"))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: _settlements(worker.get("/metrics")[1]))
    account = _account(worker)
    assert worker.stop() == 0
    shutil.rmtree(tmp_path / "data" / "state")
    worker = start_worker(site.options)
    worker.wait_ready()
    read = int(worker.wait_log(r"persons-0 is ready: \d+ values, (\d+) changelog records read")[1])
    assert read > 0
    assert 'claims_monitor_recovery_ratio{partition="0",stage="persons"} 1.0' in worker.get("/metrics")[1]
    assert _account(worker) == account
    site.facts(visits[3], at=at(0, "13:00:00"))
    eventually(lambda: site.about("repeat-visits") == {"S0"})
    account = _account(worker)
    assert worker.stop() == 0
    worker = start_worker(site.options)
    worker.wait_ready()
    assert int(worker.wait_log(r"persons-0 is ready: \d+ values, (\d+) changelog records read")[1]) == 0
    assert site.evidence("repeat-visits") == [4]
    assert _account(worker) == account


def _account(worker: WorkerProcess) -> object:
    """Records and facts of the persons, and what a recount of their state gives; they add up."""
    parts = worker.get("/internal/account?recount=1", TOKEN)[1]["partitions"]
    assert all(part["balanced"] and part["differences"] == [] for part in parts)
    return [part for part in parts if part["stage"] == "persons"]


def _settlements(text: str) -> list[str]:
    """Lines of settlements that were taken in."""
    return [line for line in text.splitlines() if 'type="settlement"' in line and line.endswith(" 3.0")]
