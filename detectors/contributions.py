"""What persons' facts give to other keys: one declaration a key.

A route is a pure function of a person's history and the visits that a change may touch; the engine sends the difference
between what it gave before and after facts were folded in, so that every change cancels exactly what it replaces.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from detectors import beds, institution_days, trace_codes
from detectors.history import PersonHistory
from detectors.panes import Contribution, Deltas
from topics.facts import Fact, Settlement
from topics.times import DAY

Give = Callable[[PersonHistory, AbstractSet[str]], Iterator[tuple[Contribution, int]]]


@dataclass(frozen=True)
class Route:
    """What one kind of key is told.

    Attributes:
        kind: of the key.
        reads: facts that can change what is given.
        give: history and touched visits -> contributions with their amounts; more than the touched visits give does
            no harm, it cancels out.
        of_all: whether it gives by other visits than those it is asked for, too.
        around: for how many days before and after a fact other visits of the person can change what is given.
    """

    kind: str
    reads: tuple[type[Fact], ...]
    give: Give
    of_all: bool = False
    around: int = 0


ROUTES: Final = (
    Route(
        institution_days.KIND,
        institution_days.READS,
        institution_days.give,
        around=institution_days.REPEATED_DAYS,
    ),
    Route(beds.KIND, beds.READS, beds.give, of_all=True),
    Route(trace_codes.KIND, trace_codes.READS, trace_codes.give),
)


_NONE: Final[frozenset[str]] = frozenset()


def contributions(history: PersonHistory, visits: AbstractSet[str]) -> Deltas:
    """What the history gives by visits; nothing that a change of one of these may touch is missing."""
    given: Deltas = Counter()
    known = any(map(history.knows, visits))
    for route in ROUTES:
        if not (known or route.of_all):
            continue
        for contribution, amount in route.give(history, visits):
            given[contribution] += amount
    return given


def fresh(history: PersonHistory, settlements: Iterable[Settlement]) -> list[tuple[tuple[str, str, int, str], int]]:
    """What settlements of new visits outside stays give (see `PersonHistory.is_fresh`), before they are folded in.

    Lines with trace codes apart, which are given by their visits. Gives the parts of a `Contribution` and the amount:
    making named tuples of them takes as long as all the rest.
    """
    kind, general = institution_days.KIND, history.general
    found: list[tuple[tuple[str, str, int, str], int]] = []
    given: dict[str, list[tuple[int, str]]] = {}
    for settlement in settlements:
        institution, day = settlement.institution, settlement.settled_at // DAY
        given.setdefault(institution, []).append((day, settlement.visit))
        measures = institution_days.of_settlement(settlement, general)
        found += [((kind, institution, day, name), amount) for name, amount in measures]
    for institution, settled in given.items():
        for day, name in institution_days.of_person(history, institution, settled, _NONE):
            found.append(((kind, institution, day, name), 1))
    return found


def difference(before: Deltas, after: Deltas) -> dict[Contribution, int]:
    """What must be added to `before` to have `after`; nothing where they are equal."""
    if not before:
        return {contribution: amount for contribution, amount in after.items() if amount}
    changed = {}
    for contribution in before.keys() | after.keys():
        amount = after[contribution] - before[contribution]
        if amount:
            changed[contribution] = amount
    return changed
