"""The history of a key other than a person: signed contributions per day, and the key's own facts.

Contributions come from persons' facts, + for one that stands and - for one that does not any more, so that sums
and counts add up whatever the order. A contribution of amount 1 may also stand for a thing (a stay on a bed);
its name then carries the thing.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from detectors.findings import Span
from detectors.standing import StandingFacts
from detectors.terms import General
from topics.registry import Registry


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
        self.floor: int | None = None
        """First local second that is fully kept; None while nothing was forgotten."""

    def load(self, facts: Iterable[Any]) -> None:
        """Take facts that were folded before (from stored state)."""
        for fact in facts:
            self._hold(fact.ref, fact)

    def add(self, day: int, name: str, amount: int) -> None:
        """Add a signed amount to a day's measure; a measure that becomes 0 is gone."""
        pane = self.panes.setdefault(day, {})
        total = pane.get(name, 0) + amount
        if total:
            pane[name] = total
        else:
            pane.pop(name, None)
            if not pane:
                del self.panes[day]

    def forget(self, days: Iterable[int], refs: Iterable[str], floor: int) -> None:
        """Forget panes and facts for good."""
        for day in days:
            self.panes.pop(day, None)
        for ref in refs:
            if ref in self.facts:
                self._drop(ref)
        self.floor = floor

    def measure(self, name: str, first: int, last: int) -> dict[int, int]:
        """A measure by day from the first to the last day, both included; days without it are left out."""
        return {day: pane[name] for day, pane in sorted(self.panes.items()) if first <= day <= last and name in pane}

    @property
    def span(self) -> Span | None:
        """From the first to the last day with a pane, as local seconds."""
        if not self.panes:
            return None
        return Span(min(self.panes) * 86_400, max(self.panes) * 86_400 + 86_399)
