"""Identity numbers: widened, normalised, or a data fault."""

import pytest

from tests.topics.contract import TYPES
from tests.topics.decode import fact
from topics.identity import FAULT, birth_day, check_digit, gender, normal_certno
from topics.times import format_day

GOOD = "11010519491231002X"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (GOOD, GOOD),
        ("11010519491231002x", GOOD),
        ("110105491231002", GOOD),
        ("440524188001010014", "440524188001010014"),
        ("110105194912310029", FAULT),  # wrong check digit
        ("110105194913310024", FAULT),  # month 13
        ("11010519491231002", FAULT),  # 17 characters
        ("11010519491231002XX", FAULT),
        ("X10105194912310020", FAULT),
        ("110105491331002", FAULT),  # 15 digits, month 13
        ("11010549123100X", FAULT),
        ("１10105194912310029", FAULT),
        ("unknown", FAULT),
        (" " + GOOD, FAULT),
        ("", FAULT),
    ],
)
def test_normal_form(written: str, normal: str) -> None:
    """15 digits become 18, x becomes X; anything else is a data fault, present and never compared."""
    assert normal_certno(written) == normal
    record = {"type": "settlement"} | TYPES["settlement"].required | {"certno": written}
    assert fact(record).certno == normal


def test_every_wrong_check_digit_is_a_fault() -> None:
    """Of eleven check characters exactly one is right."""
    assert [c for c in "0123456789X" if normal_certno(GOOD[:17] + c)] == ["X"]
    assert check_digit(GOOD[:17]) == "X"


def test_what_the_digits_say() -> None:
    """Birth and sex stand in the number; a fault says nothing."""
    day = birth_day(GOOD)
    assert day is not None
    assert format_day(day) == "1949-12-31"
    assert (gender(GOOD), gender("440524188001010014")) == ("2", "1")
    assert birth_day(FAULT) is None
    assert gender(FAULT) is None
