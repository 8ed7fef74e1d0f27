"""Why a row's score is high: the features that make it so, beside what is usual, in Chinese and English."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.feature_set import SHARED_KINDS, Feature
from detectors.model_part import PERCENTS, Part

_LOW, _HIGH = 5, 95


class Reason(msgspec.Struct, frozen=True):
    """One feature that adds to a score.

    Attributes:
        feature: its name.
        points: what it adds to the score above an average row's, forest.SCALE; see Forest.contributions.
        value: the row's value as a text, in Chinese and in English.
        low: 5th percentile of the fitted rows, likewise.
        high: 95th percentile, likewise.
        percentile: share of the fitted rows whose value is smaller, whole per cent, rounded down.
        zh: the phrase in Chinese, with the usual range.
        en: in English.
    """

    feature: str
    points: int
    value: tuple[str, str]
    low: tuple[str, str]
    high: tuple[str, str]
    percentile: int
    zh: str
    en: str


class Nouns(msgspec.Struct, frozen=True):
    """What rows are called: in Chinese and, in the plural, in English."""

    zh: str
    en: str


CLAIMS = Nouns("结算", "settlements")
DAYS = Nouns("机构日", "institution-days")


def reasons(
    part: Part,
    row: NDArray[np.float32],
    contributions: Sequence[int],
    limit: int = 3,
    nouns: Nouns = CLAIMS,
) -> list[Reason]:
    """The features that add most to a score, greatest first (ties by their order); those that add nothing never.

    Args:
        part: the part of a model that scored.
        row: float32[features].
        contributions: int[features], the row's line of `Forest.contributions`.
        limit: how many at most.
        nouns: what rows are called.
    """
    order = sorted(range(len(part.features)), key=lambda place: (-int(contributions[place]), place))
    return [
        _reason(part.features[place], float(row[place]), part.grid[place], int(contributions[place]), nouns)
        for place in order[:limit]
        if contributions[place] > 0
    ]


def said(
    part: Part, row: NDArray[np.float32], contributions: Sequence[int], limit: int = 3, nouns: Nouns = CLAIMS
) -> tuple[str, str]:
    """One sentence on why a row's score is what it is, in Chinese and in English; arguments as for `reasons`."""
    found = reasons(part, row, contributions, limit, nouns)
    if not found:
        return "没有突出的特征。", "No feature stands out."
    zh = "；".join(reason.zh for reason in found)
    en = "; ".join(reason.en for reason in found)
    return f"{zh}。", f"{en[0].upper()}{en[1:]}."


def explain(part: Part, row: NDArray[np.float32], limit: int = 3, nouns: Nouns = CLAIMS) -> tuple[str, str]:
    """The sentence of a row whose contributions are not known yet.

    Raises:
        ForestError: not a row of the part's features.
    """
    return said(part, row, part.forest.contributions(row.reshape(1, -1))[0].tolist(), limit, nouns)


def _reason(feature: Feature, value: float, grid: NDArray[np.float32], points: int, nouns: Nouns) -> Reason:
    below = int(np.searchsorted(grid, np.float32(value), side="left"))  # points of the grid that are smaller
    percentile = min(max(below - 1, 0), PERCENTS - 1)
    low, high = feature.shown(float(grid[_LOW])), feature.shown(float(grid[_HIGH]))
    zh, en = feature.phrase(value)
    if feature.kind in SHARED_KINDS:
        same = round(100 * float(np.mean(grid == np.float32(value))))
        zh, en = _shared(same, zh, en, nouns)
    else:
        zh_rank, en_rank = _rank(value, grid, percentile, nouns)
        zh_usual, en_usual = feature.span(float(grid[_LOW]), float(grid[_HIGH]))
        zh = f"{zh}（通常{zh_usual}{zh_rank}）"
        en = f"{en} (usually {en_usual}{en_rank})"
    return Reason(feature.name, points, feature.shown(value), low, high, percentile, zh, en)


def _shared(same: int, zh: str, en: str, nouns: Nouns) -> tuple[str, str]:
    """How many rows have the same value."""
    if same == 0:
        return f"{zh}（占比不足1%）", f"{en} (under 1 % of {nouns.en})"
    return f"{zh}（约占{same}%）", f"{en} (about {same} % of {nouns.en})"


def _rank(value: float, grid: NDArray[np.float32], percentile: int, nouns: Nouns) -> tuple[str, str]:
    """Where a value outside the usual range stands; nothing inside it."""
    if value > grid[-1]:
        return "，高于以往全部数据", ", above all that the model has seen"
    if value < grid[0]:
        return "，低于以往全部数据", ", below all that the model has seen"
    if value > grid[_HIGH]:
        return f"，高于{percentile}%的{nouns.zh}", f", higher than {percentile} % of {nouns.en}"
    if value < grid[_LOW]:
        above = PERCENTS - 1 - int(np.searchsorted(grid, np.float32(value), side="right"))
        return f"，低于{above}%的{nouns.zh}", f", lower than {above} % of {nouns.en}"
    return "", ""
