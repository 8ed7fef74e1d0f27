"""The naive rules themselves: hand-made cases on both sides of the limits."""

from typing import Any

import pytest

from tests.naive.rules import findings
from tests.naive.standing import Wire, standing


def visit(number: str, begin: str, **more: object) -> dict[str, Any]:
    """A settlement of person P1 at institution H1."""
    return {
        "type": "settlement",
        "setl_id": f"S{number}",
        "mdtrt_id": f"M{number}",
        "psn_no": "P1",
        "fixmedins_code": "H1",
        "setl_time": begin,
        "begntime": begin,
        "med_type": "11",
        "medfee_sumamt": "10.00",
        "fund_pay_sumamt": "5.00",
        **more,
    }


def stay(number: str, begin: str, end: str, **more: Any) -> list[Wire]:  # noqa: ANN401 - any field
    """Admission and discharge of person P1 at institution H1."""
    ids = {"mdtrt_id": f"M{number}", "psn_no": "P1", "fixmedins_code": "H1"} | {
        name: more.pop(name) for name in ("psn_no", "fixmedins_code") if name in more
    }
    way = more.pop("dscg_way", "1")
    admission = {"type": "admission", **ids, "begntime": begin, "upld_time": begin, "med_type": "21", **more}
    return [admission, {"type": "discharge", **ids, "endtime": end, "dscg_way": way}]


def tick(time: str) -> Wire:
    return {"type": "tick", "tick_time": time}


def test_a_window_is_open_on_the_left() -> None:
    """Four visits within just under a day are a burst; the fourth exactly a day after the first is not."""
    begins = ["2026-07-01 08:00:01", "2026-07-01 09:00:00", "2026-07-01 10:00:00", "2026-07-02 08:00:00"]
    visits = [visit(str(n), begin) for n, begin in enumerate(begins)]
    assert findings(visits, ["repeat-visits"]) == {("repeat-visits", "settlement", "S0", "1d")}
    visits[0] = visit("0", "2026-07-01 08:00:00")
    assert findings(visits, ["repeat-visits"]) == set()


def test_a_reversal_or_a_void_takes_a_visit_away() -> None:
    """A burst of four is none when one of them is cancelled, whichever arrives first."""
    visits: list[Wire] = [visit(str(n), f"2026-07-01 0{n + 1}:00:00") for n in range(4)]
    reversal = {"type": "reversal", "setl_id": "S2", "psn_no": "P1", "setl_time": "2026-07-02 00:00:00"}
    void = {"type": "void", "kind": "settlement", "setl_id": "S2", "psn_no": "P1", "void_time": "2026-07-02 00:00:00"}
    assert findings(visits, ["repeat-visits"])
    for cancel in (reversal, void):
        assert findings([*visits, cancel], ["repeat-visits"]) == set()
        assert findings([cancel, *visits], ["repeat-visits"]) == set()


def test_the_latest_upload_stands() -> None:
    """Of two versions the one uploaded later stands; one without upload time is the earliest."""
    old, new = visit("1", "2026-07-01 08:00:00", gend="1"), visit("1", "2026-07-01 08:00:00", gend="2")
    new["upld_time"] = "2026-07-01 09:00:00"
    for order in ([old, new], [new, old]):
        assert [one["gend"] for one in standing(order).facts["settlement"]] == ["2"]


@pytest.mark.parametrize(("end", "fires"), [("2026-07-03 21:00:01", True), ("2026-07-03 21:00:00", False)])
def test_overlap_is_over_twelve_hours(end: str, *, fires: bool) -> None:
    """Twelve hours of overlap are allowed, a second more is not."""
    facts = [*stay("1", "2026-07-01 09:00:00", end), *stay("2", "2026-07-03 09:00:00", "2026-07-08 09:00:00")]
    expected = {("overlapping-stays", "stay", "M2", None)} if fires else set()
    assert findings(facts, ["overlapping-stays"]) == expected


@pytest.mark.parametrize(
    ("begin", "more", "fires"),
    [
        ("2026-07-20 09:00:00", {"adm_diag": "I50.1"}, True),
        ("2026-07-20 09:00:01", {"adm_diag": "I50.1"}, False),
        ("2026-07-12 09:00:00", {"adm_dept_codg": "A03"}, True),
        ("2026-07-12 09:00:01", {"adm_dept_codg": "A03"}, False),
        ("2026-07-06 09:00:00", {}, True),
        ("2026-07-06 09:00:01", {}, False),
        ("2026-07-05 10:00:00", {"med_type": "24", "adm_diag": "I50.1"}, False),
    ],
)
def test_split_stay_gaps(begin: str, more: dict[str, str], *, fires: bool) -> None:
    """15 days for the same disease, 7 for the same department, 1 for any; never for an emergency."""
    first = stay("1", "2026-07-01 09:00:00", "2026-07-05 09:00:00", adm_diag="I50.9", adm_dept_codg="A03")
    facts = [*first, *stay("2", begin, "2026-07-30 09:00:00", **more)]
    assert bool(findings(facts, ["split-stay"])) == fires


