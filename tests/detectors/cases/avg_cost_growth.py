"""Cases of avg-cost-growth: last year a stay at H1 cost 1,000.00 yuan on average; 30 stays settled in March 2026."""

from tests.detectors.case import Case
from tests.facts import Wire, at, quota, reversal, settlement

BASE = quota(period="2026", amount="99999999", base_avg_cost="1000.00")


def stay(number: int, total: str = "1000.00", day: int = 0, **fields: object) -> Wire:
    """A stay settled on a day, of a person of its own."""
    base = {"med_type": "21", "psn_no": f"P{number}", "setl_time": at(day), "medfee_sumamt": total}
    return settlement(f"S{number}", **(base | fields))


def stays(total: str, count: int = 30, day: int = 0, **fields: object) -> list[Wire]:
    """As many stays of the same cost."""
    return [stay(number, total, day, **fields) for number in range(1, count + 1)]


def about(step: str, month: str = "2026-03") -> set[tuple[str, str, str | None]]:
    """The finding about a month of H1."""
    return {("institution", f"H1/{month}", step)}


FIRING = [
    Case("a fen on one stay over 5 per cent", [BASE, *stays("1050.00", 29), stay(30, "1050.01")], about("5")),
    Case("a fen on one stay over 10 per cent", [BASE, *stays("1100.00", 29), stay(30, "1100.01")], about("10")),
    Case("exactly 10 per cent is the step below", [BASE, *stays("1100.00")], about("5")),
    Case("the base comes late", [*stays("1100.00"), BASE], about("5")),
    Case(
        "the shortest period with a base holds",
        [
            quota(period="2026", amount="9999999", base_avg_cost="9000.00"),
            quota(period="2026Q1", amount="9999999", base_avg_cost="1000.00"),
            quota(amount="9999999"),
            *stays("1100.00"),
        ],
        about("5"),
    ),
    Case(
        "settlements of a stay add up, in the month of the last one",
        [
            BASE,
            *stays("1000.00", 29, day=31),
            stay(30, "2000.00", final="0", mdtrt_id="V30"),
            settlement("S31", psn_no="P30", mdtrt_id="V30", med_type="21", setl_time=at(31), medfee_sumamt="600.00"),
        ],
        about("5", "2026-04"),
    ),
]

QUIET = [
    Case("exactly 5 per cent", [BASE, *stays("1050.00")]),
    Case("29 stays", [BASE, *stays("1100.00", 29)]),
    Case("one of 30 was reversed", [BASE, *stays("1100.00"), reversal("S30", psn_no="P30", setl_time=at(1))]),
    Case("one of 30 is interim", [BASE, *stays("1100.00", 29), stay(30, "1100.00", final="0")]),
    Case("one of 30 in the next month", [BASE, *stays("1100.00", 29), stay(30, "1100.00", 30)]),
    Case("outpatients", [BASE, *stays("1100.00", med_type="11")]),
    Case("no base known", [quota(), *stays("1100.00")]),
    Case("a base of another quarter", [quota(period="2026Q2", base_avg_cost="1000.00"), *stays("1100.00")]),
]
