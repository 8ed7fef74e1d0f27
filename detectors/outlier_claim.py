"""Outlier claim: the isolation-forest score of a settlement lies over the model's threshold (N).

Every standing settlement is scored from its own facts, the person's settlements of the 30 days before it, and
baselines frozen in the model. The score is a whole number; the text says which features moved it most.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from detectors.claim_features import WINDOW
from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.forest import SCALE
from detectors.history import PersonHistory
from detectors.model import Model
from detectors.model_reasons import explain
from detectors.terms import RuleTerms
from topics.facts import Reversal, Settlement
from topics.money import shown
from topics.times import DAY


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reasons`: how many features the text names. The threshold is the model's own."""

    reasons: int


class OutlierClaim(Detector[PersonHistory]):
    """Turns scores, which the engine fills in for whole batches, into findings."""

    rule_id = "outlier-claim"
    reads = (Settlement, Reversal)
    limits = Limits
    says: ClassVar = frozenset({"score", "threshold", "model", "age", "why_zh", "why_en"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - the window is the model's
        """A settlement is a feature of those that follow within the window."""
        return WINDOW

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - as above
        """It is none of those before it."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a settlement over the threshold."""
        model = history.model
        if model is None:
            return
        for settlement in history.settlements_in(span):
            scored = history.scores.get(settlement.id)
            if scored is not None and scored.score > model.threshold:
                why = explain(model, scored.row, terms.limits.reasons)
                yield _finding(settlement, scored.score, model, why, terms)


def _finding(settlement: Settlement, score: int, model: Model, why: tuple[str, str], terms: RuleTerms) -> Finding:
    places = len(str(SCALE)) - 1
    return terms.finding(
        about=("settlement", settlement.id),
        anchor=settlement.care_time,
        window=(settlement.care_time - WINDOW, settlement.settled_at),
        person=settlement.person,
        institution=settlement.institution,
        facts=[settlement.ref],
        observed=shown(score, places),
        limit=shown(model.threshold, places),
        amount=settlement.fund,
        says={
            "score": shown(score, places),
            "threshold": shown(model.threshold, places),
            "model": model.version,
            "age": model.age_days(settlement.settled_at // DAY),
            "why_zh": why[0],
            "why_en": why[1],
        },
    )
