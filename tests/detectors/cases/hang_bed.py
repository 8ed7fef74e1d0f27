"""Cases of hang-bed: absent without papers, more than 2 h after begin and before end."""

from tests.detectors.case import Case
from tests.detectors.stay_facts import check, leave, settled, stay
from tests.facts import at, later, tick, void

STAY = stay("V1", at(0), at(4))
FOUND = {("stay", "V1", None)}
EARLY = tick(at(0, "00:00:00"))  # a file that brings its own ticks begins with one

FIRING = [
    Case("absent", [*STAY, check("K1", "V1", at(2))], FOUND),
    Case("two hours and a second after the begin", [*STAY, check("K1", "V1", later(at(0), 7_201))], FOUND),
    Case("two hours and a second before the end", [*STAY, check("K1", "V1", later(at(4), -7_201))], FOUND),
    Case("papers said to be missing", [*STAY, check("K1", "V1", at(2), papers=False)], FOUND),
    Case("a leave without papers", [*STAY, leave("V1", at(1), at(3)), check("K1", "V1", at(2))], FOUND),
    Case(
        "a second after a leave",
        [*STAY, leave("V1", at(1), at(2), papers=True), check("K1", "V1", later(at(2), 1))],
        FOUND,
    ),
    Case("the check comes before the stay is known", [check("K1", "V1", at(2)), *STAY], FOUND),
    Case("twice", [*STAY, check("K1", "V1", at(2)), check("K2", "V1", at(3))], FOUND),
    Case("settled, with an amount", [*STAY, settled("V1", at(0), at(4)), check("K1", "V1", at(2))], FOUND),
    Case(
        "an open stay, two hours and a second later",
        [EARLY, *stay("V1", at(0)), check("K1", "V1", at(2)), tick(later(at(2), 7_201))],
        FOUND,
    ),
]

QUIET = [
    Case("two hours after the begin", [*STAY, check("K1", "V1", later(at(0), 7_200))]),
    Case("two hours before the end", [*STAY, check("K1", "V1", later(at(4), -7_200))]),
    Case("in bed", [*STAY, check("K1", "V1", at(2), "in-bed")]),
    Case("on the premises", [*STAY, check("K1", "V1", at(2), "on-premises")]),
    Case("papers shown", [*STAY, check("K1", "V1", at(2), papers=True)]),
    Case("at the end of a leave", [*STAY, leave("V1", at(1), at(2), papers=True), check("K1", "V1", at(2))]),
    Case("on a leave that goes on", [*STAY, leave("V1", at(2), papers=True), check("K1", "V1", at(2))]),
    Case("of no known stay", [check("K1", "V1", at(2))]),
    Case("withdrawn", [*STAY, check("K1", "V1", at(2)), void("presence-check", chk_id="K1", void_time=at(3))]),
    Case(
        "an open stay, two hours later",
        [EARLY, *stay("V1", at(0)), check("K1", "V1", at(2)), tick(later(at(2), 7_200))],
    ),
]
