"""Every rule of the catalogue: the same facts give the same alerts, in any order, repetition and batches.

A new detector is covered as soon as it has cases.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.catalogue import all_detectors
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.judging import Cause
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.facts import Wire, encoded, settlement
from tests.generated.arrivals import arranged, complete
from tests.generated.histories import firing, mutated, new_and_reversed, renamed, scorer
from topics.alerts import decode

TERMS = load_terms(None)


def judged(rule: str, objects: Sequence[Wire], batch: int | None = None) -> Backtest:
    """The objects judged in this order by all rules: a rule alone forgets facts that are uploaded late too soon."""
    test = Backtest(Engine(TERMS, 1, "contributions", scorer(rule)))
    lines = encoded(objects)
    if batch is None:
        test.run(place(lines))
        return test
    for item in place(lines):
        test.run([item])  # each ends a batch
    return test


def standing(test: Backtest, rule: str) -> list[bytes]:
    """The rule's alerts."""
    return [value for value in test.alerts() if decode(value).rule_id == rule]


def check(rule: str, examples: int) -> None:
    seen: Counter[bool] = Counter()

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
        objects = complete(mutated(rule, chance))
        if not objects:
            return
        first = judged(rule, arranged(objects))
        expected = standing(first, rule)
        seen[bool(expected)] += 1
        assert standing(judged(rule, arranged(objects, chance)), rule) == expected, "another order"
        assert standing(judged(rule, arranged(objects, chance), batch=1), rule) == expected, "one at a time"
        twice = [*objects, *chance.choices(objects, k=4)]
        assert standing(judged(rule, arranged(twice, chance)), rule) == expected, "told twice"
        cause = Cause("again", ("claims.facts.v1", 0, 0), 0)
        for stage, store in ((first.engine.persons, first._persons), (first.engine.keys, first._keys)):
            assert stage.rejudge(list(stage.heads(store)), store, cause).alerts == [], "judged as a whole"
        if all_detectors()[rule].key == "person":
            others = [wire for wire in renamed(mutated(rule, chance), "other") if "psn_no" in wire]
            more = standing(judged(rule, arranged(complete([*objects, *others]), chance)), rule)
            mine = [value for value in more if not (decode(value).psn_no or "").endswith("other")]
            assert mine == expected, "beside other persons"
        new = [wire for wire in new_and_reversed(objects, chance) if complete([wire])]
        if len(new) == 2:
            assert standing(judged(rule, arranged([*objects, *new], chance)), rule) == expected, "settled and reversed"

    holds()
    assert seen[True] * 5 >= sum(seen.values()), f"too few histories raise {rule}: {seen}"


@pytest.mark.parametrize("rule", all_detectors())
def test_the_same_facts_give_the_same_alerts(rule: str) -> None:
    """Any order of arrival, any repetition, one at a time or all at once, with others beside or something undone."""
    check(rule, 12)


def test_a_rule_that_its_histories_do_not_raise_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The properties say nothing over histories without findings: a fifth of them must have one."""
    monkeypatch.setattr(f"{__name__}.mutated", lambda *_: [settlement()])
    with pytest.raises(AssertionError, match="too few histories raise hang-bed"):
        check("hang-bed", 5)


@pytest.mark.parametrize("rule", all_detectors())
def test_histories_are_firing_cases_of_which_much_went_otherwise(rule: str) -> None:
    """Most differ from every case of the rule, some are a case as it stands."""
    cases = [list(case.objects) for case in firing(rule)]
    made = [mutated(rule, Random(seed)) for seed in range(60)]
    changed = sum(objects not in cases for objects in made)
    assert len(made) // 2 < changed < len(made)


@pytest.mark.prove
@pytest.mark.parametrize("rule", all_detectors())
def test_more_of_the_same(rule: str) -> None:
    """The same over many more histories."""
    check(rule, 300)
