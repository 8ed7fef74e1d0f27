"""Identity numbers of a simulation, up to its largest population."""

import pytest

from monitor.simulator.persons import certno_of, strangers_certno
from topics.identity import normal_certno

MOST_PERSONS = 4_900_000
MOST_STRANGERS = 90_000


@pytest.mark.parametrize("gender", ["1", "2"])
def test_numbers_of_persons_and_strangers_are_valid_and_differ(gender: str) -> None:
    """The stranger of person 900,000 and all after had a number of 19 digits."""
    birth = "1980-02-29"
    persons = {certno_of(index, birth, gender) for index in (0, 1, 9_999, 900_000, 1_860_000, MOST_PERSONS - 1)}
    strangers = {strangers_certno(index, birth, gender) for index in (0, 1, MOST_STRANGERS - 1)}
    assert len(persons | strangers) == 9
    assert all(normal_certno(number) == number for number in persons | strangers)


def test_more_strangers_than_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 90,000"):
        strangers_certno(MOST_STRANGERS, "1980-02-29", "1")
