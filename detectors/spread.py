"""Median and median absolute deviation of whole numbers, exactly: doubled and quadrupled instead of halved."""

from collections.abc import Iterable


def median_doubled(numbers: Iterable[int]) -> int:
    """Twice the median; of at least one number.

    >>> median_doubled([3, 1, 2]), median_doubled([1, 2])
    (4, 3)
    """
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] + ordered[-middle - 1 if len(ordered) % 2 else middle - 1]


def deviation_quadrupled(numbers: Iterable[int], median: int) -> int:
    """Four times the median absolute deviation, given twice the median.

    >>> deviation_quadrupled([1, 2, 4], 4)
    4
    """
    return median_doubled(abs(2 * number - median) for number in numbers)
