"""Cases of leave-too-long: over 6 h, or past the first 22:00 after it began; the stay's end ends it too."""

from tests.detectors.case import Case
from tests.detectors.stay_facts import leave, settled, stay
from tests.facts import at, later, tick, void

STAY = stay("V1", at(0), at(9))
EARLY = tick(at(0, "00:00:00"))  # a file that brings its own ticks begins with one
NINE, SIX = at(2), at(2, "18:00:00")
MORNING, EVENING = {("leave", f"V1/{NINE}", None)}, {("leave", f"V1/{SIX}", None)}

FIRING = [
    Case("six hours and a second", [*STAY, leave("V1", NINE, later(NINE, 21_601))], MORNING),
    Case("a second past ten in the evening", [*STAY, leave("V1", SIX, at(2, "22:00:01"))], EVENING),
    Case(
        "begun at ten, over six hours",
        [*STAY, leave("V1", at(2, "22:00:00"), at(3, "04:00:01"))],
        {("leave", f"V1/{at(2, '22:00:00')}", None)},
    ),
    Case("papers do not matter", [*STAY, leave("V1", NINE, later(NINE, 21_601), papers=True)], MORNING),
    Case("of no known stay", [leave("V1", NINE, later(NINE, 21_601))], MORNING),
    Case("settled, with an amount", [*STAY, settled("V1", at(0), at(9)), leave("V1", NINE, at(3))], MORNING),
    Case("not back after six hours", [EARLY, *STAY[:1], leave("V1", NINE), tick(later(NINE, 21_601))], MORNING),
    Case("not back by ten", [EARLY, *STAY[:1], leave("V1", SIX), tick(at(2, "22:00:01"))], EVENING),
    Case("not back while the stay lasts", [*STAY, leave("V1", NINE)], MORNING),
    Case(
        "the stay goes on for six hours and a second",
        [*stay("V1", at(0), later(NINE, 21_601)), leave("V1", NINE)],
        MORNING,
    ),
]

QUIET = [
    Case("six hours", [*STAY, leave("V1", NINE, later(NINE, 21_600))]),
    Case("back at ten", [*STAY, leave("V1", SIX, at(2, "22:00:00"))]),
    Case("begun at ten, six hours", [*STAY, leave("V1", at(2, "22:00:00"), at(3, "04:00:00"))]),
    Case("not back, six hours on", [EARLY, *STAY[:1], leave("V1", NINE), tick(later(NINE, 21_600))]),
    Case("not back at ten sharp", [EARLY, *STAY[:1], leave("V1", SIX), tick(at(2, "22:00:00"))]),
    Case("the stay ends first", [*stay("V1", at(0), later(NINE, 21_600)), leave("V1", NINE)]),
    Case(
        "back in the meantime",
        [EARLY, *STAY[:1], leave("V1", NINE), tick(at(3)), leave("V1", NINE, at(2, "12:00:00"), upld_time=at(3))],
    ),
    Case("did not happen", [*STAY, leave("V1", NINE, at(3)), void("leave", mdtrt_id="V1", leave_begntime=NINE)]),
]
