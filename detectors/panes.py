"""The history of a key other than a person: signed contributions per day, and the key's own facts.

Contributions come from persons' facts, + for one that stands and - for one that does not any more, so that sums
and counts add up whatever the order. A contribution of amount 1 may also stand for a thing (a stay on a bed);
its name is then `measure:` and the thing as JSON.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from detectors.standing import StandingFacts
from detectors.terms import General
from topics.registry import Registry

if TYPE_CHECKING:  # the model's features look at this history
    from detectors.model_set import ModelSet


class Contribution(NamedTuple):
    """What a person's facts give to a key on a local day.

    Attributes:
        kind: of the key: `institution`, `bed` ...
        key: the key itself.
        day: days since 1970-01-01.
        name: of the measure, or a thing.
    """

    kind: str
    key: str
    day: int
    name: str


Deltas = Counter[Contribution]
"""Signed amounts by contribution (fen for money, else counts)."""


def measure_of(name: str) -> str:
    """The measure that a contribution's name belongs to: itself, or what stands before a thing."""
    return name.partition(":")[0]


class KeyHistory(StandingFacts):
    """Sums and counts per day, and facts, of one key.

    Args:
        kind: of the key.
        key: the key itself.
        general: general numbers.
        registry: reference data.
        now: the least clock of the source partitions (greatest ticks), local second.
    """

    def __init__(self, kind: str, key: str, general: General, registry: Registry, now: int = 0) -> None:
        super().__init__()
        self.kind = kind
        self.key = key
        self.general = general
        self.registry = registry
        self.now = now
        self.panes: dict[int, dict[str, int]] = {}
        self.days: list[int] = []
        """Days with a pane, ascending."""
        self.touched: dict[str, tuple[int, int]] = {}
        """Measure -> first and last **day** changed since the key was judged."""
        self.models: ModelSet | None = None
        self.floor: int | None = None
        """First local second that is fully kept; None while nothing was forgotten."""

    def load(self, facts: Iterable[Any]) -> None:
        """Take facts that were folded before (from stored state)."""
        for fact in facts:
            self._hold(fact.ref, fact)

    def load_panes(self, panes: Iterable[tuple[int, dict[str, int]]]) -> None:
        """Take in panes that were kept (from stored state), of days not loaded before; they are the history's now."""
        for day, pane in panes:
            self.panes[day] = pane
        self.days = sorted(self.panes)

    def add(self, day: int, name: str, amount: int) -> None:
        """Add a signed amount to a day's measure; a measure that becomes 0 is gone."""
        measure = measure_of(name) if ":" in name else name
        touched = self.touched
        before = touched.get(measure)
        if before is None:
            touched[measure] = day, day
        elif day < before[0]:
            touched[measure] = day, before[1]
        elif day > before[1]:
            touched[measure] = before[0], day
        pane = self.panes.get(day)
        if pane is None:
            pane = self.panes[day] = {}
            insort(self.days, day)
        total = pane.get(name, 0) + amount
        if total:
            pane[name] = total
        else:
            pane.pop(name, None)
            if not pane:
                del self.panes[day]
                self.days.remove(day)

    def forget(self, days: Iterable[int], refs: Iterable[str], floor: int) -> None:
        """Forget panes and facts for good."""
        for day in days:
            del self.panes[day]
        self.days = sorted(self.panes)
        self._drop(self.facts.keys() & set(refs))
        self.floor = floor

    def days_from(self, first: int, last: int) -> list[int]:
        """The days with a pane from the first to the last, both included."""
        return self.days[bisect_left(self.days, first) : bisect_right(self.days, last)]

    def measure(self, name: str, first: int, last: int) -> dict[int, int]:
        """A measure by day from the first to the last day, both included; days without it are left out."""
        return {day: self.panes[day][name] for day in self.days_from(first, last) if name in self.panes[day]}

    def next_day(self, name: str, first: int) -> int | None:
        """The first day from one on that has a measure; None without any."""
        for place in range(bisect_left(self.days, first), len(self.days)):
            day = self.days[place]
            if name in self.panes[day]:
                return day
        return None

    def first_day(self, measure: str) -> int | None:
        """The first day on which a measure is known; None without any."""
        thing = measure + ":"
        for day in self.days:
            pane = self.panes[day]
            if measure in pane or any(name.startswith(thing) for name in pane):
                return day
        return None

    def known_before(self, measure: str, day: int) -> bool:
        """Whether a measure is known on any day before one; looks at the latest first, which nearly always has it."""
        thing = measure + ":"
        days, panes = self.days, self.panes
        for place in range(bisect_left(days, day) - 1, -1, -1):
            pane = panes[days[place]]
            if measure in pane:
                return True
            for name in pane:
                if name.startswith(thing):
                    return True
        return False

    def things(self, measure: str) -> Iterator[str]:
        """The things of a measure as JSON, by day and text."""
        prefix = measure + ":"
        for day in self.days:
            for name, amount in sorted(self.panes[day].items()):
                if amount > 0 and name.startswith(prefix):
                    yield name[len(prefix) :]
