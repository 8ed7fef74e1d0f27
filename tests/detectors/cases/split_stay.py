"""Cases of split-stay: 15 d one disease, 7 d one department, 1 d whatever; 1 d before and after a self-pay stay."""

from collections.abc import Mapping

from tests.detectors.case import Case
from tests.detectors.stay_facts import self_pay, settled, stay
from tests.facts import Wire, at, later, stay_fact, tick

SECOND = {("stay", "V2", None)}
HEART = {"adm_diag": "I50.9"}
SURGERY = {"adm_dept_codg": "A04"}


def pair(gap: int, former: Mapping[str, object], again: Mapping[str, object], way: str = "1") -> list[Wire]:
    """Two stays of four days, `gap` seconds apart."""
    begin = later(at(4), gap)
    return [*stay("V1", at(0), at(4), dscg_way=way, **former), *stay("V2", begin, later(begin, 345_600), **again)]


D = 86_400
FIRST = stay("V1", at(0), at(4))
EARLY = tick(at(0, "00:00:00"))  # a file that brings its own ticks begins with one


def around(own: Wire, again: int, former: list[Wire] = FIRST, **fields: object) -> list[Wire]:
    """A stay to day 4, a self-pay stay, and a stay some seconds after day 24."""
    begin = later(at(24), again)
    return [*former, own, *stay("V2", begin, at(40), **fields)]


FIRING = [
    Case("one disease after fifteen days", pair(15 * D, HEART, {"adm_diag": "i501"}), SECOND),
    Case("one department after seven days", pair(7 * D, SURGERY, SURGERY), SECOND),
    Case("whatever the reason after a day", pair(D, HEART | SURGERY, {}), SECOND),
    Case("at once", pair(0, {}, {}), SECOND),
    Case(
        "the department at the end of the former",
        [*pair(7 * D, {}, SURGERY), stay_fact("transfer", "begntime", begntime=at(2), **SURGERY)],
        SECOND,
    ),
    Case(
        "the disease of the settlement",
        [*pair(15 * D, HEART, {"adm_diag": "K35"}), settled("V2", at(19), at(23), dscg_maindiag_code="I50.0")],
        SECOND,
    ),
    Case("left against advice", pair(D, {}, {}, way="4"), SECOND),
    Case("the former of an exempt disease only", pair(D, {"adm_diag": "Z51.1"}, {"adm_diag": "K35"}), SECOND),
    Case("the later still open", [*FIRST, *stay("V2", at(5))], SECOND),
    Case("a self-pay stay between", around(self_pay("V9", at(5), at(23)), 0), SECOND),
    Case("it ends when the next stay begins", around(self_pay("V9", at(5)), 9_999), SECOND),
    Case("it is the former visit itself", around(self_pay("V1", at(4), at(23)), 0), SECOND),
    Case(
        "one of ninety days",
        [*FIRST, self_pay("V9", at(5), at(95)), *stay("V2", at(96), at(99))],
        SECOND,
    ),
]

QUIET = [
    Case("one disease a second later", pair(15 * D + 1, HEART, HEART)),
    Case("one department a second later", pair(7 * D + 1, SURGERY, SURGERY)),
    Case("whatever the reason a second later", pair(D + 1, HEART | SURGERY, {"adm_diag": "K35"})),
    Case("before the end of the former", pair(-1, HEART, HEART)),
    Case("unknown diseases and departments", pair(D + 1, {}, {})),
    Case("another institution", pair(0, HEART, HEART | {"fixmedins_code": "H2"})),
    Case("the later an emergency", pair(0, HEART, HEART | {"med_type": "24"})),
    Case("transferred out", pair(0, HEART, HEART, way="2")),
    Case("died", pair(0, HEART, HEART, way="5")),
    Case("both of an exempt disease", pair(0, {"adm_diag": "Z51"}, {"adm_diag": "Z51"})),
    Case("the later of an exempt disease", pair(0, HEART, {"adm_diag": "N18.5"})),
    Case("an open stay has no end", [EARLY, *stay("V1", at(0)), *stay("V2", at(61)), tick(at(90))]),
    Case("two persons", [*FIRST, *stay("V2", at(5), at(6), psn_no="P2")]),
    Case("a self-pay stay a second too late", around(self_pay("V9", later(at(5), 1), at(23)), 0)),
    Case("a self-pay stay over for a second too long", around(self_pay("V9", at(5), at(23)), 1)),
    Case("a self-pay stay elsewhere", around(self_pay("V9", at(5), at(23), fixmedins_code="H2"), 0)),
    Case("a self-pay stay, then an emergency", around(self_pay("V9", at(5), at(23)), 0, med_type="24")),
    Case(
        "a self-pay stay after a transfer out",
        around(self_pay("V9", at(5), at(23)), 0, stay("V1", at(0), at(4), dscg_way="2")),
    ),
    Case(
        "it ended with the person's next stay, elsewhere",
        around(self_pay("V9", at(5)), 0, [*FIRST, *stay("V3", at(10), at(12), fixmedins_code="H2")]),
    ),
    Case(
        "one of over ninety days",
        [*FIRST, self_pay("V9", at(5), later(at(95), 1)), *stay("V2", at(96), at(99))],
    ),
]
