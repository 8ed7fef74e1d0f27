"""Outlier claim: the isolation-forest score of a settlement lies over the model's threshold (N).

Every standing settlement is scored from its own facts, the lines of its visit, the person's settlements of the 90 days
before it, the registry, and baselines frozen in the model that holds at its care time. The score is a whole number; the
threshold is the model's for the region; the text says which features moved the score most. A settlement more than
`oldest` after the last day that the model has seen is not scored.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from detectors.claim_features import WINDOW
from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.forest import SCALE
from detectors.history import PersonHistory, Scored
from detectors.model import Model
from detectors.model_reasons import said
from detectors.terms import RuleTerms
from detectors.units import Duration
from topics.facts import FeeLine, Reversal, Settlement
from topics.money import shown
from topics.registry import Institution, ScoringModel
from topics.times import DAY

PLACES = len(str(SCALE)) - 1


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reasons`: how many features the text names; `oldest`: how old a model may be. The threshold is the model's."""

    reasons: int
    oldest: Duration


class OutlierClaim(Detector[PersonHistory]):
    """Turns scores, which the engine fills in for whole batches, into findings."""

    rule_id = "outlier-claim"
    reads = (Settlement, Reversal, FeeLine)
    consults = (Institution, ScoringModel)
    limits = Limits
    says: ClassVar = frozenset({"score", "threshold", "model", "age", "why_zh", "why_en"})
    scored = True

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - the window is the model's
        """A settlement is a feature of those that follow within the window."""
        return WINDOW

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - as above
        """It is none of those before it."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a settlement over the threshold."""
        if history.models is None:
            return
        for settlement in history.settlements_in(span):
            scored = history.scores.get(settlement.id)
            if scored is None or scored.score <= scored.threshold:
                continue
            model = history.models.at(settlement.care_time)
            if model is not None and model.age_days(settlement.settled_at // DAY) * DAY <= terms.limits.oldest:
                yield _finding(settlement, scored, model, terms)


def _finding(settlement: Settlement, scored: Scored, model: Model, terms: RuleTerms) -> Finding:
    why_zh, why_en = said(model.claims, scored.row, scored.shares, terms.limits.reasons)
    finding = terms.finding(
        about=("settlement", settlement.id),
        anchor=settlement.care_time,
        window=(settlement.care_time - WINDOW, settlement.settled_at),
        person=settlement.person,
        institution=settlement.institution,
        facts=[settlement.ref],
        observed=shown(scored.score, PLACES),
        limit=shown(scored.threshold, PLACES),
        amount=settlement.fund,
        says={
            "score": shown(scored.score, PLACES),
            "threshold": shown(scored.threshold, PLACES),
            "model": model.version,
            "age": model.age_days(settlement.settled_at // DAY),
            "why_zh": why_zh,
            "why_en": why_en,
        },
    )
    return finding if scored.priority is None else msgspec.structs.replace(finding, priority=scored.priority)
