"""Withdrawals, corrections and the headers of every change, before and after a restart."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.cluster import Cluster, Kafka
from tests.end_to_end.conftest import MakeCluster
from tests.end_to_end.program import run
from tests.facts import CERTNO_A, CERTNO_B, Wire, admission, at, encoded, reversal, settlement, tick
from topics.alerts import decode
from topics.catalogue import ALERTS, ALERTS_LOG

pytestmark = pytest.mark.broker

WriteLines = Callable[[str, list[bytes]], Path]

HEADERS = [
    "ce_specversion", "ce_type", "ce_source", "ce_id", "ce_subject", "ce_time", "content-type",
    "revision", "cause", "source_topic", "source_partition", "source_offset", "traceparent",
]  # fmt: skip


def received(wire: Wire, time: str) -> Wire:
    """The object with its time of arrival."""
    return wire | {"_recv": time}


def visits(person: str, *, first: int, count: int) -> list[Wire]:
    """Settlements of one day, one an hour."""
    return [
        received(
            settlement(
                f"{person}-{number}",
                psn_no=person,
                mdtrt_id=f"V-{person}-{number}",
                setl_time=at(0, f"{number + 8:02}:00:00"),
                fixmedins_code=f"H{number % 2 + 1}",
            ),
            at(0, f"{number + 8:02}:00:01"),
        )
        for number in range(first, first + count)
    ]


def two_numbers(person: str) -> list[Wire]:
    """Two settlements of one day, the later with another certificate number."""
    return [
        received(
            settlement(f"{person}-{hour}", psn_no=person, certno=certno, setl_time=at(0, f"{hour}:00:00")),
            at(0, f"{hour}:00:01"),
        )
        for hour, certno in ((18, CERTNO_A), (19, CERTNO_B))
    ]


FIRST = [
    received(tick(at(0, "00:00:00")), at(0, "00:00:00")),
    *visits("P1", first=0, count=4),
    *visits("P2", first=0, count=4),
    received(settlement("S-P3", psn_no="P3", certno=CERTNO_A, setl_time=at(0, "18:00:00")), at(0, "18:00:01")),
    received(
        settlement("S-P4", psn_no="P3", certno=CERTNO_B, setl_time=at(0, "19:00:00"), fixmedins_code="H2"),
        at(0, "19:00:01"),
    ),
    *two_numbers("P5"),
    *two_numbers("P7"),
]
"""Four visits of one day by P1 and by P2, and two certificate numbers of P3, of P5 and of P7."""

SECOND = [
    received(tick(at(1, "08:00:00")), at(1, "08:00:00")),
    received(reversal("P1-2", psn_no="P1", setl_time=at(1, "09:00:00"), fixmedins_code="H1"), at(1, "09:00:05")),
    received(
        visits("P2", first=3, count=1)[0] | {"upld_time": at(1, "10:00:00"), "fund_pay_sumamt": "80.00"},
        at(1, "10:00:05"),
    ),
    received(two_numbers("P5")[1] | {"upld_time": at(1, "10:10:00"), "certno": CERTNO_A}, at(1, "10:10:05")),
    received(
        admission("V-P7-19", psn_no="P7", begntime=at(0, "08:00:00"), upld_time=at(1, "10:20:00")),
        at(1, "10:20:05"),
    ),
]
"""One visit of P1 is cancelled, one of P2 corrected, the number of one of P5; P7's second was within a stay, as is
told late: the alert about the settlement gives way to one about the stay."""

STORY = {
    ("raised", "P1-0", "settlement:P1-3", "1"),
    ("raised", "P2-0", "settlement:P2-3", "1"),
    ("raised", "S-P4", "settlement:S-P4", "1"),
    ("raised", "P5-19", "settlement:P5-19", "1"),
    ("raised", "P7-19", "settlement:P7-19", "1"),
    ("withdrawn", "P1-0", "reversal:P1-2", "2"),
    ("revised", "P2-0", "settlement:P2-3", "2"),
    ("withdrawn", "P5-19", "settlement:P5-19", "2"),
    ("withdrawn", "P7-19", "admission:V-P7-19", "2"),
    ("raised", "V-P7-19", "admission:V-P7-19", "1"),
}
"""Action, subject, cause and revision of every change."""


def changes(cluster: Cluster, topic: str) -> list[tuple[str, dict[str, str], Kafka]]:
    """Action, headers and record of every change in a topic."""
    found = []
    for record in cluster.records(cluster.prefix + topic):
        marks = {name: value.decode() for name, value in record.headers}
        found.append((marks["ce_type"].split(".")[2], marks, record))
    return found


def test_withdrawals_and_corrections_carry_their_cause_and_survive_a_restart(
    make_cluster: MakeCluster, write_lines: WriteLines
) -> None:
    """By a reversal, a corrected number and a late admission alerts are withdrawn for good, by a correction revised."""
    cluster = make_cluster()
    cluster.worker("one")
    for name, part in (("first", FIRST), ("second", SECOND)):
        cluster.play(write_lines(name, encoded(part)))
        cluster.settle()
    expected = run("backtest", str(write_lines("all", encoded(FIRST + SECOND))))
    assert {json.loads(line)["about"]["id"] for line in expected.splitlines()} == {"P2-0", "S-P4", "V-P7-19"}
    check_written(cluster, expected)

    for data in ("one", "other"):  # on the local state, then from the changelog alone
        cluster.stop()
        cluster.worker(data)
        cluster.settle()
        check_written(cluster, expected)

    repeated = [received(FIRST[4], at(1, "11:00:00")), received(tick(at(1, "12:00:00")), at(1, "12:00:00"))]
    cluster.play(write_lines("repeated", encoded(reversed(repeated))))
    cluster.settle()
    check_written(cluster, expected)


def check_written(cluster: Cluster, expected: bytes) -> None:
    """The standing alerts are those, and both topics tell the whole story once."""
    assert cluster.alerts() == expected
    cluster.check_log()
    for topic in (ALERTS, ALERTS_LOG):
        told = changes(cluster, topic)
        assert len(told) == len(STORY)
        assert len({marks["ce_id"] for _, marks, _ in told}) == len(STORY)
        assert {
            (action, marks["ce_subject"].split("/")[1], marks["cause"], marks["revision"]) for action, marks, _ in told
        } == STORY
        for action, marks, record in told:
            check_headers(cluster, action, marks, record)


def check_headers(cluster: Cluster, action: str, marks: dict[str, str], record: Kafka) -> None:
    """CloudEvents in binary mode and what else the contract names."""
    alert = decode(record.value or b"")
    assert [name for name, _ in record.headers] == HEADERS
    assert marks["ce_specversion"] == "1.0"
    assert action in {"raised", "revised", "withdrawn"}
    assert (alert.status == "withdrawn") == (action == "withdrawn")
    assert marks["ce_source"] == f"/claims-monitor/{cluster.group}"
    assert re.fullmatch(rf"{alert.jr_id}\.[0-9a-f]{{16}}\.[0-9a-f]{{8}}", marks["ce_id"])
    assert marks["ce_subject"] == f"{alert.about.kind}/{alert.about.id}"
    assert re.fullmatch(r"2026-03-0[2-9]T\d\d:\d\d:\d\d\.000\+08:00", marks["ce_time"])
    assert marks["content-type"] == "application/json"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", marks["traceparent"])
    source = cluster.records(cluster.prefix + marks["source_topic"])
    [fact] = [
        found.value
        for found in source
        if (found.partition, found.offset) == (int(marks["source_partition"]), int(marks["source_offset"]))
    ]
    named = json.loads(fact or b"")
    assert marks["cause"] == f"{named['type']}:{named.get('setl_id', named.get('mdtrt_id'))}"
    assert (
        record.key == (alert.jr_id if record.topic == cluster.prefix + ALERTS else alert.fixmedins_code or "").encode()
    )
