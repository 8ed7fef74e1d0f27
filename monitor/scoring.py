"""Scores all settlements that a batch touches in one call."""

from collections.abc import Iterable

from detectors.claim_features import earlier_of, features, matrix
from detectors.findings import Span
from detectors.history import PersonHistory, Scored
from detectors.model import Model
from topics.facts import Settlement

RULE = "outlier-claim"


class ForestScorer:
    """Fills in `model` and `scores` of histories.

    Args:
        model: scores, and says what is usual.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def score(self, works: Iterable[tuple[PersonHistory, Span]]) -> list[int]:
        """Score the settlements of each history whose care time lies in its span; gives the scores, fixed point."""
        rows = []
        places: list[tuple[PersonHistory, Settlement]] = []
        for history, span in works:
            history.model = self.model
            for settlement in history.settlements_in(span):
                earlier = earlier_of(history.settlements, settlement)
                rows.append(features(settlement, earlier, self.model.baselines))
                places.append((history, settlement))
        if not rows:
            return []
        scored = matrix(rows)
        scores: list[int] = self.model.forest.score(scored).tolist()
        for (history, settlement), row, score in zip(places, scored, scores, strict=True):
            history.scores[settlement.id] = Scored(score, row)
        return scores
