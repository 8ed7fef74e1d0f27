"""Cases of overlapping-stays: over 12 h; none where the former was transferred out on the day of the later's begin."""

from tests.detectors.case import Case
from tests.detectors.stay_facts import settled, stay
from tests.facts import at, later, reversal, settlement, tick, void

HALF_DAY = later(at(3), 12 * 3600)
SECOND = {("stay", "V2", None)}
NEXT = stay("V2", at(3), at(8), fixmedins_code="H2")
EARLY = tick(at(0, "00:00:00"))  # a file that brings its own ticks begins with one

FIRING = [
    Case("a second over twelve hours", [*stay("V1", at(0), later(HALF_DAY, 1)), *NEXT], SECOND),
    Case("at one institution too", [*stay("V1", at(0), at(5)), *stay("V2", at(3), at(8))], SECOND),
    Case("one within the other", [*stay("V1", at(0), at(9)), *stay("V2", at(3), at(4), fixmedins_code="H2")], SECOND),
    Case(
        "transferred out the day after the later began",
        [*stay("V1", at(0), at(4), dscg_way="2"), *NEXT],
        SECOND,
    ),
    Case(
        "three at once are two findings",
        [*stay("V1", at(0), at(9)), *NEXT, *stay("V3", at(5), at(7), fixmedins_code="H3")],
        {("stay", "V2", None), ("stay", "V3", None)},
    ),
    Case("of equal begins the greater id is the later", [*stay("V2", at(0), at(2)), *stay("V1", at(0), at(2))], SECOND),
    Case(
        "the settlement gives begin and end",
        [settled("V1", at(0), at(5)), settled("V2", at(3), at(8), fixmedins_code="H2")],
        SECOND,
    ),
    Case(
        "an open stay, once a tick says so",
        [EARLY, *stay("V1", at(0)), *NEXT, tick(later(HALF_DAY, 1))],
        SECOND,
    ),
    Case("both open", [EARLY, *stay("V1", at(0)), *stay("V2", at(3)), tick(later(HALF_DAY, 1))], SECOND),
    Case(
        "an open stay lasts sixty days",
        [EARLY, *stay("V1", at(0)), *stay("V2", later(at(60), -43_201)), tick(at(90))],
        SECOND,
    ),
]

QUIET = [
    Case("twelve hours exactly", [*stay("V1", at(0), HALF_DAY), *NEXT]),
    Case("one after the other", [*stay("V1", at(0), at(3)), *NEXT]),
    Case("transferred out on that day", [*stay("V1", at(0), at(3, "23:00:00"), dscg_way="2"), *NEXT]),
    Case("two persons", [*stay("V1", at(0), at(5)), *stay("V2", at(3), at(8), psn_no="P2")]),
    Case("the tick is a second short", [EARLY, *stay("V1", at(0)), *NEXT, tick(HALF_DAY)]),
    Case(
        "an open stay is over after sixty days",
        [EARLY, *stay("V1", at(0)), *stay("V2", later(at(60), -43_200)), tick(at(90))],
    ),
    Case(
        "an outpatient visit is no stay",
        [*stay("V1", at(0), at(5)), settlement("S2", begntime=at(1), endtime=at(4), setl_time=at(4))],
    ),
    Case(
        "the later admission was voided",
        [*stay("V1", at(0), at(5)), *NEXT, void("admission", mdtrt_id="V2", void_time=at(4))],
    ),
    Case(
        "the only settlement of the former was reversed",
        [settled("V1", at(0), at(5)), *NEXT, reversal("S-V1", setl_time=at(6))],
    ),
]
