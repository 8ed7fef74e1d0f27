"""The bench runs end to end against a real broker, with the other engines where they are installed."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import latency, run
from bench.engines import PEERS, installed

pytestmark = [pytest.mark.broker, pytest.mark.long]


def rows(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    given = ["--settlements", "6000", "--persons", "1500", "--institutions", "20", "--output", str(folder)]
    monkeypatch.setattr("sys.argv", ["bench", *given, *arguments])
    run.main()
    found: list[dict[str, Any]] = json.loads((folder / "bench.json").read_text(encoding="utf-8"))["rows"]
    return found


def test_a_worker_tells_the_alerts_of_the_reference_and_its_latency(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(latency, "DRAIN_S", 200.0)  # on a busy machine, too, all alerts must come
    timing = ("--rates", "50", "--windows", "1", "--window", "4")
    raw, one, two = rows(monkeypatch, tmp_path, "--only", "three", *timing)
    assert raw["engine"] == "raw loop"
    for row in (one, two):
        assert [each["missing"] + each["extra"] for each in row["differences"]] == [0, 0, 0]
    [timed] = one["latencies"]
    assert timed["persons"]["alerts"]
    assert timed["institutions"]["alerts"]
    assert set(timed["transactions"]) == {"persons", "keys"}


@pytest.mark.parametrize("peer", PEERS)
def test_another_engine_tells_the_alerts_of_the_reference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, peer: str
) -> None:
    if not installed(peer):
        pytest.skip("not installed: make bench-peers")
    _, row = rows(monkeypatch, tmp_path, "--only", peer, "--no-latency")
    assert [each["missing"] + each["extra"] for each in row["differences"]] == [0, 0, 0]
