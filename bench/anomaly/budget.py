"""How well a model of little data keeps its budget later on: in its own region, and in one that it has never seen."""

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


class Kept(NamedTuple):
    """Alerts on a region's settlements, those wanted at most, and those over the highest held-out score."""

    settlements: int
    alerts: int
    wanted: float
    by_highest: int


def run(seed: int, *, own: bool) -> Kept:
    """Train on a clean past, score two months of 6,000 persons with plants.

    Args:
        seed: of the regions and the model.
        own: train on 50 days of the same region, 20 held out, as the demo does; else on 90 days of another of 2,000
            persons, 45 held out.
    """
    begin = preset("small").begin
    region = replace(preset("small"), persons=6_000, institutions=40)
    if own:
        past = _samples(replace(region, clean=True, days=50, begin=begin - 80), seed)
    else:
        past = _samples(replace(preset("small"), clean=True, days=90, begin=begin - 90), seed + 1)
    settings = Settings(seed=seed, hold_out_days=20 if own else 45)
    trained = train(past, settings)
    part = trained.model.claims
    table = claim_table(
        _samples(region, seed),
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
