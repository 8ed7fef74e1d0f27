"""Scores all settlements that a batch touches in one go."""

from collections.abc import Iterable
from typing import Protocol

from detectors.findings import Span
from detectors.history import PersonHistory


class Scorer(Protocol):
    """Fills in `scores` of histories."""

    def score(self, works: Iterable[tuple[PersonHistory, dict[str, Span]]]) -> None:
        """Score the settlements of each history that lie in its span of the scored rule."""
