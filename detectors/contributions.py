"""What persons' facts give to other keys: one declaration a key.

A route is a pure function of a person's history and a stretch of days; the engine sends the difference between
what it gave before and after facts were folded in, so that every change cancels exactly what it replaces.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from detectors import beds, institution_days, trace_codes
from detectors.findings import ALWAYS, Span
from detectors.history import PersonHistory
from detectors.panes import Contribution, Deltas
from topics.facts import Fact
from topics.times import DAY

Give = Callable[[PersonHistory, Span], Iterator[tuple[Contribution, int]]]


@dataclass(frozen=True)
class Route:
    """What one kind of key is told.

    Attributes:
        kind: of the key.
        reads: facts that can change what is given.
        give: history and span -> contributions with their amounts.
        whole: whether a fact can change what is given on any day, since the person's references matter.
        ahead: for how many days after a fact it can change what is given.
    """

    kind: str
    reads: tuple[type[Fact], ...]
    give: Give
    whole: bool = False
    ahead: int = 0


ROUTES: Final = (
    Route(
        institution_days.KIND,
        institution_days.READS,
        institution_days.give,
        ahead=institution_days.REPEATED_DAYS,
    ),
    Route(beds.KIND, beds.READS, beds.give, whole=True),  # an infant is known by the person's reference
    Route(trace_codes.KIND, trace_codes.READS, trace_codes.give),
)


def contributions(history: PersonHistory, span: Span) -> Deltas:
    """All that the history gives on the days that the span touches; of whole routes on all days kept."""
    first, last = span.begin // DAY * DAY, span.end // DAY * DAY + DAY - 1
    kept = ALWAYS if history.floor is None else Span(history.floor, ALWAYS.end)
    given: Deltas = Counter()
    for route in ROUTES:
        days = kept if route.whole else Span(first, last + route.ahead * DAY)
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
