"""Identity numbers (GB 11643): form, check digit, and what the digits say of birth and sex."""

from functools import lru_cache
from typing import Final

from topics.times import BadTime, parse_day

FAULT: Final = ""
"""What stands for an identity number that is a data fault: present, counted, never compared."""

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"


def check_digit(first17: str) -> str:
    """The check character for the first 17 digits (ISO 7064 MOD 11-2)."""
    return _CHECK[sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True)) % 11]


def normal_certno(certno: str) -> str:
    """Widen 15 digits to 18, write x as X; a number of another form or a wrong check digit is `FAULT`."""
    if len(certno) == 15 and certno.isascii() and certno.isdigit():
        first17 = certno[:6] + "19" + certno[6:]
        return first17 + check_digit(first17) if _born(first17) is not None else FAULT
    number = certno.upper()
    if len(number) != 18 or not (number.isascii() and number[:17].isdigit()):
        return FAULT
    weight, born = _weighed_birth(number[6:14])
    weight += _weighed_region(number[:6]) + _weighed_order(number[14:17])
    if _CHECK[weight % 11] != number[17] or born is None:
        return FAULT
    return number


# the parts of a number repeat a great deal, whole numbers do not
@lru_cache(maxsize=16_384)
def _weighed_region(digits: str) -> int:
    return _weigh(digits, 0)


@lru_cache(maxsize=65_536)
def _weighed_birth(digits: str) -> tuple[int, int | None]:
    return _weigh(digits, 6), _birth(digits)


@lru_cache(maxsize=1_000)
def _weighed_order(digits: str) -> int:
    return _weigh(digits, 14)


def _weigh(digits: str, place: int) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS[place:], strict=False))


def _born(number: str) -> int | None:
    return _birth(number[6:14])


def _birth(digits: str) -> int | None:
    try:
        return parse_day(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", 1880)
    except BadTime:
        return None


def birth_day(certno: str) -> int | None:
    """Day of birth (days since 1970-01-01) in a normal identity number; None for a data fault."""
    return _weighed_birth(certno[6:14])[1] if certno else None


def gender(certno: str) -> str | None:
    """`1` male, `2` female by the 17th digit of a normal identity number; None for a data fault."""
    if not certno:
        return None
    return "1" if int(certno[16]) % 2 else "2"
