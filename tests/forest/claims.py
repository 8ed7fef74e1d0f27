"""Settlements and rows to fit models on."""

import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.claim_features import earlier_of
from detectors.model import Model, Settings
from monitor.training import Sample, fit
from topics.facts import Settlement
from topics.times import DAY, HOUR

FIRST_DAY = 20_454  # 2026-01-01, a Thursday
NOON = FIRST_DAY * DAY + 12 * HOUR


def settlement(**values: Any) -> Settlement:  # noqa: ANN401 - any field of a settlement
    """An ordinary outpatient settlement of 2026-01-01 12:00, with some fields set."""
    given: dict[str, Any] = {
        "id": "S1",
        "visit": "V1",
        "person": "P1",
        "institution": "H1",
        "settled_at": NOON,
        "med_type": "11",
        "total": 10_000,
        "fund": 6_000,
    }
    return Settlement(**(given | values))


def history(count: int, *, days: int = 20, seed: int = 1) -> list[Sample]:
    """Ordinary settlements of many persons over some days, each with the person's earlier ones."""
    chance = random.Random(seed)
    persons: dict[str, list[Settlement]] = {}
    for number in range(count):
        person = f"P{chance.randrange(max(count // 3, 1))}"
        inpatient = chance.random() < 0.1
        begin = (FIRST_DAY + chance.randrange(days)) * DAY + int(chance.triangular(7, 20, 10) * HOUR)
        end = begin + (int(chance.uniform(2, 12) * DAY) if inpatient else 600)
        end = min(end, (FIRST_DAY + days) * DAY - 1)
        total = int(chance.lognormvariate(13 if inpatient else 9.5, 0.6)) + 100
        persons.setdefault(person, []).append(
            settlement(
                id=f"S{number}",
                visit=f"V{number}",
                person=person,
                institution=f"H{chance.randrange(12)}",
                settled_at=end,
                begin=begin,
                end=end,
                med_type="21" if inpatient else "11",
                diagnosis=chance.choice(["J069", "I10", "K297"]),
                total=total,
                fund=int(total * chance.uniform(0.4, 0.8)),
                own_expense=int(total * chance.uniform(0, 0.15)) if chance.random() < 0.9 else None,
                insured_place="320100",
                care_place="320500" if chance.random() < 0.03 else "320100",
            )
        )
    samples: list[Sample] = []
    for settlements in persons.values():
        settlements.sort(key=lambda one: (one.care_time, one.id))
        samples.extend((one, earlier_of(settlements, one)) for one in settlements)
    return samples


@cache
def fitted() -> Model:
    """A model fitted on 4,000 ordinary settlements."""
    return fit(history(4_000), Settings(hold_out_days=3))


def random_rows(count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows of columns of unlike shapes: bell, skewed, counts, flags."""
    chance = np.random.default_rng(seed)
    columns: Sequence[NDArray[np.float64]] = [
        (chance.normal(size=count), chance.lognormal(size=count), chance.poisson(2, count), chance.random(count) < 0.1)[
            place % 4
        ].astype(np.float64)
        for place in range(width)
    ]
    return np.column_stack(columns).astype(np.float32)
