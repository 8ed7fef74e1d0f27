"""Short and medium forms of the campaign that `make chaos` runs at length."""

from pathlib import Path

import pytest

from tests.end_to_end.chaos.campaign import campaign, lots_for, simulate
from tests.end_to_end.chaos.kinds import KINDS

pytestmark = [pytest.mark.broker, pytest.mark.timeout(900)]

SHORT = ["frozen before-commit, woken later", "killed, state truncated", "broker killed"]


def check(folder: Path, seed: int, kinds: list[str], persons: int, days: int) -> None:
    """Strike, and find no difference from the single pass."""
    print(f'seed {seed}; all kinds with it: make chaos ARGS="--seed {seed} --kills 1"')  # noqa: T201 - shown on failure
    report = campaign(folder, simulate(folder, seed, persons, days), seed, kinds, print)
    assert report.total_differences == 0, report.differences
    assert report.alerts > 50
    assert len(report.strikes) == len(kinds)


def test_a_frozen_worker_a_cut_state_and_a_lost_broker_end_as_a_single_pass(tmp_path: Path) -> None:
    """Alerts to the byte, both stages from the changelog alone, and the owners' local stores."""
    check(tmp_path, 2, SHORT, persons=800, days=20)


@pytest.mark.prove
def test_every_other_kind_of_strike_ends_as_a_single_pass(tmp_path: Path) -> None:
    """Each once, in an order drawn by lot."""
    check(tmp_path, 3, [kind for kind in lots_for(3, 1) if kind not in SHORT], persons=3_000, days=60)


def test_a_campaign_of_a_seed_is_always_the_same_and_long_enough() -> None:
    """Every kind comes, then those that kill, until there are as many kills as wanted."""
    kinds = list(lots_for(5, 50))
    assert kinds == list(lots_for(5, 50))
    assert set(kinds) == set(KINDS)
    assert sum(KINDS[kind].kills for kind in kinds) == 50