@pytest.mark.parametrize(
    ("back", "fires"),
    [("2026-07-03 15:00:00", False), ("2026-07-03 15:00:01", True)],
)
def test_a_leave_of_six_hours(back: str, *, fires: bool) -> None:
    """Six hours are allowed; without a return the tick decides."""
    leave = {"type": "leave", "mdtrt_id": "M1", "psn_no": "P1", "fixmedins_code": "H1"}
    leave |= {"leave_begntime": "2026-07-03 09:00:00"}
    whole = stay("1", "2026-07-01 09:00:00", "2026-07-08 09:00:00")
    found = {("leave-too-long", "leave", "M1/2026-07-03 09:00:00", None)} if fires else set()
    assert findings([*whole, leave | {"leave_endtime": back}], ["leave-too-long"]) == found
    assert findings([whole[0], leave, tick(back)], ["leave-too-long"]) == found


def dispensing(number: str, at: str, days: int) -> Wire:
    line = {
        "feedetl_sn": "1",
        "fee_ocur_time": at,
        "med_list_codg": "X1",
        "cnt": 1,
        "pric": "1.00",
        "det_item_fee_sumamt": "1.00",
        "prd_days": days,
    }
    return visit(number, at, med_type="14", lines=[line])


@pytest.mark.parametrize(("second", "fires"), [("2026-07-16 09:00:00", False), ("2026-07-16 08:59:59", True)])
def test_days_in_hand(second: str, *, fires: bool) -> None:
    """Fifteen days in hand before a dispensing are allowed, a second more is not."""
    facts = [dispensing("1", "2026-07-01 09:00:00", 30), dispensing("2", second, 14)]
    assert bool(findings(facts, ["drug-oversupply"])) == fires


@pytest.mark.parametrize(("days", "fires"), [(44, False), (45, True)])
def test_days_in_hand_after(days: int, *, fires: bool) -> None:
    """44 days after a dispensing are allowed."""
    assert bool(findings([dispensing("1", "2026-07-01 09:00:00", days)], ["drug-oversupply"])) == fires


def quota(amount: str) -> Wire:
    return {"type": "quota", "fixmedins_code": "H1", "period": "2026-07", "quota_amt": amount}


@pytest.mark.parametrize(
    ("cost", "step"),
    [("1000.00", None), ("1000.01", "0"), ("1050.00", "0"), ("1050.01", "5"), ("1100.01", "10")],
)
def test_quota_steps(cost: str, step: str | None) -> None:
    """10 of 31 days at a quota of 3,100: the pace is 1,000 yuan; a step is passed when cost is over it."""
    facts = [
        quota("3100.00"),
        tick("2026-08-01 00:00:00"),
        visit("1", "2026-07-10 09:00:00", med_type="21", fund_pay_sumamt=cost, medfee_sumamt="9999.00"),
    ]
    expected = {("quota-progress", "institution", "H1/2026-07", step)} if step else set()
    assert findings(facts, ["quota-progress"]) == expected


@pytest.mark.parametrize(("day", "fires"), [("07", False), ("08", True)])
def test_quota_pace_counts_from_a_quarter_of_the_period(day: str, *, fires: bool) -> None:
    """7 of 31 days are under a quarter, 8 are over it."""
    settled = visit("1", f"2026-07-{day} 09:00:00", med_type="21", fund_pay_sumamt="3000.00")
    assert bool(findings([quota("3100.00"), tick("2026-08-01 00:00:00"), settled], ["quota-progress"])) == fires


@pytest.mark.parametrize(("extra", "fires"), [(30, False), (31, True)])
def test_a_spike_is_over_the_floor(extra: int, *, fires: bool) -> None:
    """One visit a day for 20 working days, then one and 30 more are no spike yet, one and 31 more are."""
    days = [day for day in range(1, 31) if (day + 1) % 7 not in (5, 6)][:21]
    facts = [visit(str(day), f"2026-07-{day:02d} 10:00:00", psn_no=f"P{day}") for day in days]
    last = days[-1]
    facts += [
        visit(f"X{n}", f"2026-07-{last:02d} 11:00:00", psn_no=f"P{n}", fund_pay_sumamt="0.00") for n in range(extra)
    ]
    found = {one for one in findings(facts, ["cost-spike"]) if one[3] == "settlements"}
    assert found == ({("cost-spike", "institution", f"H1/2026-07-{last:02d}", "settlements")} if fires else set())


def test_travel_at_the_speed_limit() -> None:
    """A degree of latitude (111.2 km) takes 25.6 minutes and the half hour allowed."""
    places = [
        {"type": "institution", "fixmedins_code": code, "lng": 100.0, "lat": lat}
        for code, lat in (("H1", 30.0), ("H2", 31.0))
    ]
    for minutes, fires in (("25", True), ("26", False)):
        facts = [
            *places,
            visit("1", "2026-07-01 09:00:00"),
            visit("2", f"2026-07-01 09:{minutes}:00", fixmedins_code="H2"),
        ]
        assert bool(findings(facts, ["impossible-travel"])) == fires
