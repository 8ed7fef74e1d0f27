"""Thresholds for a wanted number of alerts: what reviewers can look at decides, region by region."""

from collections.abc import Sequence
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.model import Settings
from detectors.model_part import ELSEWHERE

LEAST_ROWS: Final = 500
"""Judged rows that a region needs for a threshold of its own; one whose budget is given has it from one row on."""

FEW: Final = 5
"""A budget of fewer rows than this among those judged is not read off the rows alone: the highest few are chance."""

_BUDGET: Final = 10_000
_TAIL: Final = 33
"""One in so many rows makes the tail: the highest 3 %."""


def thresholds(scores: NDArray[np.int64], regions: Sequence[str], days: int, settings: Settings) -> dict[str, int]:
    """The least threshold of each region that no more scores than wanted are greater than.

    Args:
        scores: of the judged rows.
        regions: of each row; empty: not known.
        days: how many days the rows are of.
        settings: the wanted alerts.
    """
    names = np.array(regions)
    known = [str(name) for name in np.unique(names) if name]
    found = {}
    for region in known:
        rows = scores[names == region]
        if len(rows) >= LEAST_ROWS or region in settings.regions:
            found[region] = _threshold(rows, _wanted(len(rows), days, region, settings))
    # rows of no known region share one budget; without a budget by day it is the share of all rows
    many = max(len(known), 1) if settings.alerts_per_day is not None else 1
    found[ELSEWHERE] = _threshold(scores, many * _wanted(len(scores), days, ELSEWHERE, settings))
    return dict(sorted(found.items()))


def _wanted(rows: int, days: int, region: str, settings: Settings) -> float:
    a_day = settings.regions.get(region, settings.alerts_per_day)
    return settings.alerts_per_10k * rows / _BUDGET if a_day is None else a_day * days


def _threshold(scores: NDArray[np.int64], wanted: float) -> int:
    ordered = np.sort(scores)[::-1]
    read = int(ordered[min(int(wanted), len(ordered) - 1)])
    if not 0 < wanted < FEW:
        return read
    return max(read, _by_tail(ordered, wanted))


def _by_tail(ordered: NDArray[np.int64], wanted: float) -> int:
    """The score that so many rows would be over if scores above the highest 3 % fell off exponentially.

    Peaks over a threshold (Pickands 1975), with the exponential as the tail. Scores have an upper end and fall off
    faster: it is too high rather than too low.
    """
    tail = max(len(ordered) // _TAIL, FEW)
    if tail >= len(ordered):
        return int(ordered[0])
    begin = int(ordered[tail])
    excess = (int(ordered[:tail].sum()) - tail * begin) / tail
    return begin + int(excess * log(tail / wanted))
