"""Cases of one-bed-two-people: bed B1 of ward W1, over 12 hours in one piece."""

from tests.detectors.case import About, Case
from tests.facts import Wire, admission, at, enrolment, stay_fact, tick, void

PLACE = {"wardarea_codg": "W1", "adm_bed": "B1"}


def stay(number: int, begin: str, end: str | None, **fields: object) -> list[Wire]:
    """A stay of a person of its own in the bed."""
    begun = admission(f"V{number}", psn_no=f"P{number}", begntime=begin, upld_time=begin) | PLACE | fields
    if end is None:
        return [begun]
    ended = stay_fact("discharge", "endtime", f"V{number}", psn_no=f"P{number}", endtime=end)
    return [begun, ended | {"fixmedins_code": begun["fixmedins_code"]}]


def move(number: int, time: str, **fields: object) -> Wire:
    """A person moves."""
    return stay_fact("transfer", "begntime", f"V{number}", psn_no=f"P{number}", begntime=time, **fields)


def about(number: int, bed: str = "W1/B1") -> set[About]:
    """The finding about a person's stay."""
    return {("stay", f"V{number}", bed)}


FIRST = stay(1, at(0, "08:00:00"), at(3, "20:00:00"))
SECOND = stay(2, at(3, "07:59:59"), at(5))  # 12 hours and a second
BABY: Wire = {"brdy": "2026-02-05"}  # 28 days old on day 3
EARLY = tick(at(0, "00:00:00"))

FIRING = [
    Case("12 hours and a second", [*FIRST, *SECOND], about(2)),
    Case("arrival out of order", [*SECOND, *FIRST], about(2)),
    Case("the shorter stay within the longer", [*FIRST, *stay(2, at(1, "08:00:00"), at(1, "20:00:01"))], about(2)),
    Case("beginning together, the greater id is the later", [*FIRST, *stay(2, at(0, "08:00:00"), at(3))], about(2)),
    Case("each that comes to a taken bed", [*FIRST, *SECOND, *stay(3, at(2), at(4))], about(2) | about(3)),
    Case(
        "a bed taken by a transfer",
        [*stay(1, at(0), at(5), adm_bed="B9"), move(1, at(3), adm_bed="B1"), *stay(2, at(1), at(9))],
        about(1),
    ),
    Case("a transfer to the same bed is none", [*FIRST, move(1, at(3, "12:00:00"), adm_bed="B1"), *SECOND], about(2)),
    Case(
        "a bed known by transfer alone",
        [*stay(1, at(0), at(5), adm_bed=None), move(1, at(1), adm_bed="B1"), *stay(2, at(2), at(9))],
        about(2),
    ),
    Case("28 days of age", [*FIRST, *stay(2, at(3, "07:59:59"), at(5), **BABY)], about(2)),
    Case("open stays, over 12 hours by the last tick", [*FIRST[:1], *SECOND[:1]], about(2)),
    Case(
        "open stays, ticks have come to 12 hours and a second",
        [EARLY, *FIRST[:1], *SECOND[:1], tick(at(3, "20:00:00"))],
        about(2),
    ),
    Case(
        "a pair that moves together is told of each bed",
        [
            *stay(1, at(0), at(9)),
            *stay(2, at(1), at(9)),
            move(1, at(3), adm_bed="B2"),
            move(2, at(4), adm_bed="B2"),
        ],
        about(2) | about(2, "W1/B2"),
    ),
    Case(
        "two beds shared with different persons",
        [*FIRST, *stay(2, at(1), at(9)), *stay(3, at(3), at(9), adm_bed="B2"), move(2, at(4), adm_bed="B2")],
        about(2) | about(2, "W1/B2"),
    ),
]

QUIET = [
    Case("12 hours", [*FIRST, *stay(2, at(3, "08:00:00"), at(5))]),
    Case("one after the other", [*FIRST, *stay(2, at(3, "20:00:00"), at(5))]),
    Case(
        "two pieces of 12 hours",
        [
            *stay(1, at(0, "08:00:00"), at(2, "08:00:00")),
            *stay(2, at(0, "20:00:00"), at(2, "20:00:00"), adm_bed="B2"),
            move(2, at(0, "20:00:01"), adm_bed="B1"),
            move(2, at(1, "08:00:01"), adm_bed="B2"),
            move(2, at(1, "20:00:01"), adm_bed="B1"),
        ],
    ),
    Case("another bed", [*FIRST, *stay(2, at(1), at(5), adm_bed="B2")]),
    Case("another ward", [*FIRST, *stay(2, at(1), at(5), wardarea_codg="W2")]),
    Case("another institution", [*FIRST, *stay(2, at(1), at(5), fixmedins_code="H2")]),
    Case("no ward known", [*stay(1, at(0), at(5), wardarea_codg=None), *stay(2, at(1), at(5), wardarea_codg=None)]),
    Case("the same person", [*FIRST, admission("V2", begntime=at(1), **PLACE)]),
    Case("moved away", [*FIRST, move(1, at(3, "07:59:59"), adm_bed="B2"), *SECOND]),
    Case("a newborn", [*FIRST, *stay(2, at(3, "07:59:59"), at(5), brdy="2026-02-06")]),
    Case("a newborn by enrolment", [*FIRST, *SECOND, enrolment("P2", brdy="2026-02-06")]),
    Case("the former is a newborn", [*stay(1, at(0), at(5), brdy="2026-03-01"), *SECOND]),
    Case("the former was voided", [*FIRST, *SECOND, void("admission", mdtrt_id="V1", void_time=at(4))]),
    Case("open stays, ticks have come to 12 hours", [EARLY, *FIRST[:1], *SECOND[:1], tick(at(3, "19:59:59"))]),
    Case("an open stay of more than 60 days ago", [EARLY, *stay(1, at(-62), None), *SECOND, tick(at(9))]),
]
