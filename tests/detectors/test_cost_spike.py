"""cost-spike over a long life: days forgotten, facts that come late, exact bounds."""

import random
from fractions import Fraction
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from detectors.spikes import Baseline, spike
from detectors.units import PPM
from tests.detectors.cases.cost_spike import BEGIN, SPIKE, cost
from tests.facts import Identity, Wire, at, identities, identity, run, settlement
from topics.alerts import decode

BASELINE = Baseline(5 * PPM, 1_482_600, PPM // 10, 1_300_000)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=21), st.integers(0, 400), st.integers(0, 30))
def test_the_bound_is_exact(before: list[int], value: int, floor: int) -> None:
    """Whole numbers say the same as fractions, for even and odd numbers of days."""
    middle = Fraction(median([Fraction(one) for one in before]))
    spread = max(Fraction(median([abs(one - middle) for one in before])), middle / 10)
    bounds = (middle + 5 * Fraction("1.4826") * spread, middle * Fraction("1.3"), middle + floor)
    assert (spike("fund", value, before, floor, BASELINE) is not None) == (value > max(bounds))


def spikes(objects: list[Wire], batch: int) -> set[Identity]:
    """The standing spikes."""
    found = {identity(decode(value)) for value in run(objects, batch=batch).alerts()}
    return {one for one in found if one[0] == "cost-spike"}


def test_a_spike_of_forgotten_days_is_frozen() -> None:
    """More than 400 days later the days behind a spike are gone; the alert stands, and none is made up beside it."""
    later = [settlement(f"L{day}", psn_no="P9", setl_time=at(day)) for day in range(400, 520, 8)]
    for batch in (1, 1000):
        found = spikes([BEGIN, cost("10000.01"), *later], batch)
        assert found == {("cost-spike", "institution", "H1/2026-03-30", "fund")}


def test_one_fact_at_a_time_is_all_at_once() -> None:
    """Judging only what a fact touches finds what judging everything finds, whatever the order."""
    chance = random.Random(1)
    facts = [
        settlement(
            f"S{number}",
            psn_no=f"P{number}",
            setl_time=at(chance.randrange(90)),
            fund_pay_sumamt=f"{number % 7 * 6000}",
        )
        for number in range(120)
    ]
    expected = spikes(facts, 1000)
    assert expected
    for _ in range(5):
        chance.shuffle(facts)
        assert spikes(facts, chance.choice([1, 2, 7])) == expected


def test_the_first_settlement_counts_from_any_batch() -> None:
    """A first settlement that comes after the spike was judged makes the silent days count."""
    assert spikes([cost("10000.01"), BEGIN], 1) == spikes([BEGIN, cost("10000.01")], 1000) != set()
    assert {one for one in identities([cost("10000.01", SPIKE)]) if one[0] == "cost-spike"} == set()
