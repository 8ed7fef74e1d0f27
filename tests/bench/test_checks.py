"""The bench's three checks find what the rules find, and its claims make them fire."""

import json
from typing import Any

import pytest

from bench.checks import RULES, Alert, counted, judge_institution, judge_person, quota_of, reference
from bench.claims import Size, claims, quotas
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.naive.rules import findings

SIZE = Size(settlements=6_000, persons=1_500, institutions=20, frequent=0.45)


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return [json.loads(claim.value) for claim in claims(SIZE)]


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    return [json.loads(quota) for quota in quotas(SIZE)]


@pytest.fixture(scope="module")
def sent(objects: list[dict[str, Any]], entries: list[dict[str, Any]]) -> list[Alert]:
    return list(reference(objects, dict(map(quota_of, entries))))


def standing(alerts: list[Alert]) -> set[str]:
    return {key for counts in counted(alerts).values() for key in counts.standing}


def test_frequent_visitors_make_a_quarter_of_the_claims_alert(sent: list[Alert], objects: list[dict[str, Any]]) -> None:
    repeats = {one["cause"] for one in sent if one["rule"] == "repeat-visits"}
    assert 0.15 < len(repeats) / len(objects) < 0.45


def test_every_check_fires(sent: list[Alert]) -> None:
    assert all(counts.standing for counts in counted(sent).values())


def test_quotas_are_passed_and_kept_again_on_the_way(sent: list[Alert]) -> None:
    quota = counted(sent)["quota-progress"]
    assert quota.standing < quota.ever


def test_they_find_what_a_naive_implementation_finds(
    sent: list[Alert], objects: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> None:
    tick = {"type": "tick", "tick_time": "2026-08-02 00:00:00"}
    found = findings([*entries, *objects, tick], RULES)
    assert standing(sent) == {f"{rule}|{about}|{discriminator or ''}" for rule, _, about, discriminator in found}


def test_they_find_what_the_monitor_finds(sent: list[Alert]) -> None:
    run = Backtest(Engine(load_terms(None), 1, "contributions"))
    run.run(place([*quotas(SIZE), *(claim.value for claim in claims(SIZE))]))
    alerts = [json.loads(value) for value in run.alerts()]
    found = {
        f"{one['rule_id']}|{one['about']['id']}|{one.get('discriminator', '')}"
        for one in alerts
        if one["rule_id"] in RULES
    }
    assert standing(sent) == found


def visit(number: int, at: str, institution: str = "H1", disease: str = "J20.9", certno: str = "own") -> dict[str, Any]:
    return {
        "setl_id": f"S{number}",
        "mdtrt_id": f"M{number}",
        "med_type": "11",
        "begntime": at,
        "fixmedins_code": institution,
        "dscg_maindiag_code": disease,
        "certno": certno,
    }


@pytest.mark.parametrize(("last", "fires"), [("2026-07-02 07:59:59", True), ("2026-07-02 08:00:00", False)])
def test_the_window_is_open_on_the_left(last: str, fires: bool) -> None:
    state = None
    for number, hour in enumerate((8, 9, 10)):
        state, alerts = judge_person(state, visit(number, f"2026-07-01 {hour:02}:00:00", f"H{number}"))
        assert not alerts
    _, alerts = judge_person(state, visit(3, last, "H3"))
    assert [(one["about"], one["discriminator"]) for one in alerts] == ([("S0", "1d")] if fires else [])


def test_another_number_than_the_first_is_a_mismatch() -> None:
    state, alerts = judge_person(None, visit(0, "2026-07-01 08:00:00"))
    assert not alerts
    _, alerts = judge_person(state, visit(1, "2026-07-05 08:00:00", certno="other"))
    assert [(one["rule"], one["about"]) for one in alerts] == [("id-mismatch", "S1")]


@pytest.mark.parametrize(
    ("cost", "step"), [("8.00", None), ("8.01", "0"), ("8.40", "0"), ("8.41", "5"), ("8.81", "10")]
)
def test_the_highest_step_passed_is_told_from_a_quarter_of_the_month_on(cost: str, step: str | None) -> None:
    claim = {"setl_id": "S1", "fixmedins_code": "H1", "setl_time": "2026-07-08 08:00:00", "fund_pay_sumamt": cost}
    _, alerts = judge_institution(None, claim, 31_00)
    assert [one["discriminator"] for one in alerts] == ([] if step is None else [step])
    early = claim | {"setl_time": "2026-07-07 08:00:00", "fund_pay_sumamt": "99.00"}
    assert judge_institution(None, early, 31_00)[1] == []


def test_a_step_that_no_longer_holds_is_withdrawn() -> None:
    claim = {"setl_id": "S1", "fixmedins_code": "H1", "setl_time": "2026-07-08 08:00:00", "fund_pay_sumamt": "9.00"}
    state, _ = judge_institution(None, claim, 31_00)
    later = claim | {"setl_time": "2026-07-20 08:00:00", "fund_pay_sumamt": "1.00"}
    _, alerts = judge_institution(state, later, 31_00)
    assert counted(alerts)["quota-progress"].standing == frozenset()
    assert [one.get("withdrawn") for one in alerts] == [True]
