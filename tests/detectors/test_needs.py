"""Rules that are passed over at a glance would have found nothing, and time alone changes nothing for them."""

from random import Random

import pytest

from detectors.catalogue import all_detectors
from detectors.findings import ALWAYS
from monitor.backtest import Alone, Backtest
from monitor.choosing import Choosing
from monitor.engine import Engine
from monitor.judging import Rules
from monitor.memory_store import MemoryStore
from monitor.person_state import PersonState
from monitor.state import META, PERSON_HEADS, person_of, read_meta
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.facts import encoded
from tests.generated.arrivals import complete
from tests.generated.histories import mutated
from topics.registry import Registry

TERMS = load_terms(None)
PERSONS = {rule: detector for rule, detector in all_detectors().items() if detector.key == "person"}


def judged(rule: str, seed: int) -> tuple[MemoryStore, Registry]:
    """The state of the persons of a generated history that the rule is about, and its reference data."""
    engine = Engine(TERMS, 1, "contributions")
    alone = Alone(engine)
    test = Backtest(engine, judges=alone)
    test.run(place(encoded(complete(mutated(rule, Random(seed))))))
    return alone.share.stores[0], engine.registry


@pytest.mark.parametrize("about", sorted(PERSONS))
def test_what_is_passed_over_finds_nothing(about: str) -> None:
    """By every rule of persons, for the persons of histories about each."""
    rules = Rules(PERSONS, TERMS)
    choosing = Choosing(rules)
    passed_over = 0
    for seed in range(6):
        store, registry = judged(about, seed)
        now = max(read_meta(store.get(META)).clocks.values(), default=0)
        for key in store.keys(PERSON_HEADS):
            history = PersonState(person_of(key), store, TERMS.general, registry, now).history
            for rule, detector in rules.active.items():
                if not choosing.quiet(rule, history):
                    continue
                passed_over += 1
                assert not rules.judge(rule, history, ALWAYS), rule
                for version in TERMS.versions:
                    assert detector.wake(history, version.rules[rule]) is None, rule
            if not choosing.waits(history):
                assert rules.wake(history) is None
    assert passed_over


def test_rules_are_chosen_by_what_they_read_and_need() -> None:
    """A settlement alone concerns no rule about stays or lines; every rule that reads it may withdraw something."""
    rules = Rules(PERSONS, TERMS)
    choosing = Choosing(rules)
    store, registry = judged("repeat-visits", 0)
    history = PersonState("nobody", store, TERMS.general, registry, 0).history
    assert history.kinds == 0
    kinds = (1 << 30) - 1
    assert [reader.rule for reader in choosing.reading(kinds, history)] == list(rules.active)
    able = {reader.rule for reader in choosing.able(kinds, history)}
    assert "repeat-visits" in able
    assert not able & {"overlapping-stays", "split-stay", "outpatient-during-stay", "drug-oversupply", "hang-bed"}
