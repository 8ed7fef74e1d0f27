"""The drill's table covers every alerting rule, and leaves the rules' expressions alone."""

import json
import re
from zlib import crc32

import pytest

from monitor.demo.watchers import dashboards_folder, faster
from monitor.drill.faults import Astray
from monitor.drill.table import cases
from topics.times import parse_time

RULES = (dashboards_folder() / "prometheus" / "rules.yml").read_text(encoding="utf-8")


def test_every_alerting_rule_has_a_fault_and_no_other() -> None:
    """A rule without a fault would never be seen to fire."""
    assert sorted(case.name for case in cases()) == sorted(re.findall(r"- alert: (\w+)", RULES))


def test_only_waiting_times_are_shortened() -> None:
    """Every line but `for:` is that of production."""
    shortened = faster(RULES, 120, ranges=False)
    changed = [
        (before.strip(), after.strip())
        for before, after in zip(RULES.splitlines(), shortened.splitlines(), strict=True)
        if before != after
    ]
    assert changed
    assert all(before.startswith("for: ") and after.startswith("for: ") for before, after in changed)
    assert ("for: 10m", "for: 5000ms") in changed


@pytest.mark.parametrize(
    ("time", "sent"),
    [("2026-03-02 08:59:59", "1.50"), ("2026-03-02 09:00:00", "150.00"), ("2026-03-03 00:00:00", None)],
)
def test_a_source_astray_sends_fen_and_then_nothing(time: str, sent: str | None) -> None:
    """From its second on; other facts pass as they are."""
    silent = next(f"H{number}" for number in range(9) if crc32(f"H{number}".encode()) % 4)
    astray = Astray(parse_time("2026-03-02 09:00:00"), parse_time("2026-03-03 00:00:00"))
    fact = {"type": "settlement", "setl_time": time, "fixmedins_code": silent, "medfee_sumamt": "1.50"}
    other = {"type": "admission", "fixmedins_code": "H1"}
    lines = list(astray.lines([fact, other]))
    assert len(lines) == (1 if sent is None else 2)
    assert sent is None or f'"medfee_sumamt":"{sent}"'.encode() in lines[0]


def test_the_hospitals_that_go_on_send_a_dear_stay_in_the_end() -> None:
    """At the last tick, in fen; nobody else does."""
    goes_on = next(f"H{number}" for number in range(9) if crc32(f"H{number}".encode()) % 4 == 0)
    silent = next(f"H{number}" for number in range(9) if crc32(f"H{number}".encode()) % 4)
    astray = Astray(0, 0)
    quotas = [{"type": "quota", "fixmedins_code": code} for code in (goes_on, silent)]
    list(astray.lines([*quotas, {"type": "tick", "tick_time": "2026-03-05 08:00:00"}]))
    (stay,) = map(json.loads, astray.stays_today())
    assert (stay["fixmedins_code"], stay["setl_time"]) == (goes_on, "2026-03-05 08:00:00")
    assert stay["fund_pay_sumamt"] == "600000.00"
