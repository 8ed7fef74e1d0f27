"""What models are fitted on: rows of features of all settlements, and of all institution-days."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors import claim_features, day_features
from detectors.claim_baselines import Baselines
from detectors.day_features import DayBaselines
from detectors.panes import KeyHistory
from monitor.samples import TrainingData
from topics.times import DAY, format_day

LEAST: Final = 256
"""Fewest settlements to fit on."""

_SLICE: Final = 2_000

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Table:
    """Rows of features, each with its day, region and name.

    Attributes:
        rows: float32[n, features].
        days: int64[n], days since 1970-01-01.
        regions: n regions.
        names: n identities: of a settlement, or institution and day.
        institutions: n institutions.
    """

    rows: Rows
    days: NDArray[np.int64]
    regions: Sequence[str]
    names: Sequence[str]
    institutions: Sequence[str]

    def part(self, chosen: NDArray[np.bool_]) -> "Table":
        """The rows for which it is true."""
        places = np.flatnonzero(chosen).tolist()
        regions, names, institutions = (
            [column[place] for place in places] for column in (self.regions, self.names, self.institutions)
        )
        return Table(self.rows[chosen], self.days[chosen], regions, names, institutions)

    def __len__(self) -> int:
        return len(self.rows)


def claim_table(data: TrainingData, baselines: Baselines, tell: Progress, whole: int) -> Table:
    """The features of all settlements."""
    values, days = array("f"), array("q")
    regions, names, institutions = [], [], []
    for number, (settlement, history) in enumerate(data.settlements()):
        if number % _SLICE == 0:
            tell("features", number, whole)
        values.extend(claim_features.features(settlement, history, baselines))
        days.append(settlement.settled_at // DAY)
        regions.append(claim_features.region_of(settlement, history.registry))
        names.append(settlement.id)
        institutions.append(settlement.institution)
    return Table(_matrix(values, len(claim_features.FEATURES)), np.array(days, np.int64), regions, names, institutions)


def day_table(seen: Iterable[tuple[KeyHistory, int]], baselines: DayBaselines) -> Table:
    """The features of institution-days."""
    values, days = array("f"), array("q")
    regions, names, institutions = [], [], []
    for history, day in seen:
        values.extend(day_features.features(history, day, baselines))
        days.append(day)
        regions.append(day_features.region_of(history, day))
        names.append(f"{history.key}/{format_day(day)}")
        institutions.append(history.key)
    return Table(_matrix(values, len(day_features.FEATURES)), np.array(days, np.int64), regions, names, institutions)


def _matrix(values: "array[float]", width: int) -> Rows:
    return np.frombuffer(values, np.float32).reshape(-1, width) if values else np.zeros((0, width), np.float32)


def first_held_out(days: Sequence[int], hold_out_days: int) -> int:
    """First held-out day; the day after the last when what is left would be too little to fit on."""
    cut = max(days) - hold_out_days + 1
    return cut if sum(day < cut for day in days) >= LEAST else max(days) + 1


def split(table: Table, cut: int) -> tuple[Table, Table]:
    """What to fit on and what to choose thresholds on."""
    before = table.days < cut
    fitted = table.part(before)
    return fitted, (fitted if before.all() else table.part(~before))
