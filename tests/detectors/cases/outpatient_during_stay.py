"""Cases of outpatient-during-stay: on a day strictly between the first and the last of a stay."""

from tests.detectors.case import Case
from tests.detectors.stay_facts import leave, settled, stay
from tests.facts import Wire, at, later, settlement, tick, void

STAY = stay("V1", at(0), at(4))
S1 = {("settlement", "S1", None)}
EARLY = tick(at(0, "00:00:00"))  # a file that brings its own ticks begins with one


def care(time: str, **fields: object) -> Wire:
    """An outpatient settlement at this time, elsewhere."""
    return settlement("S1", **({"setl_time": time, "fixmedins_code": "H2"} | fields))


FIRING = [
    Case("the first second of the second day", [*STAY, care(at(1, "00:00:00"))], S1),
    Case("the last second of the last day but one", [*STAY, care(at(3, "23:59:59"))], S1),
    Case("settled before the stay is known", [care(at(1)), *STAY], S1),
    Case("a pharmacy paid with a card", [*STAY, care(at(2), med_type="41", mdtrt_cert_type="03")], S1),
    Case("a pharmacy paid with nobody knows what", [*STAY, care(at(2), med_type="41")], S1),
    Case("an e-certificate excuses the pharmacy alone", [*STAY, care(at(2), mdtrt_cert_type="01")], S1),
    Case("the time of care decides", [*STAY, care(at(9), begntime=at(2))], S1),
    Case("on leave without papers", [*STAY, leave("V1", at(1), at(3)), care(at(2))], S1),
    Case("a second after a leave", [*STAY, leave("V1", at(1), at(2), papers=True), care(later(at(2), 1))], S1),
    Case("chronic and maternity outpatients", [*STAY, care(at(2), med_type="14")], S1),
    Case("a stay known from its settlement", [settled("V1", at(0), at(4)), care(at(2))], S1),
    Case(
        "an open stay, on the next day",
        [EARLY, *stay("V1", at(0)), care(at(2, "23:00:00")), tick(at(3, "00:00:00"))],
        S1,
    ),
]

QUIET = [
    Case("the first day", [*STAY, care(at(0, "23:59:59"))]),
    Case("the last day", [*STAY, care(at(4, "00:00:00"))]),
    Case("the day after", [*STAY, care(at(5))]),
    Case("a pharmacy paid with an e-certificate", [*STAY, care(at(2), med_type="41", mdtrt_cert_type="01")]),
    Case("an emergency", [*STAY, care(at(2), med_type="13")]),
    Case("another person", [*STAY, care(at(2), psn_no="P2")]),
    Case("a settlement of the stay itself", [*STAY, care(at(2), mdtrt_id="V1", fixmedins_code="H1")]),
    Case("at the end of a leave with papers", [*STAY, leave("V1", at(1), at(2), papers=True), care(at(2))]),
    Case("on a leave with papers that goes on", [*STAY, leave("V1", at(2), papers=True), care(at(2))]),
    Case(
        "an open stay, on the same day",
        [EARLY, *stay("V1", at(0)), care(at(2, "23:00:00")), tick(at(2, "23:59:59"))],
    ),
    Case("after an open stay's sixty days", [EARLY, *stay("V1", at(0)), care(at(60)), tick(at(90))]),
    Case("the stay was voided", [*STAY, care(at(2)), void("admission", mdtrt_id="V1")]),
]
