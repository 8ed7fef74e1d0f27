"""The pipeline ends where a single pass ends, whatever stops on the way; and a broken one does not."""

import sys

import pytest

from tests.simulation.__main__ import main
from tests.simulation.broken import BROKEN
from tests.simulation.run import play

SHORT = 500
LONG = 5_000
WITHIN = 60
"""A broken worker must be found out by so many seeds: the first ones, so that a run is like any other."""
RARELY = {"keys-listed-while-judging": "registry", "recovered-before-fence": "any"}
"""What needs two things to meet within a few steps, and the theme that makes them meet."""
WITHIN_RARELY = 3_000


def check(first: int, seeds: int) -> None:
    """No seed differs; each that does says how to play it again."""
    failed = [outcome for seed in range(first, first + seeds) if (outcome := play(seed)).problem is not None]
    assert not failed, "\n".join(f"{outcome.problem}\n  {outcome.replay()}" for outcome in failed[:5])


def test_every_seed_ends_as_a_single_pass_does() -> None:
    """Alerts, sums, local states and what a recovery from the changelogs alone gives."""
    check(0, SHORT)


@pytest.mark.prove
def test_many_seeds() -> None:
    """The same, of many more."""
    check(SHORT, LONG)


def test_nothing_is_committed_after_a_local_store_that_failed() -> None:
    """A sweep that waited for the batch wrote the guard of before it; its records were judged again."""
    assert play(4170).problem is None


def test_a_seed_is_played_the_same_way_again() -> None:
    """Step for step."""
    assert [play(seed) for seed in range(10)] == [play(seed) for seed in range(10)]


def test_a_seed_that_differs_says_how_to_play_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command it prints ends in the same difference."""
    monkeypatch.setattr(sys, "argv", ["simulation", "--seeds", "10", "--broken", "acknowledged-first"])
    assert main() == 1
    first, command = capsys.readouterr().out.splitlines()[:2]
    problem = first.partition(": ")[2]
    program = command.split()
    assert program[:3] == ["python", "-m", "tests.simulation"]
    monkeypatch.setattr(sys, "argv", program[2:])
    assert main() == 1
    assert problem in capsys.readouterr().out


def found(name: str, most: int, theme: str | None = None) -> bool:
    return any(play(seed, BROKEN[name], theme).problem is not None for seed in range(most))


@pytest.mark.parametrize("name", sorted(set(BROKEN) - set(RARELY)))
def test_a_broken_worker_is_found_out(name: str) -> None:
    """A mistake in the order, the guard, the fence, the totals or the acknowledgement shows within a few seeds."""
    assert found(name, WITHIN)


@pytest.mark.prove
@pytest.mark.parametrize("name", sorted(RARELY))
def test_a_rarer_mistake_is_found_out(name: str) -> None:
    """Those that need more luck."""
    assert found(name, WITHIN_RARELY, RARELY[name])
