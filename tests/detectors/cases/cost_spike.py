"""Cases of cost-spike: working days of four weeks before Monday 2026-03-30 (day 28), weekend days before day 33."""

from tests.detectors.case import Case
from tests.facts import Wire, at, quota, reversal, settlement, tick

BEGIN = settlement("S0", psn_no="P0")  # day 0: the 20th working day before day 28
SPIKE = 28
SATURDAY = 33


def visit(number: int, day: int = SPIKE, clock: str = "09:00:00", **fields: object) -> Wire:
    """One cheap visit of a day, of a person of its own."""
    return settlement(f"S-{day}-{number}", psn_no=f"P{number}", setl_time=at(day, clock)) | fields


def visits(count: int, day: int = SPIKE, clock: str = "09:00:00", **fields: object) -> list[Wire]:
    """As many visits of a day."""
    return [visit(number, day, clock) | fields for number in range(1, count + 1)]


def cost(amount: str, day: int = SPIKE, **fields: object) -> Wire:
    """One settlement that cost the fund so much."""
    return visit(99, day) | {"fund_pay_sumamt": amount, "medfee_sumamt": "999999"} | fields


def usual(amount: str, days: range = range(SPIKE)) -> list[Wire]:
    """The same cost on each of the days."""
    return [cost(amount, day) for day in days]


def about(*measures: str, date: str = "2026-03-30") -> set[tuple[str, str, str | None]]:
    """The findings about a day of H1."""
    return {("institution", f"H1/{date}", measure) for measure in measures}


def day_kind(day: int, kind: str) -> Wire:
    """What the calendar says of a day."""
    return {"type": "calendar", "day": at(day)[:10], "kind": kind, "valid_from": "2026-01-01 00:00:00"}


AWAY: Wire = {"insuplc_admdvs": "110000", "mdtrt_admdvs": "320000"}
STAY: Wire = {"med_type": "21"}
EARLY = tick(at(0, "00:00:00"))  # a file that brings its own ticks begins with one

FIRING = [
    Case("a fen over the floor beside silent days", [BEGIN, cost("10000.01")], about("fund")),
    Case("a fen over five scaled deviations", [*usual("50000"), cost("87065.01")], about("fund")),
    Case(
        "where days differ, so does the deviation",  # median 50000, MAD 10000: the limit is 124130.00
        [
            *(
                cost(amount, day)
                for week in range(4)
                for day, amount in enumerate(["30000", "40000", "50000", "60000", "70000"], 7 * week)
            ),
            cost("124130.01"),
        ],
        about("fund"),
    ),
    Case("one settlement over the floor", [BEGIN, *visits(31, psn_no="P1")], about("settlements")),
    Case("one person over the floor", [BEGIN, *visits(31)], about("settlements", "persons")),
    Case("one settlement of another region over the floor", [BEGIN, *visits(11, **AWAY)], about("out-of-region")),
    Case("one settlement by night over the floor", [BEGIN, *visits(11, clock="22:00:00")], about("night")),
    Case("before six it is night", [BEGIN, *visits(11, clock="05:59:59")], about("night")),
    Case(
        "a Saturday beside eight weekend days",
        [visit(0, 5), cost("10000.01", SATURDAY)],
        about("fund", date="2026-04-04"),
    ),
    Case(
        "a holiday beside weekend days",
        [day_kind(SPIKE, "holiday"), visit(0, 5), cost("10000.01")],
        about("fund"),
    ),
    Case(
        "a calendar that comes late",
        [visit(0, 5), cost("10000.01"), day_kind(SPIKE, "holiday")],
        about("fund"),
    ),
    Case("a Saturday that is worked", [day_kind(26, "working"), visit(0, 1), cost("10000.01")], about("fund")),
    Case("a first settlement that comes late", [cost("10000.01"), BEGIN], about("fund")),
    Case(
        "three days' share of the quota and a fen",
        [quota(), cost("300.01", 3, **STAY)],
        about("quota", date="2026-03-05"),
    ),
    Case(
        "of two quotas one",
        [quota(), quota(period="2026", amount="99999999"), cost("300.01", 3, **STAY)],
        about("quota", date="2026-03-05"),
    ),
    Case("ticks have come to the day", [EARLY, BEGIN, cost("10000.01"), tick(at(28, "00:00:00"))], about("fund")),
]

QUIET = [
    Case("the floor itself", [BEGIN, cost("10000.00")]),
    Case("five scaled deviations", [*usual("50000"), cost("87065.00")]),
    Case(
        "five scaled deviations of days that differ",
        [
            *(
                cost(amount, day)
                for week in range(4)
                for day, amount in enumerate(["30000", "40000", "50000", "60000", "70000"], 7 * week)
            ),
            cost("124130.00"),
        ],
    ),
    Case("as many settlements and persons as the floor", [BEGIN, *visits(30)]),
    Case("ten settlements of another region", [BEGIN, *visits(10, **AWAY)]),
    Case("a place that is not known is not another", [BEGIN, *visits(11, insuplc_admdvs="110000")]),
    Case("ten settlements by night", [BEGIN, *visits(10, clock="22:00:00")]),
    Case("before ten in the evening it is day", [BEGIN, *visits(11, clock="21:59:59")]),
    Case("at six it is day", [BEGIN, *visits(11, clock="06:00:00")]),
    Case("nineteen working days before", [visit(0, 1), cost("10000.01")]),
    Case("seven weekend days before", [visit(0, 6), cost("10000.01", SATURDAY)]),
    Case("a weekday that is not worked is one less", [day_kind(10, "holiday"), BEGIN, cost("10000.01")]),
    Case("the first settlement was reversed", [BEGIN, cost("10000.01"), reversal("S0", psn_no="P0")]),
    Case("three days' share of the quota", [quota(), cost("300.00", 3, **STAY)]),
    Case("outpatients are not held against the quota", [quota(), cost("300.01", 3)]),
    Case("another period's quota", [quota(period="2026-04"), cost("300.01", 3, **STAY)]),
    Case("ticks have not come to the day", [EARLY, BEGIN, cost("10000.01"), tick(at(27, "23:59:59"))]),
]
