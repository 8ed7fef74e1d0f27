"""Exact numbers: no binary float, no silent rounding."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topics.contract import TYPES
from tests.topics.decode import fact, facts, refused
from topics.money import half_up, scaled, share, shown, yuan

SETTLEMENT = {"type": "settlement"} | TYPES["settlement"].required
LINES = {"type": "fee-lines"} | TYPES["fee-lines"].required


def with_amount(number: str) -> bytes:
    """A settlement whose amount stands in the JSON exactly as written."""
    record = {key: value for key, value in SETTLEMENT.items() if key != "medfee_sumamt"}
    return msgspec.json.encode(record)[:-1] + b',"medfee_sumamt":' + number.encode() + b"}"


@pytest.mark.parametrize(
    ("number", "fen"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.1", 10),
        ("0.29", 29),
        ("123.45", 12345),
        ("1e2", 10000),
        ("1.50000", 150),
        ("0.010000000000000000000000000000000000000000000", 1),
        ("999999999999.99", 99999999999999),
    ],
)
def test_numbers_and_strings_are_the_same_money(number: str, fen: int) -> None:
    """A JSON number and a JSON string of the same digits give the same fen."""
    assert fact(with_amount(number)).total == fen
    assert fact(with_amount(f'"{number}"')).total == fen


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("0.001", "over-precise"),
        ("19.999", "over-precise"),
        ("1e-3", "over-precise"),
        ("1e-999999999", "over-precise"),
        ("0.0100000000000000000000000000000000000000001", "over-precise"),
        ("1000000000000", "bad-number"),
        ("1e999999999", "bad-number"),
        ("-1e999999999", "bad-number"),
        ("-0.01", "negative"),
        ('"NaN"', "bad-number"),
        ('"sNaN"', "bad-number"),
        ('"Infinity"', "bad-number"),
        ('"-Infinity"', "bad-number"),
        ('"ten"', "bad-number"),
        ('"1,000.00"', "bad-number"),
        ('"1e99999999999999999999999"', "bad-number"),
        ("1e99999999999999999999999", "bad-number"),
        ("true", "wrong-type"),
        ("[1]", "wrong-type"),
        ("{}", "wrong-type"),
    ],
)
def test_other_numbers_are_refused(number: str, reason: str) -> None:
    """Over-precise, unbelievable, negative or no numbers at all: each has its reason and names the field."""
    found, detail = refused(with_amount(number))
    assert found == reason
    assert "medfee_sumamt" in detail


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "0x10", "01", "1.", ".5", "+1"])
def test_what_json_does_not_know_is_broken_json(number: str) -> None:
    """Numbers that JSON has no notation for break the record."""
    assert refused(with_amount(number))[0] == "broken-json"


@pytest.mark.parametrize(
    ("field", "places"), [("det_item_fee_sumamt", 2), ("pric", 6), ("cnt", 4), ("prd_days", 2), ("pric_uplmt_amt", 6)]
)
def test_each_field_has_its_own_decimals(field: str, places: int) -> None:
    """The last decimal allowed is taken, one more is refused."""
    line = LINES["lines"][0]
    smallest = "0." + "0" * (places - 1) + "1"
    attribute = {
        "det_item_fee_sumamt": "amount",
        "pric": "price",
        "cnt": "count",
        "prd_days": "days",
        "pric_uplmt_amt": "ceiling",
    }[field]
    assert getattr(fact(LINES | {"lines": [line | {field: smallest}]}), attribute) == 1
    reason, detail = refused(LINES | {"lines": [line | {field: "0." + "0" * places + "1"}]})
    assert (reason, detail.startswith(f"lines[0].{field}:")) == ("over-precise", True)


@given(st.decimals(0, 999_999_999, places=2))
def test_every_amount_survives(amount: Decimal) -> None:
    """Reading and writing an amount gives the same amount."""
    fen = scaled(amount, 2)
    assert Decimal(yuan(fen)) == amount == Decimal(shown(fen, 2))


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**9), st.integers(1, 10**9))
def test_shares_are_rounded_half_up(amount: int, part: int, whole: int) -> None:
    """The exact share lies within half a fen; exactly a half goes away from zero."""
    exact = Fraction(amount * part, whole)
    rounded = share(amount, part, whole)
    assert abs(rounded - exact) <= Fraction(1, 2)
    if abs(rounded - exact) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)


def test_half_and_nothing() -> None:
    """2.5 is 3, -2.5 is -3, and a share of nothing is nothing."""
    assert (half_up(5, 2), half_up(-5, 2), half_up(4, 2)) == (3, -3, 2)
    assert share(100, 1, 0) == 0
    assert (yuan(-5), yuan(12345), shown(-12350, 2), shown(100, 2)) == ("-0.05", "123.45", "-123.5", "1")


LINE: dict[str, Any] = LINES["lines"][0]
CANCEL = LINE | {"feedetl_sn": "2", "init_feedetl_sn": "1", "cnt": -1, "det_item_fee_sumamt": -2}


@pytest.mark.parametrize("name", ["cnt", "det_item_fee_sumamt", "inscp_scp_amt"])
def test_only_cancelling_lines_are_negative(name: str) -> None:
    """Count and amounts are below 0 only with init_feedetl_sn, and then never above 0; one bad line is enough."""
    assert [line.cancels for line in facts(LINES | {"lines": [LINE, CANCEL]})] == [None, "1"]
    assert facts(LINES | {"lines": [CANCEL | {"cnt": 0, "det_item_fee_sumamt": 0}, LINE | {name: 0}]})
    reason, detail = refused(LINES | {"lines": [LINE, LINE | {"feedetl_sn": "3", name: "-0.01"}]})
    assert (reason, detail.startswith(f"lines[1].{name}")) == ("negative", True)
    reason, detail = refused(LINES | {"lines": [LINE, CANCEL | {name: "0.01"}]})
    assert (reason, detail.startswith(f"lines[1].{name}")) == ("not-negative", True)


def test_a_price_is_never_negative() -> None:
    """Not even on a cancelling line."""
    assert refused(LINES | {"lines": [CANCEL | {"pric": "-1"}]})[0] == "negative"
