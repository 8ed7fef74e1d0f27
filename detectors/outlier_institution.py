"""Outlier institution: the isolation-forest score of an institution-day lies over the model's threshold (N).

A day is judged when it is over, and only if it has at least `least` settlements: rates of few settlements are chance.
It is scored from its own sums, those of the institution's 28 days before, the registry, and baselines frozen in the
model that holds on the day. The threshold is the model's for the region; the text says which features moved the score
most. A day more than `oldest` after the last day that the model has seen is not scored.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec
import numpy as np

from detectors.day_features import MEASURES, WINDOW, features, matrix, region_of
from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.forest import SCALE
from detectors.institution_days import FUND, KIND, SETTLEMENTS
from detectors.model import Model
from detectors.model_part import Part
from detectors.model_reasons import DAYS, said
from detectors.panes import KeyHistory
from detectors.terms import RuleTerms
from detectors.units import Duration
from topics.money import shown
from topics.registry import Institution, ScoringModel
from topics.times import DAY, format_day

PLACES = len(str(SCALE)) - 1


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reasons`: features that the text names; `least`: settlements of a day; `oldest`: how old a model may be."""

    reasons: int
    least: int
    oldest: Duration


class OutlierInstitution(Detector[KeyHistory]):
    """Judges an institution's days that are over."""

    rule_id = "outlier-institution"
    key = KIND
    measures = MEASURES
    consults = (Institution, ScoringModel)
    limits = Limits
    says: ClassVar = frozenset({"day", "score", "threshold", "model", "age", "settlements", "why_zh", "why_en"})
    scored = True

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - the window is the model's
        """A day is a feature of those that follow within the window."""
        return WINDOW

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - as above
        """A day says nothing about earlier ones."""
        return 0

    def judge(self, history: KeyHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a day over the threshold; never of a day that ticks have not come to the end of."""
        if history.models is None:
            return
        last = min(span.end // DAY, history.now // DAY - 1)
        least = max(terms.limits.least, 1)
        by_model: dict[str, tuple[Model, Part, list[int]]] = {}
        for day in history.days_from(-(-span.begin // DAY), last):
            if history.panes[day].get(SETTLEMENTS, 0) < least:
                continue
            model = history.models.at(day * DAY)
            if model is None or model.days is None or model.age_days(day) * DAY > terms.limits.oldest:
                continue
            by_model.setdefault(model.version, (model, model.days, []))[2].append(day)
        for model, part, days in by_model.values():
            rows = matrix([features(history, day, model.day_baselines) for day in days])
            for day, row, score in zip(days, rows, part.forest.score(rows).tolist(), strict=True):
                threshold = part.threshold(region_of(history, day))
                if score > threshold:
                    yield _finding(history, terms, day, row, (score, threshold), model, part)

    def wake(self, history: KeyHistory, terms: RuleTerms) -> int | None:  # noqa: ARG002 - any limits
        """The end of the next day with settlements that is not over yet."""
        coming = history.next_day(SETTLEMENTS, history.now // DAY)
        return None if coming is None else (coming + 1) * DAY

    def woken(self, limits: Limits) -> int:  # noqa: ARG002 - any limits
        """The day that is over then, and none before it."""
        return DAY


def _finding(
    history: KeyHistory,
    terms: RuleTerms,
    day: int,
    row: "np.ndarray[tuple[int], np.dtype[np.float32]]",
    scored: tuple[int, int],
    model: Model,
    part: Part,
) -> Finding:
    score, threshold = (shown(one, PLACES) for one in scored)
    shares = part.forest.contributions(row.reshape(1, -1))[0].tolist()
    why_zh, why_en = said(part, row, shares, terms.limits.reasons, DAYS)
    pane = history.panes[day]
    return terms.finding(
        about=("institution", f"{history.key}/{format_day(day)}"),
        anchor=day * DAY,
        window=(day * DAY - WINDOW, day * DAY + DAY - 1),
        person=None,
        institution=history.key,
        facts=[],
        facts_total=pane[SETTLEMENTS],
        observed=score,
        limit=threshold,
        amount=pane.get(FUND, 0),
        says={
            "day": format_day(day),
            "score": score,
            "threshold": threshold,
            "model": model.version,
            "age": model.age_days(day),
            "settlements": pane[SETTLEMENTS],
            "why_zh": why_zh,
            "why_en": why_en,
        },
    )
