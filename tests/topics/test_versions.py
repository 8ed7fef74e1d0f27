"""Two versions of one fact: one winner, whatever the order of arrival."""

from functools import reduce
from itertools import permutations
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topics.contract import TYPES
from tests.topics.decode import fact, facts
from topics.facts import FeeLine, Settlement
from topics.versions import standing
from topics.wire import canonical_json, fields_present

F = TypeVar("F", Settlement, FeeLine)

BASE = {"type": "settlement"} | TYPES["settlement"].required


def version(**fields: object) -> Settlement:
    found = fact(BASE | fields)
    assert isinstance(found, Settlement)
    return found


def winner(*versions: F) -> F:
    """The winner of all orders of arrival, which must agree."""
    winners = {canonical_json(reduce(standing, order)): reduce(standing, order) for order in permutations(versions)}
    (found,) = winners.values()
    return found


def test_the_latest_upload_stands() -> None:
    """By upld_time, not by event time, amount or number of fields; equal instants in two notations are equal."""
    old = version(upld_time="2026-03-02 10:00:00", fund_pay_sumamt=99, certno="11010519491231002X", gend="1")
    new = version(upld_time="2026-03-02 10:00:01", fund_pay_sumamt=1)
    assert winner(old, new) is not old
    assert winner(old, new) == new
    assert version(upld_time="2026-03-02T02:00:00Z") == version(upld_time="2026-03-02 10:00:00")


def test_a_missing_upload_is_the_earliest() -> None:
    """Even the oldest upload beats none."""
    without = version(fund_pay_sumamt=99, gend="1", psn_type="x")
    dated = version(upld_time="1970-01-01 00:00:00", fund_pay_sumamt=1)
    assert winner(without, dated) == dated


def test_then_more_fields_stand() -> None:
    """Null counts as absent, `_recv` and unknown fields are none."""
    more = version(gend="1", fund_pay_sumamt=1)
    fewer = version(gend=None, fund_pay_sumamt=99, _recv="2026-03-02 10:00:00", unknown="x", another="y")
    assert winner(more, fewer) == more
    assert fields_present(fewer) == 8


def test_then_the_greater_canonical_json() -> None:
    """Compared as UTF-8; 9.5 is greater than 10 as text."""
    assert winner(version(fund_pay_sumamt=10), version(fund_pay_sumamt="9.50")).fund == 950
    # beyond the basic plane UTF-16 would order these the other way round
    assert winner(version(psn_type="\U00010000"), version(psn_type="\uff5e")).person_type == "\U00010000"


def test_canonical_json() -> None:
    """Sorted names, no spaces, no trailing zeros, one form of time."""
    one = version(medfee_sumamt="100.50", setl_time="2026-03-02T01:00:00Z", special_case="1", psn_type="病")
    assert canonical_json(one) == (
        '{"fixmedins_code":"H1","fund_pay_sumamt":60,"mdtrt_id":"V1","med_type":"11","medfee_sumamt":100.5,'
        '"psn_no":"P1","psn_type":"病","setl_id":"S1","setl_time":"2026-03-02 09:00:00","special_case":"1"}'
    )
    again = version(medfee_sumamt=100.5, special_case="1", psn_type="病")
    assert again == one


def lines(**fields: object) -> list[FeeLine]:
    record = {"type": "fee-lines"} | TYPES["fee-lines"].required | fields
    return facts(record)


def test_the_earliest_upload_of_a_line_counts_for_lateness() -> None:
    """Whichever version stands, the first upload is kept; lines inside settlements tell nothing about it."""
    (first,) = lines(upld_time="2026-03-02 10:00:00")
    (corrected,) = lines(upld_time="2026-03-05 10:00:00", med_type="11")
    inside = facts(BASE | {"upld_time": "2026-03-09 10:00:00", "lines": TYPES["fee-lines"].required["lines"]})[1]
    assert inside.first_upload is None
    found = winner(first, corrected, inside)
    assert found.uploaded_at == inside.uploaded_at
    assert found.first_upload == first.uploaded_at


def test_a_line_inside_a_settlement_is_the_same_line() -> None:
    """It has the settlement's visit, institution, type and upload time."""
    (alone,) = lines(upld_time="2026-03-02 10:00:00", med_type="11")
    inside = facts(BASE | {"upld_time": "2026-03-02 10:00:00", "lines": TYPES["fee-lines"].required["lines"]})[1]
    assert inside.ref == alone.ref == "fee-line:H1/V1/1"
    assert canonical_json(inside) == canonical_json(alone)


_VERSIONS = st.fixed_dictionaries(
    {"fund_pay_sumamt": st.sampled_from(["9", "10", "10.00", "60"])},
    optional={
        "upld_time": st.sampled_from(["2026-03-02 10:00:00", "2026-03-02T02:00:00Z", "2026-03-03 10:00:00"]),
        "gend": st.sampled_from(["1", "2", None]),
        "psn_type": st.sampled_from(["a", "b", "病"]),
    },
)


@given(st.lists(_VERSIONS, min_size=2, max_size=4))
def test_all_orders_have_one_winner(changes: list[dict[str, Any]]) -> None:
    """Any versions, in all permutations and with any repeated: one winner, which is one of them."""
    versions = [version(**fields) for fields in changes]
    assert winner(*versions) in versions
    assert winner(*versions) == winner(*versions, versions[0])


@given(
    st.lists(
        st.tuples(_VERSIONS.map(lambda v: {k: v[k] for k in v if k == "upld_time"}), st.booleans()),
        min_size=2,
        max_size=4,
    )
)
def test_all_orders_of_a_line_have_one_winner(changes: list[tuple[dict[str, str], bool]]) -> None:
    """The same of lines, from uploads and from settlements: winner and first upload are one."""
    given_lines = []
    for fields, inside in changes:
        if inside:
            given_lines.append(facts(BASE | fields | {"lines": TYPES["fee-lines"].required["lines"]})[1])
        else:
            given_lines += lines(**fields)
    found = {reduce(standing, order) for order in permutations(given_lines)}
    assert len(found) == 1


@pytest.mark.parametrize("name", TYPES)
def test_a_version_meets_itself(name: str) -> None:
    """A duplicate is the version itself."""
    if TYPES[name].family != "registry" and name != "tick":
        one = fact({"type": name} | TYPES[name].required)
        assert standing(one, one) is one
