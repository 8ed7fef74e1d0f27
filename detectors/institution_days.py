"""What persons' settlements and stays add to an institution's days.

Names of measures, each on a local day: money in fen, else counts. A settlement counts on the day it was settled, a
settled stay (all of its settlements added up) on the day of its last settlement. A person is repeated on a day when
another visit at the institution was settled on one of the 6 days before.
"""

from collections.abc import Iterator
from typing import Final

from detectors.findings import Span
from detectors.history import PersonHistory
from detectors.panes import Contribution
from detectors.terms import General
from topics.facts import Admission, Discharge, Reversal, Settlement
from topics.times import DAY

KIND: Final = "institution"

FUND: Final = "fund"
COST: Final = "cost"
SETTLEMENTS: Final = "settlements"
PERSONS: Final = "persons"
REPEATED: Final = "repeated-persons"
OUT_OF_REGION: Final = "out-of-region"
NIGHT: Final = "night"
INPATIENT_FUND: Final = "inpatient-fund"
INPATIENT_SETTLEMENTS: Final = "inpatient-settlements"
STAYS: Final = "settled-stays"
STAYS_COST: Final = "settled-stays-cost"

REPEATED_DAYS: Final = 6
"""How many days after a settlement what is given may change with it."""

READS: Final = (Settlement, Reversal, Admission, Discharge)


def give(history: PersonHistory, span: Span) -> Iterator[tuple[Contribution, int]]:
    """What the person's settlements and stays add to institutions, with amounts, on the days of the span."""
    settlements = history.settled_in(span)
    present = set()
    visits = set()
    for settlement in settlements:
        institution, day = settlement.institution, settlement.settled_at // DAY
        present.add((institution, day))
        visits.add(settlement.visit)
        for name, amount in _of_settlement(settlement, history.general):
            yield Contribution(KIND, institution, day, name), amount
    for institution, day in present:
        yield Contribution(KIND, institution, day, PERSONS), 1
        if _repeated(history, institution, day):
            yield Contribution(KIND, institution, day, REPEATED), 1
    for visit in visits:
        stay = history.stays.get(visit)
        if stay is None or not stay.settled or not span.holds(stay.settlements[-1].settled_at):
            continue
        day = stay.settlements[-1].settled_at // DAY
        yield Contribution(KIND, stay.institution, day, STAYS), 1
        yield Contribution(KIND, stay.institution, day, STAYS_COST), stay.total or 0


def _repeated(history: PersonHistory, institution: str, day: int) -> bool:
    """Whether a visit settled there on the day, and another one on the days before it."""
    before = history.settled_in(Span((day - REPEATED_DAYS) * DAY, day * DAY - 1))
    earlier = {one.visit for one in before if one.institution == institution}
    if not earlier:
        return False
    today = history.settled_in(Span(day * DAY, day * DAY + DAY - 1))
    return any({one.visit} != earlier for one in today if one.institution == institution)


def _of_settlement(settlement: Settlement, general: General) -> Iterator[tuple[str, int]]:
    yield FUND, settlement.fund
    yield COST, settlement.total
    yield SETTLEMENTS, 1
    if settlement.med_type in general.inpatient:
        yield INPATIENT_FUND, settlement.fund
        yield INPATIENT_SETTLEMENTS, 1
    if settlement.insured_place and settlement.care_place and settlement.insured_place != settlement.care_place:
        yield OUT_OF_REGION, 1
    if not general.night_to <= settlement.settled_at % DAY < general.night_from:
        yield NIGHT, 1
