"""Institution-days to fit models on, as sums."""

import random
from functools import cache

from detectors.institution_days import (
    COST,
    FUND,
    INPATIENT_SETTLEMENTS,
    KIND,
    NIGHT,
    OUT_OF_REGION,
    PERSONS,
    REPEATED,
    SETTLEMENTS,
    STAYS,
    STAYS_COST,
)
from detectors.model import Model, Settings
from detectors.panes import KeyHistory
from monitor.training import fit
from tests.forest.claims import FIRST_DAY, GENERAL, Data, history
from topics.registry import Institution, Registry

LENGTH = 60


def institution(key: str = "H1", registry: Registry | None = None) -> KeyHistory:
    """An institution without any day."""
    return KeyHistory(KIND, key, GENERAL, registry or Registry())


def ordinary_day(history: KeyHistory, day: int, chance: random.Random, size: int = 45) -> None:
    """Some 45 settlements of 100 to 200 yuan, few by night, from elsewhere, or of stays."""
    number = max(chance.randrange(size - 10, size + 10), 1)
    cost = sum(int(chance.uniform(8_000, 22_000)) for _ in range(number))
    stays = chance.randrange(4)
    stays_cost = stays * int(chance.uniform(400_000, 700_000))
    for name, amount in (
        (SETTLEMENTS, number + stays),
        (COST, cost + stays_cost),
        (FUND, int((cost + stays_cost) * chance.uniform(0.5, 0.7))),
        (PERSONS, number + stays - chance.randrange(3)),
        (REPEATED, chance.randrange(6)),
        (NIGHT, chance.randrange(3)),
        (OUT_OF_REGION, chance.randrange(4)),
        (INPATIENT_SETTLEMENTS, stays),
        (STAYS, stays),
        (STAYS_COST, stays_cost),
    ):
        if amount:
            history.add(day, name, amount)


def institutions(count: int = 10, length: int = LENGTH, seed: int = 3) -> list[tuple[KeyHistory, int]]:
    """Ordinary days of several institutions."""
    chance = random.Random(seed)
    registry = Registry()
    found = []
    for number in range(count):
        key = f"H{number}"
        registry.put(Institution(valid_from=0, institution=key, level=str(number % 3 + 1), place="320100"))
        one = institution(key, registry)
        for day in range(FIRST_DAY, FIRST_DAY + length):
            ordinary_day(one, day, chance)
        found += [(one, day) for day in range(FIRST_DAY, FIRST_DAY + length)]
    return found


@cache
def fitted_with_days() -> Model:
    """A model fitted on ordinary settlements and institution-days of 2026-01 and 02."""
    return fit(Data(history(2_000, days=LENGTH), institutions()), Settings(trees=50, hold_out_days=7))
