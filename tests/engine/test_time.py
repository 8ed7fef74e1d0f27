"""Time is in the log: what is not admitted moves nothing, and the day on which facts are judged does not matter."""

import ast
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest

from monitor import clock
from monitor.memory_store import MemoryStore
from monitor.records import Record
from monitor.state import META, read_meta
from tests.engine.cluster import PERSONS, Cluster
from tests.facts import Wire, admission, at, later, run, settlement, stay_fact, tick
from topics.reasons import IN_THE_FUTURE, TOO_LATE
from topics.times import parse_time, to_record_time

ROOT = Path(__file__).resolve().parents[2]
LATENESS_S = 31 * 86_400
AHEAD_S = 3_600
NOON = at(40, "12:00:00")
_WALL_CLOCK = {
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "clock_gettime", "clock_gettime_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}


def burst(person: str = "P1") -> list[Wire]:
    """Four visits of one morning."""
    return [
        settlement(f"{person}-{n}", psn_no=person, setl_time=at(40, f"{8 + n:02d}:00:00"), fixmedins_code=f"H{n}")
        for n in range(4)
    ]


def judged(objects: Iterable[tuple[Wire, str]]) -> tuple[Cluster, list[str]]:
    """A partition that got objects at record times; the reasons of those that were quarantined."""
    cluster = Cluster(1)
    reasons = []
    for offset, (wire, time) in enumerate(objects):
        key = None if wire["type"] == "tick" else str(wire["psn_no"]).encode()
        value = msgspec.json.encode(wire)
        effects = cluster.apply([Record(PERSONS, 0, offset, to_record_time(parse_time(time)), key, value)])
        reasons += [rejected.why.reason for rejected in effects.rejected]
    cluster.apply_frames(cluster.frames)
    return cluster, reasons


def state(store: MemoryStore) -> dict[bytes, bytes]:
    """All of it but the meta record."""
    return {key: value for key, value in store.values.items() if key != META}


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (settlement("bad", setl_time=later(NOON, AHEAD_S + 1)), IN_THE_FUTURE),
        (settlement("bad", psn_no="P9", setl_time=at(3000)), IN_THE_FUTURE),
        (tick(later(NOON, AHEAD_S + 1)), IN_THE_FUTURE),
        (tick(at(3000)), IN_THE_FUTURE),
        (settlement("bad", setl_time=later(NOON, -LATENESS_S - 1)), TOO_LATE),
        (admission("bad", psn_no="P9", begntime=at(0), upld_time=later(NOON, -LATENESS_S - 1)), TOO_LATE),
    ],
)
def test_what_is_not_admitted_moves_nothing_else(wire: Wire, reason: str) -> None:
    """No state, no clock, no wake time, no alert: all is as if it had never come, only the account knows it."""
    good = [(fact, NOON) for fact in [tick(NOON), *burst()]]
    with_it, reasons = judged([*good[:3], (wire, NOON), *good[3:]])
    without, none = judged(good)
    assert (reasons, none) == ([reason], [])
    assert with_it.alerts() == without.alerts()
    assert len(with_it.alerts()) == 1
    for one, other in ((with_it.persons[0], without.persons[0]), (with_it.keys, without.keys)):
        assert state(one) == state(other)
        assert one.due(1 << 40) == other.due(1 << 40)
        assert read_meta(one.get(META)).clocks == read_meta(other.get(META)).clocks
    account = read_meta(with_it.persons[0].get(META)).account
    assert account is not None
    assert account.records[PERSONS].quarantined == 1


@pytest.mark.parametrize("wire", [settlement("ok", setl_time=later(NOON, AHEAD_S)), tick(later(NOON, AHEAD_S))])
def test_at_the_bound_it_is_admitted(wire: Wire) -> None:
    """An hour ahead exactly."""
    assert judged([(wire, NOON)])[1] == []


@pytest.mark.parametrize("late", [later(NOON, -LATENESS_S)])
def test_as_late_as_may_be_it_is_admitted(late: str) -> None:
    """31 days behind exactly."""
    assert judged([(settlement("ok", setl_time=late), NOON)])[1] == []


def test_an_absence_is_found_where_no_fact_comes_any_more() -> None:
    """A person who is on leave and never comes back: ticks alone raise it, in a partition that is idle otherwise."""
    away = stay_fact("leave", "leave_begntime", leave_begntime=at(1))
    objects = [
        (admission(upld_time=None), at(0, "10:00:00")),
        (away, at(1)),
        *((tick(at(1, clock)), at(1, clock)) for clock in ("10:00:00", "14:59:59")),
    ]
    assert judged(objects)[0].alerts() == []
    cluster, _ = judged([*objects, *((tick(at(1, c)), at(1, c)) for c in ("15:00:01", "22:30:00"))])
    (alert,) = cluster.alerts()
    assert b'"leave-too-long"' in alert


def test_a_replay_a_year_later_gives_the_same_alerts() -> None:
    """Byte for byte, whatever the wall clock says."""
    objects = [*burst(), admission(), stay_fact("leave", "leave_begntime", leave_begntime=at(1)), *burst("P2")]
    found = list(run(objects).alerts())
    assert found
    year_ms = 366 * 86_400_000
    then_ms, then_s = clock.now_ms() + year_ms, clock.now_s() + year_ms / 1000
    with patch.object(clock, "now_ms", lambda: then_ms), patch.object(clock, "now_s", lambda: then_s):
        assert list(run(objects).alerts()) == found


def test_one_module_reads_the_wall_clock() -> None:
    """`monitor/clock.py`, and nothing that decides about findings uses even that."""
    readers = set()
    users = set()
    for folder in ("topics", "detectors", "monitor"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    owner = node.value
                    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                    if node.attr in _WALL_CLOCK.get(name, ()):
                        readers.add(str(file.relative_to(ROOT)))
                names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
                if isinstance(node, ast.ImportFrom) and node.module == "time" and names & _WALL_CLOCK["time"]:
                    readers.add(str(file.relative_to(ROOT)))
                if "clock" in names:
                    users.add(str(file.relative_to(ROOT)))
    assert readers == {"monitor/clock.py"}
    engine = ("engine", "judging", "key_stage", "key_state", "person_stage", "person_state", "scoring", "backtest")
    assert not users & {f"monitor/{name}.py" for name in engine}
    assert not {user for user in users if not user.startswith("monitor/")}
