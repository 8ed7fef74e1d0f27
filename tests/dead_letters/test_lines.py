"""Dead letters as lines: the record's own bytes come back, mended ones go where the contract wants them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dead_letters import BadLetterLine, Filter, Letter, Returns, letter_from, letter_of, line_of
from tests.facts import at, encoded, quota, settlement, void
from topics.catalogue import CLAIMS, INSTITUTIONS, dead_letters
from topics.reasons import Quarantined
from topics.times import parse_time, to_record_time

NOON = to_record_time(parse_time(at(0, "12:00:00")))
MARKS = (
    ("reason", b"bad-code"),
    ("detail", b"pay_way: what"),
    ("source_topic", b"x.claims.facts.v1"),
    ("source_partition", b"3"),
    ("source_offset", b"1207"),
)


def letter(value: bytes | None, *headers: tuple[str, bytes], key: bytes | None = b"P1", time_ms: int = NOON) -> Letter:
    return letter_of(dead_letters(CLAIMS), 3, 8, time_ms, key, value, (*headers, *MARKS))


@given(
    st.none()
    | st.binary()
    | st.text().map(str.encode)
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(lambda value: json.dumps(value, indent=1).encode())
)
def test_a_record_comes_back_byte_for_byte(value: bytes | None) -> None:
    """Whatever was quarantined: JSON, half of it, text, bytes, nothing; one line each."""
    raw = line_of(letter(value))
    assert b"\n" not in raw
    assert letter_from(raw).value == value


@pytest.mark.parametrize("value", [b'{"a": 1.10, "a":2 }', b"{", b"", b"null", b'{\n"a":1}', b" {}", b"\xff", None])
def test_numbers_and_spaces_stay(value: bytes | None) -> None:
    """Nothing is rounded, sorted or merged on the way."""
    assert letter_from(line_of(letter(value))).value == value


def test_a_line_says_where_it_comes_from() -> None:
    """Id, reason, detail, source, time and headers; the headers of the quarantine are not repeated."""
    [value] = encoded([settlement()])
    assert json.loads(line_of(letter(value, ("traceparent", b"00-1"), ("produced_at", b"7")))) == {
        "letter": "claims.facts.v1.dlq/3/8",
        "reason": "bad-code",
        "detail": "pay_way: what",
        "source": "claims.facts.v1/3/1207",
        "time": at(0, "12:00:00"),
        "key": "P1",
        "headers": {"traceparent": "00-1"},
        "value": settlement(),
    }


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"{}", b'{"letter":"x","reason":"","detail":"","source":"x/0/0","time":""}']
)
def test_a_line_of_another_kind_is_refused(raw: bytes) -> None:
    with pytest.raises(BadLetterLine, match="no line of `dlq show`"):
        letter_from(raw)


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        (Filter(), True),
        (Filter(frozenset({CLAIMS})), True),
        (Filter(frozenset({INSTITUTIONS})), False),
        (Filter(reasons=frozenset({"bad-code", "too-late"})), True),
        (Filter(reasons=frozenset({"too-late"})), False),
        (Filter(partition=3), True),
        (Filter(partition=0), False),
        (Filter(offsets=frozenset({1207})), True),
        (Filter(offsets=frozenset({8})), False),
        (Filter(since=parse_time(at(0, "12:00:00"))), True),
        (Filter(since=parse_time(at(0, "12:00:01"))), False),
        (Filter(until=parse_time(at(0, "12:00:00"))), False),
        (Filter(until=parse_time(at(0, "12:00:01"))), True),
        (Filter(partition=3, reasons=frozenset({"too-late"})), False),
    ],
)
def test_filters(filters: Filter, taken: bool) -> None:
    """Every condition must hold; since is included, until is not."""
    assert filters.takes(letter(b"{}")) is taken
    assert filters.restricts is (filters != Filter())


def test_a_mended_record_goes_where_the_contract_wants_it() -> None:
    """Its key and topic follow from what it says, not from where it lay; its letter is named."""
    complaint = {"type": "complaint", "cmpl_id": "K", "fixmedins_code": "H9", "cmpl_time": at(0), "kind": "other"}
    gone = void("complaint", cmpl_id="K", fixmedins_code="H9", psn_no=None)
    one, other, third = (
        letter(value, ("traceparent", b"00-1"), key=b"?")
        for value in encoded([settlement(psn_no="P7"), complaint, gone])
    )
    found = [Returns()(each) for each in (one, other, third)]
    assert [(each.topic, each.key) for each in found] == [(CLAIMS, b"P7"), (INSTITUTIONS, b"H9"), (INSTITUTIONS, b"H9")]
    assert found[0].headers == (("traceparent", b"00-1"), ("redriven_from", b"claims.facts.v1.dlq/3/8"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "broken-json"),
        (None, "not-an-object"),
        (encoded([settlement(setl_time=None)])[0], "missing-field"),
        (b'{"type":"tick","tick_time":"2026-03-02 09:00:00"}', "wrong-topic"),
        (
            encoded([quota()])[0],
            "wrong-topic",
        ),
    ],
)
def test_what_is_still_no_fact_does_not_go_back(value: bytes | None, reason: str) -> None:
    """It would only be quarantined again."""
    with pytest.raises(Quarantined) as caught:
        Returns()(letter(value))
    assert caught.value.reason == reason
