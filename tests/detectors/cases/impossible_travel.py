"""Cases of impossible-travel: 120 km/h and half an hour; H2 lies 1 degree (111.195 km) north of H1: 25 min 36 s."""

from tests.detectors.case import Case
from tests.detectors.stay_facts import check
from tests.facts import Wire, admission, at, later, reversal, settlement


def place(code: str, lat: float | None, **fields: object) -> Wire:
    """An institution on one meridian."""
    where = {} if lat is None else {"lng": 100.0, "lat": lat}
    base = {"type": "institution", "fixmedins_code": code, "valid_from": "2020-01-01 00:00:00"}
    return base | where | fields


PLACES = [place("H1", 30.0), place("H2", 31.0), place("H3", None), place("H4", 30.01)]


def seen(number: int, seconds: int, code: str, **fields: object) -> Wire:
    """An outpatient settlement some seconds after the first."""
    return settlement(f"S{number}", setl_time=later(at(0), seconds), fixmedins_code=code, **fields)


S2 = {("settlement", "S2", None)}
FAST, SLOW = 1_535, 1_536
HOME = seen(1, 0, "H1")

FIRING = [
    Case("a second too fast", [*PLACES, HOME, seen(2, FAST, "H2")], S2),
    Case("at the same second", [*PLACES, HOME, seen(2, 0, "H2")], S2),
    Case("an emergency", [*PLACES, HOME, seen(2, FAST, "H2", med_type="13")], S2),
    Case("the registry comes last", [HOME, seen(2, FAST, "H2"), *PLACES], S2),
    Case("the time of care decides", [*PLACES, HOME, seen(2, 90_000, "H2", begntime=later(at(0), FAST))], S2),
    Case("midnight of the settlement is a time", [*PLACES, seen(1, 53_000, "H1"), seen(2, 54_000, "H2")], S2),
    Case(
        "an admission",
        [*PLACES, HOME, admission(begntime=later(at(0), FAST), fixmedins_code="H2")],
        {("stay", "V1", None)},
    ),
    Case(
        "two checks of a stay are one finding",
        [
            *PLACES,
            admission(begntime=at(-3), upld_time=at(-3), fixmedins_code="H2"),
            HOME,
            check("K1", "V1", later(at(0), 600), "in-bed", fixmedins_code="H2"),
            check("K2", "V1", later(at(0), 900), "on-premises", fixmedins_code="H2"),
        ],
        {("stay", "V1", None)},
    ),
    Case(
        "the latest one elsewhere counts, not the last one",
        [*PLACES, HOME, seen(2, FAST - 60, "H2"), seen(3, FAST, "H2")],
        {("settlement", "S2", None), ("settlement", "S3", None)},
    ),
]

QUIET = [
    Case("just in time", [*PLACES, HOME, seen(2, SLOW, "H2")]),
    Case("one institution", [*PLACES, HOME, seen(2, 0, "H1")]),
    Case("near by", [*PLACES, HOME, seen(2, 0, "H4")]),
    Case("unknown coordinates", [*PLACES, HOME, seen(2, 0, "H3")]),
    Case("the latest elsewhere has no coordinates", [*PLACES, HOME, seen(2, 300, "H3"), seen(3, 600, "H2")]),
    Case("an unknown institution", [*PLACES, HOME, seen(2, 0, "H9")]),
    Case("a pharmacy", [*PLACES, HOME, seen(2, 0, "H2", med_type="41")]),
    Case("an inpatient settlement", [*PLACES, HOME, seen(2, 0, "H2", med_type="21")]),
    Case(
        "only the day of care is known",
        [*PLACES, seen(1, 53_000, "H1"), seen(2, 54_000, "H2", begntime=at(1, "00:00:00"))],
    ),
    Case("absent", [*PLACES, HOME, check("K1", "V1", at(0), fixmedins_code="H2")]),
    Case("two persons", [*PLACES, HOME, seen(2, 0, "H2", psn_no="P2")]),
    Case(
        "coordinates hold from later on",
        [place("H1", 30.0), place("H2", 31.0, valid_from=at(1)), HOME, seen(2, 0, "H2")],
    ),
    Case("reversed", [*PLACES, HOME, seen(2, 0, "H2"), reversal("S1")]),
]
