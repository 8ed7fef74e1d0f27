"""Bad records between good ones: the good ones are judged as if the others were not there, the bad ones are kept."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.cluster import Cluster, Kafka
from tests.end_to_end.conftest import MakeCluster
from tests.end_to_end.program import run
from tests.facts import Wire, at, encoded, later, settlement
from topics.catalogue import CLAIMS, dead_letters
from topics.times import parse_time, to_record_time

pytestmark = pytest.mark.broker

WriteLines = Callable[[str, list[bytes]], Path]

LATE_S = 31 * 86_400
AHEAD_S = 3_600


def visits(person: str) -> list[Wire]:
    """Four visits of one day, without times of arrival."""
    return [
        settlement(f"{person}-{n}", psn_no=person, mdtrt_id=f"{person}-{n}", setl_time=at(40, f"{n + 9:02}:00:00"))
        for n in range(4)
    ]


GOOD = [fact for person in ("P1", "P2", "P3") for fact in visits(person)]


def bad_records() -> list[tuple[bytes | None, bytes, int, str]]:
    """Key, value, record time and expected reason of records that must not be admitted."""
    now = at(40, "12:00:00")
    time_ms = to_record_time(parse_time(now))
    [fine] = encoded([settlement("S9", setl_time=now)])
    [late] = encoded([settlement("S7", setl_time=later(now, -LATE_S - 1))])
    [ahead] = encoded([settlement("S8", setl_time=later(now, AHEAD_S + 1))])
    [without] = encoded([{"type": "settlement", "psn_no": "P1"}])
    return [
        (b"P1", b'{"type": "settlement", ', time_ms, "broken-json"),
        (b"P1", b"\xff\xfe", time_ms, "bad-utf8"),
        (b"P1", without, time_ms, "missing-field"),
        (b"P1", b'{"type": "surprise", "psn_no": "P1"}', time_ms, "unknown-type"),
        (b"P2", fine, time_ms, "wrong-key"),
        (b"P1", late, time_ms, "too-late"),
        (b"P1", ahead, time_ms, "in-the-future"),
    ]


def edges() -> list[tuple[bytes | None, bytes, int]]:
    """Records of another person at the very bounds: one hour ahead of the record time, 31 days behind it."""
    now = at(40, "12:00:00")
    ahead, behind = encoded(
        [
            settlement("S1", psn_no="P5", setl_time=later(now, AHEAD_S)),
            settlement("S2", psn_no="P5", setl_time=later(now, -LATE_S)),
        ]
    )
    return [(b"P5", value, to_record_time(parse_time(now))) for value in (ahead, behind)]


def dead(cluster: Cluster) -> list[tuple[Kafka, dict[str, str]]]:
    """Dead letters and their headers."""
    return [
        (record, {name: value.decode() for name, value in record.headers})
        for record in cluster.records(cluster.prefix + dead_letters(CLAIMS))
    ]


def test_bad_records_end_in_the_dead_letter_topic_as_they_came(
    make_cluster: MakeCluster, write_lines: WriteLines
) -> None:
    """With reason, detail and origin; the alerts are those of the good facts, which carry no `_recv`."""
    cluster = make_cluster()
    bad = bad_records()
    cluster.produce(CLAIMS, [record[:3] for record in bad[:4]])
    cluster.play(write_lines("good", encoded(GOOD))).wait()
    cluster.produce(CLAIMS, [*(record[:3] for record in bad[4:]), *edges()])
    cluster.worker("one")
    cluster.settle()
    expected = run("backtest", str(write_lines("good", encoded(GOOD))))
    assert {json.loads(line)["psn_no"] for line in expected.splitlines()} == {"P1", "P2", "P3"}
    assert cluster.alerts() == expected
    assert [fact["ref"] for fact in cluster.history("person", "P5")["facts"]] == ["settlement:S2", "settlement:S1"]

    sources = {(record.partition, record.offset): record for record in cluster.records(cluster.prefix + CLAIMS)}
    letters = dead(cluster)
    assert sorted((record.key, record.value, record.timestamp, marks["reason"]) for record, marks in letters) == sorted(
        bad
    )
    for record, marks in letters:
        source = sources[int(marks["source_partition"]), int(marks["source_offset"])]
        assert marks["source_topic"] == cluster.prefix + CLAIMS
        assert (record.key, record.value, record.timestamp) == (source.key, source.value, source.timestamp)
        assert marks["detail"]


def test_a_file_with_bad_lines_gives_live_what_backtest_gives(
    make_cluster: MakeCluster, write_lines: WriteLines
) -> None:
    """`play` leaves out lines that hold no fact and says so; backtest does the same."""
    cluster = make_cluster()
    lines = encoded(GOOD)
    lines[3:3] = [b"no json", b"", b'{"type": "surprise"}']
    lines[9:9] = encoded([settlement("S7", setl_time=at(0)) | {"_recv": at(40)}])
    mixed = write_lines("mixed", lines)
    player = cluster.play(mixed)
    _, told = player.communicate(timeout=60)
    assert player.returncode == 0
    assert "2 bad lines left out" in told.decode()
    assert "line 4: broken-json" in told.decode()
    cluster.players.clear()
    cluster.worker("one")
    cluster.settle()
    assert cluster.alerts() == run("backtest", str(mixed))
    assert [marks["reason"] for _, marks in dead(cluster)] == ["too-late"]
