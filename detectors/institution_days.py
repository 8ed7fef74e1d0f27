"""What persons' settlements and stays add to an institution's days.

Names of measures, each on a local day: money in fen, else counts. A settlement counts on the day it was settled, a
settled stay (all of its settlements added up) on the day of its last settlement. A person is repeated on a day when
another visit at the institution was settled on one of the 6 days before.
"""

from collections.abc import Iterator, Sequence
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
"""For how many days before and after a settlement visits of the same person can change what is given."""

_FEW: Final = 16
"""With fewer settlements than this, looking at all of them is quicker than looking for those of some days."""

READS: Final = (Settlement, Reversal, Admission, Discharge)


def give(history: PersonHistory, visits: AbstractSet[str]) -> Iterator[tuple[Contribution, int]]:
    """What the settlements and stays of some visits add to institutions, with amounts.

    A person counts once an institution and day, and is repeated once: where settlements of other visits make that so
    already, these visits add nothing. So what other visits give is the same before and after a change of these, and the
    difference is all that the change does, on the days after it too.
    """
    own: dict[str, list[tuple[int, str]]] = {}
    for visit in visits:
        for settlement in history.visit(visit):
            if type(settlement) is Settlement:
                institution, day = settlement.institution, settlement.settled_at // DAY
                own.setdefault(institution, []).append((day, visit))
                for name, amount in of_settlement(settlement, history.general):
                    yield Contribution(KIND, institution, day, name), amount
    for institution, settled in own.items():
        for day, name in of_person(history, institution, settled, visits):
            yield Contribution(KIND, institution, day, name), 1
    stays = history.stays
    if not stays:
        return
    for visit in visits:
        stay = stays.get(visit)
        if stay is not None and stay.settled:
            day = stay.settlements[-1].settled_at // DAY
            yield Contribution(KIND, stay.institution, day, STAYS), 1
            yield Contribution(KIND, stay.institution, day, STAYS_COST), stay.total or 0


def of_person(
    history: PersonHistory, institution: str, settled: Sequence[tuple[int, str]], visits: AbstractSet[str]
) -> list[tuple[int, str]]:
    """What settlements of some visits add to the count of persons beside what the person's other visits do.

    Args:
        history: holds the other visits; these ones may be in it or not.
        institution: where the settlements are.
        settled: their days and visits; not empty.
        visits: all of these visits.

    Returns:
        Days and measures, each adding 1.
    """
    if len(settled) == 1:
        first = last = settled[0][0]
    else:
        first, last = min(settled)[0], max(settled)[0]
    every = history.all_of(Settlement)
    if not every and first == last:
        return [(first, PERSONS)]
    begin, end = (first - REPEATED_DAYS) * DAY, (last + REPEATED_DAYS + 1) * DAY
    others = [
        (other.settled_at // DAY, other.visit)
        for other in (every if len(every) < _FEW else history.settled_in(Span(begin, end - 1)))
        if other.institution == institution and begin <= other.settled_at < end and other.visit not in visits
    ]
    if not others and first == last:
        return [(first, PERSONS)]
    by_day: dict[int, set[str]] = {}
    for day, visit in others:
        by_day.setdefault(day, set()).add(visit)
    days = {day for day, _ in settled}
    found = [(day, PERSONS) for day in days if day not in by_day]
    known = {day for day in by_day if _repeats(by_day, day)}
    for day, visit in settled:
        by_day.setdefault(day, set()).add(visit)
    found += [(day, REPEATED) for day in by_day if day not in known and _repeats(by_day, day)]
    return found


def _repeats(by_day: dict[int, set[str]], day: int) -> bool:
    """Whether visits were settled on a day and another one on the days before, of visits by day."""
    today = by_day[day]
    for before, earlier in by_day.items():
        # two visits at least on the two days
        if day - REPEATED_DAYS <= before < day and (len(today) > 1 or earlier != today):
            return True
    return False


def of_settlement(settlement: Settlement, general: General) -> list[tuple[str, int]]:
    """What one settlement adds to its institution's day: measures and amounts."""
    found = [(FUND, settlement.fund), (COST, settlement.total), (SETTLEMENTS, 1)]
    if settlement.med_type in general.inpatient:
        found += (INPATIENT_FUND, settlement.fund), (INPATIENT_SETTLEMENTS, 1)
    insured = settlement.insured_place
    if insured and settlement.care_place and insured != settlement.care_place:
        found.append((OUT_OF_REGION, 1))
    if not general.night_to <= settlement.settled_at % DAY < general.night_from:
        found.append((NIGHT, 1))
    return found
