"""Cases of quota-progress: H1 has 3,100.00 yuan for March 2026, 100.00 a day; judged from a quarter of it on."""

from tests.detectors.case import Case
from tests.facts import Wire, at, quota, reversal, settlement, tick


def cost(day: int, amount: str, setl_id: str = "S1", **fields: object) -> Wire:
    """An inpatient settlement on a day of March (the second is day 2)."""
    time = at(day - 2)
    return settlement(
        setl_id, **({"med_type": "21", "setl_time": time, "fund_pay_sumamt": amount, "medfee_sumamt": "99999"} | fields)
    )


def about(step: str, period: str = "2026-03") -> set[tuple[str, str, str | None]]:
    """The finding about H1's period at a step."""
    return {("institution", f"H1/{period}", step)}


EARLY = tick(at(0, "00:00:00"))  # a file that brings its own ticks begins with one
QUARTER = quota(period="2026Q2", amount="9100.00")  # 91 days: 100.00 a day

FIRING = [
    Case("a fen over the pace", [quota(), cost(10, "1000.01")], about("0")),
    Case("a fen over 5 per cent", [quota(), cost(10, "1050.01")], about("5")),
    Case("a fen over 10 per cent", [quota(), cost(10, "1100.01")], about("10")),
    Case("exactly 5 per cent over is the step below", [quota(), cost(10, "1050.00")], about("0")),
    Case("far over", [quota(), cost(10, "9000.00")], about("10")),
    Case("days add up", [quota(), cost(5, "500.00"), cost(10, "500.01", "S2")], about("0")),
    Case("the eighth day is over a quarter of the month", [quota(), cost(8, "800.01")], about("0")),
    Case("the last day of the period", [quota(), cost(31, "3100.01")], about("0")),
    Case("a quota of nothing", [quota(amount="0"), cost(10, "0.01")], about("10")),
    Case("a quarter's quota", [QUARTER, cost(31 + 30, "3300.01")], about("10", "2026Q2")),
    Case("a registry that comes late", [cost(10, "1000.01"), quota()], about("0")),
    Case(
        "of two quotas the later one holds",
        [quota(amount="9999999"), quota(valid_from=at(0)), cost(10, "1000.01")],
        about("0"),
    ),
    Case(
        "as far as ticks have come",
        [EARLY, quota(), cost(10, "1000.01"), cost(20, "1.00", "S2"), tick(at(17, "23:59:59"))],
        about("0"),
    ),
]

QUIET = [
    Case("exactly on pace", [quota(), cost(10, "1000.00")]),
    Case("the seventh day is under a quarter of the month", [quota(), cost(7, "3000.00")]),
    Case("a later day with cost lowers the pace", [quota(), cost(10, "1000.01"), cost(11, "1.00", "S2")]),
    Case("outpatients", [quota(), cost(10, "1000.01", med_type="11")]),
    Case("another institution", [quota(), cost(10, "1000.01", fixmedins_code="H2")]),
    Case("another month", [quota(), cost(31 + 10, "1000.01")]),
    Case("no quota known", [cost(10, "1000.01")]),
    Case("a quota not valid yet", [quota(valid_from=at(9)), cost(10, "1000.01")]),
    Case("a quota no more valid", [quota(valid_to=at(8, "00:00:00")), cost(10, "1000.01")]),
    Case("reversed", [quota(), cost(10, "1000.01"), reversal(setl_time=at(20))]),
    Case("ticks have not come so far", [EARLY, quota(), cost(10, "1000.01"), tick(at(7, "23:59:59"))]),
    Case(
        "ticks have come to the later day",
        [EARLY, quota(), cost(10, "1000.01"), cost(20, "1.00", "S2"), tick(at(18, "00:00:00"))],
    ),
]
