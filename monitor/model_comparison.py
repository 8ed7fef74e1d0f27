"""How the alerts of two models differ on the same facts."""

from collections import Counter

import numpy as np

from detectors.model import Model
from monitor.samples import TrainingData
from monitor.training_tables import claim_table
from topics.times import format_day


def compared(active: Model, candidate: Model, data: TrainingData) -> list[str]:
    """Lines for people: alerts of each model, of both, by day, and how far the orders of scores agree."""
    whole = sum(1 for _ in data.settlements())
    tables = [claim_table(data, model.baselines, lambda *_: None, whole) for model in (active, candidate)]
    over, scores = [], []
    for model, table in zip((active, candidate), tables, strict=True):
        found = model.claims.forest.score(table.rows)
        limits = np.array([model.claims.threshold(region) for region in table.regions])
        over.append(found > limits)
        scores.append(found)
    both = over[0] & over[1]
    lines = [
        f"settlements      {whole}",
        f"{active.version}  {int(over[0].sum())} alerts",
        f"{candidate.version}  {int(over[1].sum())} alerts",
        f"both             {int(both.sum())}",
        f"only the first   {int((over[0] & ~over[1]).sum())}",
        f"only the second  {int((over[1] & ~over[0]).sum())}",
    ]
    if whole > 1:
        ranks = [np.argsort(np.argsort(found, kind="stable"), kind="stable") for found in scores]
        lines.append(f"rank correlation {np.corrcoef(ranks[0], ranks[1])[0, 1]:.3f}")
    lines.append("alerts by day     first second")
    by_day = [Counter(tables[0].days[flags].tolist()) for flags in over]
    for day in sorted(set(by_day[0]) | set(by_day[1])):
        lines.append(f"{format_day(day)}       {by_day[0][day]:6} {by_day[1][day]:6}")  # noqa: PERF401 - reads better
    return lines
