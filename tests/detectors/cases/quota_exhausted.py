"""Cases of quota-exhausted: H1 has 3,100.00 yuan for March 2026."""

from tests.detectors.case import Case
from tests.facts import Wire, at, quota, reversal, settlement


def cost(amount: str, setl_id: str = "S1", day: int = 0, **fields: object) -> Wire:
    """An inpatient settlement that cost the fund so much."""
    base = {"med_type": "21", "setl_time": at(day), "fund_pay_sumamt": amount, "medfee_sumamt": "99999"}
    return settlement(setl_id, **(base | fields))


def about(period: str = "2026-03") -> set[tuple[str, str, str | None]]:
    """The finding about H1's period."""
    return {("institution", f"H1/{period}", None)}


FIRING = [
    Case("a fen over the quota", [quota(), cost("3100.01")], about()),
    Case("days add up", [quota(), cost("3100.00"), cost("0.01", "S2", 29)], about()),
    Case("persons add up", [quota(), cost("3100.00"), cost("0.01", "S2", psn_no="P2")], about()),
    Case("a quota of nothing", [quota(amount="0"), cost("0.01")], about()),
    Case("a quota that comes late", [cost("3100.01"), quota()], about()),
    Case("a year's quota", [quota(period="2026"), cost("3100.01", day=100)], about("2026")),
    Case("a quota that was cut", [quota(amount="9999"), quota(valid_from=at(-1)), cost("3100.01")], about()),
    Case("each period of its own", [quota(), quota(period="2026Q1"), cost("3100.01")], about() | about("2026Q1")),
]

QUIET = [
    Case("the whole quota", [quota(), cost("3100.00")]),
    Case("days before and after the period", [quota(), cost("3100.00"), cost("9", "S0", -2), cost("9", "S2", 30)]),
    Case("outpatients", [quota(), cost("3100.01", med_type="11")]),
    Case("another institution", [quota(), cost("3100.01", fixmedins_code="H2")]),
    Case("no quota known", [cost("3100.01")]),
    Case("reversed", [quota(), cost("3100.01"), reversal(setl_time=at(3))]),
]
