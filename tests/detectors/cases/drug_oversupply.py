"""Cases of drug-oversupply: over 15 days in hand before a dispensing, or over 44 (104) after it."""

from tests.detectors.case import About, Case
from tests.facts import Wire, at, fee_lines, item, later, line, reversal, settlement


def supply(visit: int, time: str, days: object, med_type: str | None = "14", **fields: object) -> Wire:
    """An upload of one line of drug D1, so many days of it, at an institution of the visit's own."""
    given = line(fee_ocur_time=time, prd_days=days) | fields
    upload = fee_lines(given, mdtrt_id=f"V{visit}", fixmedins_code=f"H{visit}", upld_time=later(time, 3600))
    return upload | ({"med_type": med_type} if med_type else {})


def about(visit: int, *which: str, number: str = "1") -> set[About]:
    """The findings about a visit's line."""
    return {("fee-line", f"H{visit}/V{visit}/{number}", one) for one in which or ("item",)}


def long(visit: int) -> Wire:
    """The visit's settlement says that it is a long prescription."""
    return settlement(f"S{visit}", mdtrt_id=f"V{visit}", fixmedins_code=f"H{visit}", med_type="14", long_rx="1")


CLASSES = [item("D1", class_codg="C1"), item("D2", class_codg="C1")]
FIRST = supply(1, at(0), 30)

MUCH = supply(1, at(0), 136)  # enough for 16 days more than the window

FIRING = [
    Case("more than 44 days at once", [supply(1, at(0), "44.01")], about(1)),
    Case("a second more than 15 days in hand", [FIRST, supply(2, later(at(15), -1), 1)], about(2)),
    Case("more than 44 days after it", [FIRST, supply(2, at(15), "29.01")], about(2)),
    Case("supplies follow one another", [FIRST, supply(2, at(16), 20), supply(3, at(30), 25)], about(3)),
    Case("arrival out of order", [supply(2, later(at(15), -1), 1), FIRST], about(2)),
    Case("a long prescription of more than 104 days", [supply(1, at(0), "104.01"), long(1)], about(1)),
    Case(
        "the longest of a visit's lines is the supply",
        [
            fee_lines(
                line("1", prd_days=30), line("2", prd_days=45), line("3", prd_days=45), mdtrt_id="V1", med_type="14"
            )
        ],
        about(1, number="2"),
    ),
    Case(
        "another drug of the class",
        [*CLASSES, FIRST, supply(2, at(10), 1, med_list_codg="D2")],
        about(2, "class"),
    ),
    Case("the same drug and its class", [*CLASSES, FIRST, supply(2, at(10), 1)], about(2, "item", "class")),
    Case("a class that comes late", [FIRST, supply(2, at(10), 1, med_list_codg="D2"), *CLASSES], about(2, "class")),
    Case("within the window", [MUCH, supply(2, later(at(120), -1), 1)], about(1) | about(2)),
    Case("a supply longer ago than the window is used up", [MUCH, supply(2, at(120), 1)], about(1)),
    Case("discharge drugs", [supply(1, at(0), 45, "21", dscg_tkdrug_flag="1")], about(1)),
    Case("the type comes with the settlement", [supply(1, at(0), 45, None), long(1) | {"long_rx": "0"}], about(1)),
]

QUIET = [
    Case("44 days at once", [supply(1, at(0), 44)]),
    Case("15 days in hand", [FIRST, supply(2, at(15), 1)]),
    Case("44 days after it", [FIRST, supply(2, at(15), 29)]),
    Case("104 days of a long prescription", [supply(1, at(0), 104), long(1)]),
    Case("used up", [FIRST, supply(2, at(30), 30), supply(3, at(60), 30)]),
    Case("another drug", [FIRST, supply(2, at(10), 1, med_list_codg="D2")]),
    Case("another person", [FIRST, supply(2, at(10), 1) | {"psn_no": "P2"}]),
    Case(
        "lines of one visit are one supply", [fee_lines(line("1", prd_days=30), line("2", prd_days=30), med_type="14")]
    ),
    Case("days unknown", [FIRST, supply(2, at(10), 0)]),
    Case("the type unknown", [supply(1, at(0), 45, None)]),
    Case("inpatients", [supply(1, at(0), 45, "21")]),
    Case(
        "the first was reversed",
        [supply(1, at(0), 30), long(1), supply(2, at(10), 1), reversal("S1", fixmedins_code="H1")],
    ),
]
