"""Fits a model on past facts: baselines, isolation forests, usual ranges and thresholds.

The last days are held out: the thresholds are chosen on rows that the forests have not seen. The same facts give the
same model to the byte, in whatever order they come.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from detectors import claim_features, day_features
from detectors.claim_baselines import fit_baselines
from detectors.day_features import fit_day_baselines
from detectors.institution_days import SETTLEMENTS
from detectors.model import Model, Settings
from detectors.model_part import Part
from detectors.panes import KeyHistory
from monitor.fitting import TrainingError, fitted_part, library, with_thresholds
from monitor.ranking import Trial, fit_ranker
from monitor.samples import TrainingData
from monitor.training_tables import LEAST, Progress, Table, claim_table, day_table, first_held_out, split
from topics.times import DAY

LEAST_DAYS: Final = 128
"""Fewest institution-days over the volume gate to fit on; with fewer the model scores settlements alone."""

_MOST_SAMPLES: Final = 1 << 14  # beyond this a tree is deeper than a forest may be


@dataclass(frozen=True)
class Trained:
    """A model with what it was fitted on, for the report.

    Attributes:
        model: the model.
        fitted: settlements that the forest was fitted on.
        judged: those that the thresholds were chosen on (held out, else the fitted ones).
        fitted_days: institution-days, likewise; empty where the model has no part for them.
        judged_days: likewise.
        trial: what came of the dispositions; None: none were given.
    """

    model: Model
    fitted: Table
    judged: Table
    fitted_days: Table
    judged_days: Table
    trial: Trial | None


def fit(data: TrainingData, settings: Settings | None = None, *, progress: Progress | None = None) -> Model:
    """Fit a model; as `train`, without what it was fitted on."""
    return train(data, settings, progress=progress).model


def train(
    data: TrainingData,
    settings: Settings | None = None,
    *,
    dispositions: Mapping[str, bool] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit a model.

    Args:
        data: standing settlements and institution-days, in any order.
        settings: how to fit; `fitted_with` is filled in.
        dispositions: jr_id -> whether reviewers found the alert right; None: the score orders the review queue.
        progress: told what is going on.

    Raises:
        TrainingError: too few settlements, or settings that make no sense.
    """
    chosen = _checked(settings or Settings())
    tell = progress or (lambda _what, _done, _whole: None)
    days = array("q", (settlement.settled_at // DAY for settlement, _ in data.settlements()))
    if len(days) < LEAST:
        raise TrainingError(f"{len(days)} settlements are too few to fit a model on; at least {LEAST} are needed")
    first, last = min(days), max(days)
    cut = first_held_out(days, chosen.hold_out_days)
    tell("baselines", 0, len(days))
    baselines = fit_baselines(
        (settlement, history.registry, history.raw_lines(settlement.institution, settlement.visit))
        for settlement, history in data.settlements()
        if settlement.settled_at // DAY < cut
    )
    claims = claim_table(data, baselines, tell, len(days))
    before, judged = split(claims, cut)
    tell("forest", 0, len(before))
    part = fitted_part(before, judged, claim_features.FEATURES, claim_features.FEATURE_SET, chosen)
    trial = None
    if dispositions is not None:
        tell("dispositions", 0, len(dispositions))
        trial = fit_ranker(part.forest, claims.rows, claims.names, claims.institutions, dispositions, chosen.seed)

    over_gate = [each for each in data.institution_days() if _passes(each, chosen)]
    day_baselines = fit_day_baselines((history, day) for history, day in over_gate if day < cut)
    table = day_table(over_gate, day_baselines)
    before_days, judged_days = split(table, cut)
    day_part = None
    if len(before_days) >= LEAST_DAYS:
        tell("institution-days", 0, len(before_days))
        by_day = msgspec.structs.replace(
            chosen, alerts_per_day=None, regions={}, alerts_per_10k=chosen.day_alerts_per_10k
        )
        day_part = fitted_part(before_days, judged_days, day_features.FEATURES, day_features.FEATURE_SET, by_day)
    model = Model(
        claims=part,
        days=day_part,
        baselines=baselines,
        day_baselines=day_baselines,
        first_day=first,
        last_day=last,
        settings=msgspec.structs.replace(chosen, fitted_with=library()),
        ranker=None if trial is None else trial.ranker,
    )
    return Trained(model, before, judged, before_days, judged_days, trial)


def recalibrated(model: Model, data: TrainingData, settings: Settings, *, progress: Progress | None = None) -> Model:
    """The model with thresholds chosen anew, on all settlements and institution-days of some later facts.

    Args:
        model: whose forests and baselines stay.
        data: what to choose the thresholds on.
        settings: of it, the wanted alerts.
        progress: told what is going on.

    Raises:
        TrainingError: too few settlements, or settings that make no sense.
    """
    chosen = msgspec.structs.replace(
        model.settings,
        alerts_per_10k=settings.alerts_per_10k,
        alerts_per_day=settings.alerts_per_day,
        regions=settings.regions,
        day_alerts_per_10k=settings.day_alerts_per_10k,
        recalibrated=model.version,
    )
    _checked(chosen)
    tell = progress or (lambda _what, _done, _whole: None)
    whole = sum(1 for _ in data.settlements())
    if whole < LEAST:
        raise TrainingError(f"{whole} settlements are too few to choose thresholds on; at least {LEAST} are needed")
    claims = claim_table(data, model.baselines, tell, whole)
    days = model.days
    if days is not None:
        over_gate = [each for each in data.institution_days() if _passes(each, chosen)]
        if over_gate:
            by_day = msgspec.structs.replace(
                chosen, alerts_per_day=None, regions={}, alerts_per_10k=chosen.day_alerts_per_10k
            )
            days = _judged_on(days, day_table(over_gate, model.day_baselines), by_day)
    return replace(model, claims=_judged_on(model.claims, claims, chosen), days=days, settings=chosen)


def _judged_on(part: Part, table: Table, settings: Settings) -> Part:
    """The part with thresholds chosen on rows that it was not fitted on; they count as held out."""
    made = with_thresholds(part, table, settings)
    return replace(made, counts=msgspec.structs.replace(made.counts, held_out=len(table)))


def _passes(each: tuple[KeyHistory, int], settings: Settings) -> bool:
    history, day = each
    return history.panes[day].get(SETTLEMENTS, 0) >= max(settings.least_settlements, 1)


def _checked(settings: Settings) -> Settings:
    if settings.trees < 1:
        raise TrainingError("at least one tree is needed")
    if not 2 <= settings.max_samples <= _MOST_SAMPLES:
        raise TrainingError(f"max_samples must be 2 to {_MOST_SAMPLES}")
    wanted = (settings.alerts_per_10k, settings.alerts_per_day or 0, settings.day_alerts_per_10k)
    if settings.hold_out_days < 0 or min(*wanted, *settings.regions.values(), 0) < 0:
        raise TrainingError("days to hold out and wanted alerts cannot be negative")
    if not 0 <= settings.seed < 1 << 32:
        raise TrainingError("the seed must be 0 to 4294967295")
    return settings
