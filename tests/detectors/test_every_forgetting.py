"""Every rule of the catalogue, alone and beside all others: forgetting facts changes no standing alert.

The measure is a judge who forgets nothing and has all facts in order.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.catalogue import all_detectors
from detectors.terms import TermsSet
from detectors.units import Duration
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.recount import account_of
from monitor.state import META, read_meta
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.facts import Wire, encoded
from tests.generated.arrivals import arranged, complete
from tests.generated.histories import mutated, scorer
from tests.generated.outlived import far_back, outlived
from topics.alerts import decode

TERMS = load_terms(None)
EVER = 1 << 40


def judged(
    rule: str,
    objects: Sequence[Wire],
    *,
    terms: TermsSet = TERMS,
    alone: bool = False,
    forgets: bool = True,
    batch: int | None = None,
) -> Backtest:
    """The objects judged in this order."""
    detectors = {rule: all_detectors()[rule]} if alone else None
    engine = Engine(terms, 1, "contributions", scorer(rule), detectors=detectors)
    if not forgets:
        engine.persons.kept = EVER
        engine.keys.kept = dict.fromkeys(engine.keys.kept, EVER)
    test = Backtest(engine)
    lines = encoded(objects)
    if batch is None:
        test.run(place(lines))
        return test
    for item in place(lines):
        test.run([item])  # each ends a batch
    return test


COUNTED = 40
"""So many histories tell whether enough of them raise a rule and are forgotten; five do not."""


def standing(test: Backtest, rule: str) -> list[bytes]:
    """The rule's alerts."""
    return [value for value in test.alerts() if decode(value).rule_id == rule]


def forgot(test: Backtest) -> bool:
    """Whether anything was forgotten on the way."""
    store = test._persons
    return account_of(read_meta(store.get(META)), store).facts.forgotten > 0


def moved(rule: str, factor: float) -> TermsSet:
    """The terms with all times of a rule so many times as long."""
    (version,) = TERMS.versions
    ruled = replace(version.rules[rule], limits=_stretched(version.rules[rule].limits, factor))
    return TermsSet((replace(version, rules={**version.rules, rule: ruled}),))


def _stretched(value: Any, factor: float) -> Any:  # noqa: ANN401 - a number of any kind, or several
    if isinstance(value, Duration):
        return Duration(value * factor)
    if isinstance(value, tuple):
        return tuple(_stretched(one, factor) for one in value)
    if isinstance(value, msgspec.Struct):
        changed = {name: _stretched(getattr(value, name), factor) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **changed)
    return value


def check(rule: str, examples: int, terms: TermsSet = TERMS) -> None:
    seen: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 1 << 32))
    def holds(seed: int) -> None:
        chance = Random(seed)
        objects = complete(outlived(mutated(rule, chance, most=12), chance))
        if not objects or any(map(far_back, objects)):
            return
        whole = judged(rule, arranged(objects), terms=terms, forgets=False)
        expected = standing(whole, rule)
        assert whole.account["record", "quarantined"] == 0
        test = judged(rule, arranged(objects, chance), terms=terms)
        assert test.account["record", "quarantined"] == 0
        seen["all"] += 1
        seen["raised"] += bool(expected)
        seen["forgot"] += forgot(test)
        assert standing(test, rule) == expected, "another order"
        late = judged(rule, arranged(objects, chance, latest=0.7), terms=terms)
        assert standing(late, rule) == expected, "as late as can be"
        alone = judged(rule, arranged(objects, chance), terms=terms, alone=True, batch=1)
        assert standing(alone, rule) == expected, "alone"

    holds()
    if terms is not TERMS or examples < COUNTED:
        return
    assert seen["raised"] * 5 >= seen["all"], f"too few histories raise {rule}: {seen}"
    assert seen["forgot"] * 4 >= seen["all"], f"too few histories are forgotten: {seen}"


@pytest.mark.parametrize("rule", all_detectors())
def test_what_is_forgotten_is_not_missed(rule: str) -> None:
    """Whatever still changes old facts comes while all that it touches is kept."""
    check(rule, 5)


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rule", all_detectors())
def test_more_of_the_same(rule: str) -> None:
    """The same over many more histories."""
    check(rule, 40)


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("factor", [0.5, 2])
@pytest.mark.parametrize("rule", all_detectors())
def test_with_other_numbers(rule: str, factor: float) -> None:
    """How long facts are kept follows the rule's times."""
    check(rule, 12, moved(rule, factor))
