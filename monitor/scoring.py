"""Scores all settlements that a batch touches in one call a model, and watches what the scores look like."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from detectors.claim_features import features, matrix, region_of
from detectors.findings import Span
from detectors.history import PersonHistory, Scored
from detectors.model import Model
from detectors.model_set import SHADOW, ModelSet
from monitor.score_watch import ScoreWatch
from topics.facts import Settlement
from topics.times import DAY

RULE: Final = "outlier-claim"

_Place = tuple[PersonHistory, Settlement]


class ForestScorer:
    """Fills in `scores` of histories with the models that hold at the settlements' care times.

    Args:
        models: what scores when; a single model holds always.

    Attributes:
        models: as given.
        watch: counts what was scored, how the features were distributed, and what a shadow model would have said.
    """

    def __init__(self, models: ModelSet | Model | None = None) -> None:
        self.models = models if isinstance(models, ModelSet) else ModelSet(models)
        self.watch = ScoreWatch()

    def score(self, works: Iterable[tuple[PersonHistory, Span]]) -> list[int]:
        """Score the settlements of each history whose care time lies in its span; gives the scores, fixed point."""
        models = self.models
        places: dict[str, list[_Place]] = {}
        used: dict[str, Model] = {}
        for history, span in works:
            history.models = models
            for settlement in history.settlements_in(span):
                model = models.at(settlement.care_time)
                if model is None:
                    self.watch.unscored[models.named(settlement.care_time) or "no model"] += 1
                    continue
                used[model.version] = model
                places.setdefault(model.version, []).append((history, settlement))
        return [score for version, some in places.items() for score in self._score(used[version], some)]

    def _score(self, model: Model, places: list[_Place]) -> list[int]:
        part = model.claims
        rows = matrix([features(settlement, history, model.baselines) for history, settlement in places])
        scores = part.forest.score(rows)
        limits = [part.threshold(region_of(settlement, history.registry)) for history, settlement in places]
        high = [place for place, limit in enumerate(limits) if scores[place] > limit]
        shares = dict(zip(high, part.forest.contributions(rows[high]).tolist(), strict=True)) if high else {}
        ranked: dict[int, int] = {}
        if high and model.ranker is not None:
            ranked = dict(zip(high, model.ranker.priorities(rows[high], scores[high]), strict=True))
        listed: list[int] = scores.tolist()
        for place, (history, settlement) in enumerate(places):
            found = shares.get(place)
            row = None if found is None else rows[place]
            history.scores[settlement.id] = Scored(listed[place], limits[place], row, found, ranked.get(place))
        days = np.array([settlement.settled_at // DAY for _, settlement in places], np.int64)
        self.watch.saw(model, rows, scores, days)
        self._shadow(places, [listed[place] > limits[place] for place in range(len(places))])
        return listed

    def _shadow(self, places: list[_Place], active: list[bool]) -> None:
        """Let the model in the shadow score the same settlements; it counts and changes nothing."""
        by_version: dict[str, tuple[Model, list[int]]] = {}
        for place, (_, settlement) in enumerate(places):
            model = self.models.at(settlement.care_time, SHADOW)
            if model is not None:
                by_version.setdefault(model.version, (model, []))[1].append(place)
        for model, some in by_version.values():
            chosen = [places[place] for place in some]
            rows = matrix([features(settlement, history, model.baselines) for history, settlement in chosen])
            scores = model.claims.forest.score(rows).tolist()
            for place, (history, settlement), score in zip(some, chosen, scores, strict=True):
                would = score > model.claims.threshold(region_of(settlement, history.registry))
                self.watch.compared[model.version, active[place], would] += 1
