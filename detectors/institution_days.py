"""What persons' settlements and stays add to an institution's days.

Names of measures, each on a local day: money in fen, else counts. A settlement counts on the day it was settled, a
settled stay (all of its settlements added up) on the day of its last settlement.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from detectors.findings import Span
from detectors.history import PersonHistory
from detectors.panes import Contribution
from detectors.terms import General
from topics.facts import Admission, Discharge, Reversal, Settlement
from topics.times import DAY

KIND: Final = "institution"

FUND: Final = "fund"
SETTLEMENTS: Final = "settlements"
PERSONS: Final = "persons"
OUT_OF_REGION: Final = "out-of-region"
NIGHT: Final = "night"
INPATIENT_FUND: Final = "inpatient-fund"
INPATIENT_SETTLEMENTS: Final = "inpatient-settlements"
STAYS: Final = "settled-stays"
STAYS_COST: Final = "settled-stays-cost"

READS: Final = (Settlement, Reversal, Admission, Discharge)


def give(history: PersonHistory, visits: AbstractSet[str]) -> Iterator[tuple[Contribution, int]]:
    """What the settlements and stays of some visits add to institutions, with amounts.

    A person counts once an institution and day: where a settlement of another visit makes that so already, these
    visits add nothing.
    """
    present = set()
    for visit in visits:
        for settlement in history.visit(visit):
            if type(settlement) is Settlement:
                institution, day = settlement.institution, settlement.settled_at // DAY
                present.add((institution, day))
                for name, amount in of_settlement(settlement, history.general):
                    yield Contribution(KIND, institution, day, name), amount
    for institution, day in present:
        others = history.settled_in(Span(day * DAY, day * DAY + DAY - 1))
        if not any(other.institution == institution and other.visit not in visits for other in others):
            yield Contribution(KIND, institution, day, PERSONS), 1
    stays = history.stays
    if not stays:
        return
    for visit in visits:
        stay = stays.get(visit)
        if stay is not None and stay.settled:
            day = stay.settlements[-1].settled_at // DAY
            yield Contribution(KIND, stay.institution, day, STAYS), 1
            yield Contribution(KIND, stay.institution, day, STAYS_COST), stay.total or 0


def of_settlement(settlement: Settlement, general: General) -> Iterator[tuple[str, int]]:
    """What one settlement adds to its institution's day: measures and amounts."""
    yield FUND, settlement.fund
    yield SETTLEMENTS, 1
    if settlement.med_type in general.inpatient:
        yield INPATIENT_FUND, settlement.fund
        yield INPATIENT_SETTLEMENTS, 1
    if settlement.insured_place and settlement.care_place and settlement.insured_place != settlement.care_place:
        yield OUT_OF_REGION, 1
    if not general.night_to <= settlement.settled_at % DAY < general.night_from:
        yield NIGHT, 1
