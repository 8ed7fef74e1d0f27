"""The labels are right: a naive second implementation of the rules finds the planted violations and nothing else."""

import dataclasses
from collections import Counter

import pytest

from monitor.simulator import PLANTABLE, Label, Simulation, SimulationConfig, preset, simulate
from tests.naive.rules import RULES, findings
from tests.naive.standing import Finding
from tests.simulator.conftest import Stream
from topics.times import parse_day


def as_findings(labels: list[Label]) -> set[Finding]:
    """Labels in the form of naive findings."""
    return {(one.rule, one.about_kind, one.about_id, one.discriminator) for one in labels}


@pytest.fixture(scope="module")
def found(planted_stream: Stream) -> set[Finding]:
    return findings(fact for _, fact in planted_stream)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_what_is_planted_is_all_there_is(rule: str, planted: Simulation, found: set[Finding]) -> None:
    """For each rule the naive implementation finds exactly what the labels say, ids and discriminators too."""
    labels = {one for one in as_findings(planted.labels) if one[0] == rule}
    assert labels, f"{rule} is planted"
    assert {one for one in found if one[0] == rule} == labels


def test_every_plantable_rule_has_a_naive_twin() -> None:
    """No planter is left unchecked."""
    assert set(PLANTABLE) == set(RULES)
    assert set(preset("small").plants) == set(PLANTABLE)


def test_each_variant_is_planted(planted: Simulation) -> None:
    """Bands, measures, steps and kinds of drug-oversupply all occur."""
    discriminators = Counter((one.rule, one.discriminator) for one in planted.labels)
    for rule, wanted in {
        "repeat-visits": {"1d", "7d", "1d-same"},
        "cost-spike": {"fund", "settlements", "persons", "out-of-region", "night", "quota"},
        "quota-progress": {"0", "5", "10"},
        "avg-cost-growth": {"5", "10"},
        "drug-oversupply": {"item", "class"},
    }.items():
        assert {which for name, which in discriminators if name == rule} == wanted


def test_a_clean_region_is_clean(clean_stream: Stream) -> None:
    """Ordinary life, however noisy its upload, gives no finding of any of these rules."""
    assert findings(fact for _, fact in clean_stream) == set()


def test_without_the_plants_nothing_is_left(found: set[Finding]) -> None:
    """Cause and effect: the findings are there with the plants, and gone without them."""
    config = dataclasses.replace(preset("small"), clean=True)
    assert found
    assert findings(fact for _, fact in simulate(config, seed=7)) == set()


@pytest.mark.parametrize(
    ("begin", "days"),
    [("2026-01-01", 45), ("2025-12-10", 60), ("2026-09-20", 50), ("2027-02-03", 92)],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_labels_hold_wherever_the_span_lies(begin: str, days: int, seed: int) -> None:
    """Holidays, turns of months, quarters and years do not disturb the labels."""
    config = SimulationConfig(persons=300, begin=parse_day(begin), days=days)
    simulation = simulate(config, seed)
    assert findings(fact for _, fact in simulation) == as_findings(simulation.labels)
    assert not simulation.skipped


def test_a_short_span_skips_what_does_not_fit() -> None:
    """What needs more days than there are is left out, with the reason, and without labels."""
    simulation = simulate(SimulationConfig(persons=100, days=9), seed=1)
    assert {"cost-spike", "avg-cost-growth"} <= set(simulation.skipped)
    assert "working days" in simulation.skipped["cost-spike"]
    assert not {one.rule for one in simulation.labels} & set(simulation.skipped)
    assert findings(fact for _, fact in simulation) == as_findings(simulation.labels)


def test_an_unknown_rule_is_refused() -> None:
    """A rule that cannot be planted is named."""
    with pytest.raises(ValueError, match="no-such-rule"):
        simulate(SimulationConfig(plants={"no-such-rule": 1}))


def test_counts_are_kept() -> None:
    """As many plants as asked for, and none of rules asked for with 0."""
    simulation = simulate(SimulationConfig(persons=100, plants={"hang-bed": 5, "split-stay": 0}))
    assert Counter(one.rule for one in simulation.labels) == {"hang-bed": 5}
