"""A model in a few lines, for people."""

from collections.abc import Iterator
from typing import Final

from detectors.forest import SCALE
from detectors.model import Model, Settings
from detectors.model_part import Part
from detectors.ranker import RankerContent
from detectors.units import PPM
from monitor.budgets import FEW
from topics.money import shown
from topics.times import format_day

_PLACES: Final = len(str(SCALE)) - 1


def described(model: Model) -> str:
    """A few lines on a model, for people."""
    made = model.settings
    counts = model.claims.counts
    span = f"{format_day(model.first_day)} to {format_day(model.last_day)}"
    lines = [
        f"model      {model.version}",
        f"data       {span}, {counts.fitted} settlements fitted on, {counts.held_out} held out",
        *_thresholds_said("threshold", model.claims, "settlements"),
        *_few_said(model.claims, made),
        f"forest     {made.trees} trees of {made.max_samples}, seed {made.seed}, {made.fitted_with}",
    ]
    if model.days is None:
        lines.append("days       too few institution-days to fit on: outlier-institution stays quiet")
    else:
        lines.append(f"days       {model.days.counts.fitted} institution-days fitted on")
        lines += _thresholds_said("", model.days, "institution-days")
    if model.ranker is not None:
        lines.append(_queue_said(model.ranker.content))
    if made.recalibrated:
        lines.append(f"from       {made.recalibrated}, with other thresholds")
    return "\n".join(lines)


def _thresholds_said(title: str, part: Part, what: str) -> Iterator[str]:
    counts = part.counts
    judged = counts.held_out or counts.fitted
    limit = shown(part.threshold(""), _PLACES)
    yield f"{title:10} {limit}, passed by {counts.over_threshold} of {judged} {what} judged"
    for region, threshold in part.thresholds.items():
        if region:
            yield f"           {shown(threshold, _PLACES)} in region {region}"


def _few_said(part: Part, made: Settings) -> Iterator[str]:
    """A warning where the budget is too small a share of what was judged to be read off it."""
    nothing_wanted = made.alerts_per_10k == 0 and made.alerts_per_day is None
    if part.counts.over_threshold >= FEW or nothing_wanted:
        return
    yield "           few to choose a threshold on: it is read off the tail of their scores. For a surer one hold out"
    yield "           more days (--hold-out-days), or choose it on more facts (claims-monitor models recalibrate)"


def _queue_said(ranker: RankerContent) -> str:
    ranked, plain = ranker.precision / PPM, ranker.precision_plain / PPM
    return (
        f"queue      ordered by {ranker.confirmed} confirmed and {ranker.dismissed} dismissed alerts: average "
        f"precision {ranked:.3f} on held-out institutions, the score {plain:.3f}"
    )
