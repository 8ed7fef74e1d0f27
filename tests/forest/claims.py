"""Settlements and rows to fit models on."""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.history import PersonHistory
from detectors.model import Model, Settings
from detectors.panes import KeyHistory
from monitor.terms_files import load_terms
from monitor.training import fit
from topics.facts import FeeLine, Settlement
from topics.registry import Registry
from topics.times import DAY, HOUR

FIRST_DAY = 20_454  # 2026-01-01, a Thursday
NOON = FIRST_DAY * DAY + 12 * HOUR
GENERAL = load_terms(None).general

Sample = tuple[Settlement, PersonHistory]


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


def line(category: str, amount: int, **values: Any) -> FeeLine:  # noqa: ANN401 - any field of a line
    """A line of the ordinary settlement's visit."""
    given: dict[str, Any] = {
        "sequence": f"L{category}",
        "visit": "V1",
        "person": "P1",
        "institution": "H1",
        "charged_at": NOON,
        "item": "I1",
        "count": 10_000,
        "price": amount * 10_000,
        "amount": amount,
        "category": category,
    }
    return FeeLine(**(given | values))


def history_of(*facts: Settlement | FeeLine, registry: Registry | None = None) -> PersonHistory:
    """A person's history with these facts."""
    history = PersonHistory(facts[0].person, GENERAL, registry or Registry())
    for fact in facts:
        history.fold(fact)
    return history


class Data:
    """Settlements to fit a model on, without institution-days."""

    def __init__(self, samples: Sequence[Sample], days: Sequence[tuple[KeyHistory, int]] = ()) -> None:
        self.samples = samples
        self.days = days

    def settlements(self) -> Iterator[Sample]:
        yield from self.samples

    def institution_days(self) -> Iterator[tuple[KeyHistory, int]]:
        yield from self.days


def history(count: int, *, days: int = 20, seed: int = 1) -> list[Sample]:
    """Ordinary settlements of many persons over some days, each with the person's history."""
    chance = random.Random(seed)
    persons: dict[str, list[Settlement | FeeLine]] = {}
    for number in range(count):
        person = f"P{chance.randrange(max(count // 3, 1))}"
        inpatient = chance.random() < 0.1
        begin = (FIRST_DAY + chance.randrange(days)) * DAY + int(chance.triangular(7, 20, 10) * HOUR)
        end = begin + (int(chance.uniform(2, 12) * DAY) if inpatient else 600)
        end = min(end, (FIRST_DAY + days) * DAY - 1)
        total = int(chance.lognormvariate(13 if inpatient else 9.5, 0.6)) + 100
        visit = {"visit": f"V{number}", "person": person, "institution": f"H{chance.randrange(12)}"}
        facts = persons.setdefault(person, [])
        facts.append(
            settlement(
                **visit,
                id=f"S{number}",
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
        if chance.random() < 0.8:
            rest = total
            for category in ("09", "03", "12"):
                part = int(rest * chance.uniform(0.2, 0.7))
                rest -= part
                facts.append(line(category, part, charged_at=begin, **visit))
    histories = [history_of(*facts) for facts in persons.values()]
    return [(one, each) for each in histories for one in each.settlements]


def data(count: int, *, days: int = 20, seed: int = 1) -> Data:
    """`history` as training takes it."""
    return Data(history(count, days=days, seed=seed))


@cache
def fitted() -> Model:
    """A model fitted on 4,000 ordinary settlements."""
    return fit(data(4_000), Settings(hold_out_days=3))


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
