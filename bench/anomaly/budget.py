"""How well a small region's model keeps its budget on another region that it has never seen, as the demo has it."""

from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from detectors.model import Settings
from monitor.samples import Samples
from monitor.simulator import SimulationConfig, preset, simulate
from monitor.terms_files import load_terms
from monitor.timeline import place
from monitor.training import train
from monitor.training_tables import claim_table

_TRAINING_DAYS = 90


class Kept(NamedTuple):
    """Alerts on a region's settlements, those wanted at most, and those over the highest held-out score."""

    settlements: int
    alerts: int
    wanted: float
    by_highest: int


def run(seed: int, hold_out_days: int) -> Kept:
    """Train on a clean region of 2,000 persons, then score one of 6,000 with plants."""
    begin = preset("small").begin
    past = _samples(replace(preset("small"), clean=True, days=_TRAINING_DAYS, begin=begin - _TRAINING_DAYS), seed + 1)
    settings = Settings(seed=seed, hold_out_days=hold_out_days)
    trained = train(past, settings)
    part = trained.model.claims
    table = claim_table(
        _samples(replace(preset("small"), persons=6_000, institutions=40), seed),
        trained.model.baselines,
        lambda *_: None,
        1,
    )
    scores = part.forest.score(table.rows)
    limits = np.array([part.threshold(region) for region in table.regions])
    highest = part.forest.score(trained.judged.rows).max()
    wanted = len(table) * settings.alerts_per_10k / 10_000
    return Kept(len(table), int((scores > limits).sum()), wanted, int((scores > highest).sum()))


def _samples(config: SimulationConfig, seed: int) -> Samples:
    lines = (msgspec.json.encode(fact) for _, fact in simulate(config, seed))
    return Samples(place(lines), load_terms(None).general, lambda _: None)
