"""Cases of trace-code-reused: code T1 on lines of several visits."""

from tests.detectors.case import About, Case
from tests.facts import Wire, admission, at, fee_lines, later, line, reversal, settlement, tick


def sale(
    visit: int, day: int = 0, med_type: str | None = "41", codes: tuple[str, ...] = ("T1",), **fields: object
) -> Wire:
    """An upload of one line with trace codes, of a person of the visit's own."""
    given = line(fee_ocur_time=at(day), drug_trac_codg=list(codes)) | fields
    upload = fee_lines(given, mdtrt_id=f"V{visit}", psn_no=f"P{visit}", upld_time=later(at(day), 3600))
    return upload | ({"med_type": med_type} if med_type else {})


def about(*visits: int, code: str = "T1") -> set[About]:
    """The findings about lines."""
    return {("fee-line", f"H1/V{visit}/1", code) for visit in visits}


def cancelled(upload: Wire, count: int) -> Wire:
    """The upload with a line that takes so many back."""
    back = line("2", init_feedetl_sn="1", cnt=-count, det_item_fee_sumamt="-1.50")
    return upload | {"lines": [*upload["lines"], back]}


def settled(visit: int, **fields: object) -> Wire:
    """The visit's settlement."""
    return settlement(f"S{visit}", mdtrt_id=f"V{visit}", psn_no=f"P{visit}", med_type="41") | fields


STAY = admission("V1", psn_no="P1", begntime=at(-1), upld_time=at(-1))
TAKEN_AWAY = sale(1, med_type="21", dscg_tkdrug_flag="1")
EARLY = tick(at(-1, "00:00:00"))

FIRING = [
    Case("two visits", [sale(1), sale(2, 3)], about(2)),
    Case("arrival out of order", [sale(2, 3), sale(1)], about(2)),
    Case("at one time, the greater id is the later", [sale(2), sale(1)], about(2)),
    Case("all but the earliest", [sale(1), sale(2, 1), sale(3, 2)], about(2, 3)),
    *(Case(f"type {kind}", [sale(1), sale(2, 3, kind)], about(2)) for kind in ("11", "13", "14", "51")),
    Case("a discharge drug", [sale(1), sale(2, 3, "21", dscg_tkdrug_flag="1")], about(2)),
    Case("the type comes with the settlement", [sale(1), sale(2, 3, None), settled(2)], about(2)),
    Case("one of several codes", [sale(1, codes=("T0", "T1")), sale(2, 3, codes=("T1", "T2"))], about(2)),
    Case(
        "each pack is told",
        [sale(1, codes=("T0", "T1")), sale(2, 3, codes=("T1", "T0"))],
        about(2) | about(2, code="T0"),
    ),
    Case(
        "two packs of other visits",
        [sale(1), sale(2, 1, codes=("T2",)), sale(3, 2, codes=("T1", "T2"))],
        about(3) | about(3, code="T2"),
    ),
    Case(
        "a pack beside one that was split",
        [
            sale(1, codes=("T0", "T1")),
            sale(2, 1, codes=("T0",), trdn_flag="1"),
            sale(3, 2, codes=("T0", "T1")),
        ],
        about(3),
    ),
    Case("cancelled in part", [cancelled(sale(1), 1), sale(2, 3)], about(2)),
    Case(
        "a stay still open whose settlement was reversed",
        [EARLY, STAY, TAKEN_AWAY, settled(1, med_type="21"), reversal("S1", psn_no="P1"), sale(2, 3), tick(at(59))],
        about(2),
    ),
]

QUIET = [
    Case("one visit", [sale(1)]),
    Case("two lines of one visit", [sale(1), sale(1, 1, feedetl_sn="2")]),
    Case("another code", [sale(1), sale(2, 3, codes=("T2",))]),
    Case("inpatients", [sale(1), sale(2, 3, "21")]),
    Case("the type is not known yet", [sale(1), sale(2, 3, None)]),
    Case("a split pack", [sale(1), sale(2, 3, trdn_flag="1")]),
    Case("another line says the pack was split", [sale(1, trdn_flag="1"), sale(2, 3)]),
    Case("given back in between", [cancelled(sale(1), 2), sale(2, 3)]),
    Case("the first visit was reversed", [sale(1), settled(1), sale(2, 3), reversal("S1", psn_no="P1")]),
    Case(
        "a stay no more open whose settlement was reversed",
        [
            EARLY,
            STAY,
            TAKEN_AWAY,
            settled(1, med_type="21"),
            reversal("S1", psn_no="P1"),
            sale(2, 3),
            tick(later(at(59), 1)),
        ],
    ),
]
