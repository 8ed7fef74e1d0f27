"""A simulated region with planted fraud: how much of it is among the 50 a day that reviewers can look at.

The fraud is made here, from settlements of a region without violations, in four sorts that a settlement's own features
can show: bills blown up, lines padded with exams or materials, own expense moved to the fund at night, and patients who
are sent round many institutions. The simulator's own plants are found by the rules and are not what a score is for.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from detectors.claim_features import FEATURES
from detectors.model import Model, Settings
from monitor.samples import Samples
from monitor.simulator import preset, simulate
from monitor.terms_files import load_terms
from monitor.timeline import place
from monitor.training import train
from monitor.training_tables import Table, claim_table
from topics.facts import Settlement

CAPACITY: Final = 50
_TEST_DAYS: Final = 7
_FRAUD: Final = 0.02

Wire = dict[str, Any]


class Outcome(NamedTuple):
    """Of one region: settlements and frauds of the held-out days, and precision at capacity of each ranking."""

    seed: int
    settlements: int
    frauds: int
    reviewed: int
    found: dict[str, int]
    by_sort: dict[str, dict[str, int]]


def run(seed: int, persons: int, days: int, institutions: int) -> Outcome:
    """Simulate, plant into the last days, train on what came before, rank each day by score and by cost."""
    import json

    config = replace(preset("small"), persons=persons, days=days, institutions=institutions, plants={})
    facts = [fact for _, fact in simulate(config, seed)]
    settlements = [fact for fact in facts if fact["type"] == "settlement"]
    last = max(str(fact["setl_time"])[:10] for fact in settlements)
    planted = dict(_plant(settlements, last, seed))
    samples = Samples(
        place(json.dumps(fact, default=str).encode() for fact in facts), load_terms(None).general, lambda _: None
    )
    model = train(samples, Settings(seed=seed, hold_out_days=_TEST_DAYS)).model
    return _ranked(model, samples, planted, seed)


def _plant(settlements: list[Wire], last: str, seed: int) -> Iterator[tuple[str, str]]:
    """Change some settlements of the last days in place; gives their ids and the sort of fraud."""
    from datetime import date, timedelta

    chance = random.Random(seed)
    first = (date.fromisoformat(last) - timedelta(days=_TEST_DAYS - 1)).isoformat()
    late = [fact for fact in settlements if str(fact["setl_time"])[:10] >= first]
    codes = sorted({str(fact["fixmedins_code"]) for fact in settlements})
    for fact in chance.sample(late, round(len(late) * _FRAUD)):
        sort = chance.choice(("blown up", "padded", "at night", "sent round"))
        _SORTS[sort](fact, chance, settlements, codes)
        yield str(fact["setl_id"]), sort


def _scale(fact: Wire, factor: float) -> None:
    for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay", "fulamt_ownpay_amt", "inscp_scp_amt"):
        if fact.get(name) is not None:
            fact[name] = f"{round(float(fact[name]) * factor, 2):.2f}"
    fact.pop("lines", None)  # they would no longer add up


def _blown_up(fact: Wire, chance: random.Random, _all: list[Wire], _codes: list[str]) -> None:
    """Two to four times what it was: below the dearest ordinary bills."""
    _scale(fact, chance.uniform(2, 4))


def _padded(fact: Wire, chance: random.Random, _all: list[Wire], _codes: list[str]) -> None:
    """Half as dear again, all of it exams or materials."""
    _scale(fact, 1.5)
    total, at = float(fact["medfee_sumamt"]), fact["setl_time"]
    count = chance.randrange(15, 30)
    amounts = [round(total / count, 2)] * (count - 1)
    amounts.append(round(total - sum(amounts), 2))
    category = chance.choice(("03", "08"))
    fact["lines"] = [
        {"feedetl_sn": str(number), "fee_ocur_time": at, "med_list_codg": f"X{number}", "cnt": "1",
         "pric": f"{amount:.2f}", "det_item_fee_sumamt": f"{amount:.2f}", "med_chrgitm_type": category}
        for number, amount in enumerate(amounts, 1)
    ]  # fmt: skip


def _at_night(fact: Wire, chance: random.Random, _all: list[Wire], _codes: list[str]) -> None:
    """Settled between one and four in the night, the fund paying nearly all."""
    day = str(fact["setl_time"])[:10]
    fact["setl_time"] = f"{day} {chance.randrange(1, 4):02d}:{chance.randrange(60):02d}:00"
    for name in ("begntime", "endtime"):
        if fact.get(name) is not None and str(fact[name]) > str(fact["setl_time"]):
            fact[name] = fact["setl_time"]
    fact["fund_pay_sumamt"] = f"{float(fact['medfee_sumamt']) * 0.97:.2f}"
    fact.pop("lines", None)


def _sent_round(fact: Wire, chance: random.Random, settlements: list[Wire], codes: list[str]) -> None:
    """The person was at four to six other institutions in the days before: settlements of other persons, taken over."""
    day = str(fact["setl_time"])[:10]
    before = [one for one in settlements if str(one["setl_time"])[:10] < day and one["psn_no"] != fact["psn_no"]][-400:]
    for one in chance.sample(before, min(len(before), chance.randrange(4, 7))):
        one["psn_no"], one["fixmedins_code"] = fact["psn_no"], chance.choice(codes)


_SORTS: Final = {"blown up": _blown_up, "padded": _padded, "at night": _at_night, "sent round": _sent_round}


def _ranked(model: Model, samples: Samples, planted: dict[str, str], seed: int) -> Outcome:
    whole: list[Settlement] = [settlement for settlement, _ in samples.settlements()]
    table = claim_table(samples, model.baselines, lambda *_: None, len(whole))
    late = table.part(table.days > model.last_day - _TEST_DAYS)
    names = [feature.name for feature in FEATURES]
    rankings = {
        "score": model.claims.forest.score(late.rows).astype(np.float64),
        "total cost": late.rows[:, names.index("total")].astype(np.float64),
        "cost beside peers": late.rows[:, names.index("relative")].astype(np.float64),
    }
    found, by_sort, reviewed = {}, {}, 0
    for name, values in rankings.items():
        looked = _looked_at(late, values)
        sorts = [planted[late.names[row]] for row in looked if late.names[row] in planted]
        found[name], reviewed = len(sorts), len(looked)
        by_sort[name] = {sort: sorts.count(sort) for sort in _SORTS}
    frauds = sum(name in planted for name in late.names)
    return Outcome(seed, len(late), frauds, reviewed, found, by_sort)


def _looked_at(table: Table, values: "np.ndarray[Any, np.dtype[np.float64]]") -> list[int]:
    """The first of each day, up to the capacity."""
    chosen: list[int] = []
    for day in np.unique(table.days):
        rows = np.flatnonzero(table.days == day)
        chosen += rows[np.argsort(-values[rows], kind="stable")][:CAPACITY].tolist()
    return chosen
