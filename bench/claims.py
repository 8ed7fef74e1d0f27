"""The claims of the bench: seeded settlements in order of time, about 450 bytes each, the same on every run.

Made without Kafka and without the simulator: that one makes whole courses of care, this one makes a great many
settlements quickly, at several persons' and institutions' sizes.
"""

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from topics.identity import check_digit
from topics.times import DAY, format_time

BEGIN: Final = 20_635 * DAY
"""2026-07-01 00:00:00, local second."""

DISEASES: Final = ("J20.9", "I10.x05", "E11.9", "M54.5", "K29.7", "J06.9", "H10.9", "N39.0", "R51", "L30.9", "")
_OTHERS: Final = 40  # one settlement in so many shows another's identity number
_INPATIENT: Final = 12  # one in so many settles a stay
_COMPANION: Final = 9  # one outpatient visit in so many is followed by more of the same day
_A_DAY: Final = 5  # settlements that a frequent visitor makes on its day, on average
_ITEMS: Final = 3_000
_WAIT: Final = 1_800  # seconds from begin to settlement where visits must come in the order of their begin


class Size(NamedTuple):
    """How many of what.

    Attributes:
        settlements: all in all.
        persons: who may have them.
        institutions: where they may be.
        days: over which they are spread, evenly.
        seed: the same one gives the same settlements.
        frequent: share of the settlements that the day's frequent visitors make, each about five. Above 0, visits
            come in the order of their begin too, and a person's own identity number is the one it shows first and
            most often: then three checks that only look back (`bench.checks`) find what the rules find.
        first_day: days after `BEGIN` on which the first settlement falls.
        lines: fee lines inside each settlement.
    """

    settlements: int = 1_000_000
    persons: int = 200_000
    institutions: int = 500
    days: int = 30
    seed: int = 1
    frequent: float = 0.0
    first_day: int = 0
    lines: int = 0


class Claim(NamedTuple):
    """One settlement.

    Attributes:
        person: its psn_no, the record's key.
        at: when it was settled, local second.
        value: its JSON.
    """

    person: str
    at: int
    value: bytes


def certno_of(person: int) -> str:
    """The identity number of a person."""
    first17 = (
        f"99{person % 10_000:04d}{1940 + person % 70}{person % 12 + 1:02d}{person % 28 + 1:02d}{person % 1000:03d}"
    )
    return first17 + check_digit(first17)


def claims(size: Size) -> Iterator[Claim]:
    """The settlements of a bench in order of settlement time."""
    chance = random.Random(size.seed)
    encode = msgspec.json.Encoder().encode
    numbers: dict[int, str] = {}
    step = size.days * DAY / size.settlements
    begin_at = BEGIN + size.first_day * DAY
    person = 0
    for number in range(size.settlements):
        at = begin_at + int(number * step)
        often = bool(size.frequent) and chance.random() < size.frequent
        if often:
            person = _frequent(size, (at - begin_at) // DAY, chance)
        elif number % _COMPANION != 1:  # else the person of the one before again, at once
            person = int(chance.random() * size.persons)
        certno = numbers.get(person)
        new = certno is None
        if certno is None:
            certno = numbers[person] = certno_of(person)
        institution = person * 31 % size.institutions if chance.random() < 0.8 else chance.randrange(size.institutions)
        shown = certno_of(person + 1) if not chance.randrange(_OTHERS) else certno
        if size.frequent and shown != certno:
            shown = certno if new else certno_of(person + 1 + number % 5_000)  # never the same other one twice
        inpatient = not number % _INPATIENT
        total = int(chance.lognormvariate(9.4, 0.8)) * (40 if inpatient else 1) + 100
        fund = total * 7 // 10
        wait = chance.randrange(600, 7_200) if not inpatient else chance.randrange(2, 12) * DAY
        begin = at - (_WAIT if size.frequent and not inpatient else wait)
        disease = DISEASES[person % 10 if often else int(chance.random() * len(DISEASES))]
        yield Claim(
            f"P{person:07d}",
            at,
            encode(
                {
                    "type": "settlement",
                    "setl_id": f"S{number:09d}",
                    "mdtrt_id": f"M{number:09d}",
                    "psn_no": f"P{person:07d}",
                    "fixmedins_code": f"H{institution:05d}",
                    "setl_time": format_time(at),
                    "med_type": "21" if inpatient else "11",
                    "medfee_sumamt": f"{total // 100}.{total % 100:02d}",
                    "fund_pay_sumamt": f"{fund // 100}.{fund % 100:02d}",
                    "certno": shown,
                    "mdtrt_cert_type": "02",
                    "gend": "1" if int(shown[16]) % 2 else "2",
                    "brdy": f"{shown[6:10]}-{shown[10:12]}-{shown[12:14]}",
                    "insutype": "310",
                    "begntime": format_time(begin),
                    "endtime": format_time(at),
                    "dscg_maindiag_code": disease,
                    "fulamt_ownpay_amt": "0.00",
                    "insuplc_admdvs": "990100",
                    "mdtrt_admdvs": "990100",
                    **({"lines": _lines(size.lines, number, total, at)} if size.lines else {}),
                }
            ),
        )


def _lines(count: int, number: int, total: int, at: int) -> list[dict[str, object]]:
    """Fee lines that share a settlement's total (fen), of items that go round; the last one takes what is left."""
    share = total // count
    found: list[dict[str, object]] = []
    for place in range(count):
        amount = share if place + 1 < count else total - share * (count - 1)
        found.append(
            {
                "feedetl_sn": str(place + 1),
                "fee_ocur_time": format_time(at),
                "med_list_codg": f"X{(number * count + place) % _ITEMS:05d}",
                "cnt": 1,
                "pric": f"{amount // 100}.{amount % 100:02d}",
                "det_item_fee_sumamt": f"{amount // 100}.{amount % 100:02d}",
            }
        )
    return found


def _frequent(size: Size, day: int, chance: random.Random) -> int:
    """One of the frequent visitors of a day: others each day."""
    pool = max(1, int(size.settlements / size.days * size.frequent / _A_DAY))
    return (day * pool + int(chance.random() * pool)) * 7_919 % size.persons


def quotas(size: Size) -> Iterator[bytes]:
    """Registry entries: each institution's quota of the month, of which some are passed."""
    share = size.settlements * 7_000 * 40 // _INPATIENT // size.institutions // 100
    for number in range(size.institutions):
        yield msgspec.json.encode(
            {
                "type": "quota",
                "fixmedins_code": f"H{number:05d}",
                "period": "2026-07",
                "quota_amt": f"{share * (70 + number % 60) // 100}.00",
                "valid_from": "2026-01-01 00:00:00",
            }
        )


def main() -> None:
    """`python -m bench.claims --settlements N > claims.ndjson`: quotas and claims as a file for a backtest."""
    import argparse
    import sys

    parser = argparse.ArgumentParser(
        prog="python -m bench.claims", description="Write the bench's quotas and claims, one a line."
    )
    parser.add_argument("--settlements", type=int, default=100_000)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--institutions", type=int, default=500)
    parser.add_argument("--frequent", type=float, default=0.45, help="share of the day's frequent visitors")
    given = parser.parse_args()
    size = Size(given.settlements, given.persons, given.institutions, frequent=given.frequent)
    for quota in quotas(size):
        sys.stdout.buffer.write(quota + b"\n")
    for claim in claims(size):
        sys.stdout.buffer.write(claim.value + b"\n")


if __name__ == "__main__":
    main()
