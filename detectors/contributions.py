"""What persons' facts give to other keys: one declaration a key.

A route is a pure function of a person's history and a stretch of days; the engine sends the difference between
what it gave before and after facts were folded in, so that every change cancels exactly what it replaces.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from detectors.findings import Span
from detectors.history import PersonHistory
from detectors.panes import Contribution, Deltas
from detectors.quota_progress import COUNT, FUND
from topics.facts import Fact, Reversal, Settlement
from topics.times import DAY

Give = Callable[[PersonHistory, Span], Iterator[tuple[Contribution, int]]]


@dataclass(frozen=True)
class Route:
    """What one kind of key is told.

    Attributes:
        kind: of the key.
        reads: facts that can change what is given.
        give: history and days -> contributions with their amounts.
    """

    kind: str
    reads: tuple[type[Fact], ...]
    give: Give


def _institution(history: PersonHistory, span: Span) -> Iterator[tuple[Contribution, int]]:
    """Inpatient fund cost (fen) and settlements, on the day of settlement."""
    inpatient = history.general.inpatient
    for settlement in history.all_of(Settlement):
        if span.holds(settlement.settled_at) and settlement.med_type in inpatient:
            day = settlement.settled_at // DAY
            yield Contribution("institution", settlement.institution, day, FUND), settlement.fund
            yield Contribution("institution", settlement.institution, day, COUNT), 1


ROUTES: Final = (Route("institution", (Settlement, Reversal), _institution),)


def contributions(history: PersonHistory, span: Span) -> Deltas:
    """All that the history gives on the days that the span touches."""
    days = Span(span.begin // DAY * DAY, span.end // DAY * DAY + DAY - 1)
    given: Deltas = Counter()
    for route in ROUTES:
        for contribution, amount in route.give(history, days):
            given[contribution] += amount
    return given


def difference(before: Deltas, after: Deltas) -> dict[Contribution, int]:
    """What must be added to `before` to have `after`; nothing where they are equal."""
    changed = {}
    for contribution in before.keys() | after.keys():
        amount = after[contribution] - before[contribution]
        if amount:
            changed[contribution] = amount
    return changed
