"""Cases of repeat-visits: [1 d, 4], [7 d, 8] anywhere; [1 d, 3] at one institution with one disease."""

from tests.detectors.case import Case
from tests.facts import Wire, at, item, later, line, reversal, settlement

DAY = 86_400


def visits(times: list[str], **fields: object) -> list[Wire]:
    """Settlements S1, S2 ... at these times, each a visit of its own, at institutions of their own."""
    given = []
    for number, time in enumerate(times, 1):
        given.append(settlement(f"S{number}", **({"setl_time": time, "fixmedins_code": f"H{number}"} | fields)))
    return given


def spaced(count: int, step: int) -> list[str]:
    """Times from the first on, `step` seconds apart."""
    return [later(at(0), number * step) for number in range(count)]


FOUR = spaced(4, 3600)
SAME = {"fixmedins_code": "H1", "dscg_maindiag_code": "J18.9"}
EDGE = [*spaced(3, 3600), later(at(0), DAY - 1)]
SERIES = [item("D1", series=True), item("D2", series=False)]

FIRING = [
    Case("four visits in a day", visits(FOUR), {("settlement", "S1", "1d")}),
    Case("the fourth a second within the day", visits(EDGE), {("settlement", "S1", "1d")}),
    Case("four at the same second", visits([at(0)] * 4), {("settlement", "S1", "1d")}),
    Case("eight in a week", visits([at(d) for d in (0, 0, 1, 2, 3, 4, 5, 6)]), {("settlement", "S1", "7d")}),
    Case(
        "the eighth a second within seven days",
        visits([at(d) for d in (0, 0, 1, 2, 3, 4, 5)] + [later(at(7), -1)]),
        {("settlement", "S1", "7d")},
    ),
    Case(
        "three with one disease at one institution", visits(spaced(3, 3600), **SAME), {("settlement", "S1", "1d-same")}
    ),
    Case(
        "one disease in other notations",
        [
            *visits(spaced(2, 3600), **SAME),
            settlement("S9", setl_time=at(0, "20:00:00"), dscg_maindiag_code="j18", fixmedins_code="H1"),
        ],
        {("settlement", "S1", "1d-same")},
    ),
    Case(
        "chronic and maternity outpatients count",
        [
            *visits(FOUR[:2], med_type="14"),
            settlement("S3", setl_time=FOUR[2], fixmedins_code="H3", med_type="51"),
            settlement("S4", setl_time=FOUR[3], fixmedins_code="H4"),
        ],
        {("settlement", "S1", "1d")},
    ),
    Case(
        "the time of care decides, not that of settlement",
        [settlement(f"S{n}", setl_time=at(n * 3), begntime=FOUR[n], fixmedins_code=f"H{n}") for n in range(4)],
        {("settlement", "S0", "1d")},
    ),
    Case(
        "two windows a day apart are two bursts",
        visits([*FOUR, *(later(time, DAY + 3 * 3600) for time in FOUR)]),
        {("settlement", "S1", "1d"), ("settlement", "S5", "1d"), ("settlement", "S1", "7d")},
    ),
    Case(
        "two windows a second less than a day apart are one burst",
        visits([*FOUR, *(later(time, DAY + 3 * 3600 - 1) for time in FOUR)]),
        {("settlement", "S1", "1d"), ("settlement", "S1", "7d")},
    ),
    Case(
        "one line outside the series makes it a visit",
        [
            *SERIES,
            *visits(FOUR[:3]),
            settlement("S4", setl_time=FOUR[3], lines=[line("1"), line("2", med_list_codg="D2")]),
        ],
        {("settlement", "S1", "1d")},
    ),
    Case(
        "reversed and settled again",
        [*visits(FOUR), reversal("S4"), settlement("S5", setl_time=FOUR[3], fixmedins_code="H4")],
        {("settlement", "S1", "1d")},
    ),
]

QUIET = [
    Case("three visits in a day", visits(FOUR[:3])),
    Case("the window is open on the left", visits([*spaced(3, 3600), later(at(0), DAY)])),
    Case("the eighth exactly seven days later", visits([at(d) for d in (0, 1, 2, 3, 4, 5, 6, 7)])),
    Case("seven in a week", visits([at(d) for d in range(7)])),
    Case("two with one disease", visits(spaced(2, 3600), **SAME)),
    Case(
        "three with one disease, two institutions",
        [
            *visits(FOUR[:2], **SAME),
            settlement("S9", fixmedins_code="H2", setl_time=FOUR[2], dscg_maindiag_code="J18.9"),
        ],
    ),
    Case(
        "three at one institution, another disease",
        [*visits(FOUR[:2], **SAME), settlement("S9", fixmedins_code="H1", setl_time=FOUR[2], dscg_maindiag_code="J19")],
    ),
    Case("an unknown disease is never the same", visits(FOUR[:3], fixmedins_code="H1")),
    Case("four settlements of one visit", visits(FOUR, mdtrt_id="V1")),
    Case("pharmacies", visits(FOUR, med_type="41")),
    Case("emergencies", visits(FOUR, med_type="13")),
    Case("dialysis", visits(FOUR, dscg_maindiag_code="Z49.1")),
    Case("kidney failure", visits(FOUR, dscg_maindiag_code="N18.5")),
    Case("chemotherapy", visits(FOUR, dscg_maindiag_code="z51.103")),
    Case("a treatment series", [*SERIES, *visits(FOUR, lines=[line()])]),
    Case("the fourth was reversed", [*visits(FOUR), reversal("S4")]),
    Case("two persons", [*visits(FOUR[:3]), settlement("S9", psn_no="P2", setl_time=FOUR[3])]),
]
