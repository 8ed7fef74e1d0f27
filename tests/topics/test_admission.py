"""Admitting a fact by its record time alone: both sides of every bound."""

from typing import Any

import pytest

from tests.topics.contract import TYPES, VOIDS
from tests.topics.decode import facts
from topics.admission import Bounds, admit
from topics.reasons import Quarantined
from topics.times import DAY, HOUR, format_time, parse_time, to_record_time

BOUNDS = Bounds(HOUR, 31 * DAY, 62 * DAY)
NOW = parse_time("2026-06-01 12:00:00")

EVENT_TIME = {
    "settlement": "setl_time",
    "reversal": "setl_time",
    "admission": "begntime",
    "transfer": "begntime",
    "discharge": "endtime",
    "leave": "leave_begntime",
    "presence-check": "chk_time",
    "trauma-filing": "filed_time",
    "self-pay-stay": "begntime",
    "enrolment": "valid_from",
    "death": "death_time",
    "card-loss": "lost_from",
    "complaint": "cmpl_time",
    "stock-movement": "move_time",
    "item-change": "change_time",
}
MAY_LIE_AHEAD = {"enrolment", "item-change", "self-pay-stay"}
LATE_BY = {
    "settlement": "setl_time",
    "leave": "leave_begntime",
    "presence-check": "chk_time",
    "admission": "upld_time",
    "transfer": "upld_time",
    "discharge": "upld_time",
    "trauma-filing": "upld_time",
    "self-pay-stay": "upld_time",
}
UNLIMITED = sorted(set(EVENT_TIME) - set(LATE_BY) - {"reversal"})
YEARS = 5 * 365 * DAY


def record(kind: str, **times: int) -> dict[str, Any]:
    """A fact whose required times are now but for those given (local seconds)."""
    wire = {"type": kind} | TYPES[kind].required
    now = {field: format_time(NOW) for field in wire if field == EVENT_TIME.get(kind) or field == "upld_time"}
    return wire | now | {field: format_time(time) for field, time in times.items()}


def outcome(wire: dict[str, Any], record_ms: int = to_record_time(NOW)) -> str:
    """`admitted`, or the reason why not."""
    try:
        admit(facts(wire), record_ms, BOUNDS)
    except Quarantined as why:
        return why.reason
    return "admitted"


@pytest.mark.parametrize("kind", EVENT_TIME)
def test_not_more_than_the_tolerance_ahead(kind: str) -> None:
    """Exactly an hour ahead is admitted, a second more only where the contract lets a fact announce something."""
    field = EVENT_TIME[kind]
    assert outcome(record(kind, **{field: NOW + HOUR})) == "admitted"
    beyond = "admitted" if kind in MAY_LIE_AHEAD else "in-the-future"
    assert outcome(record(kind, **{field: NOW + HOUR + 1})) == beyond
    assert outcome(record(kind, **{field: NOW + YEARS})) == beyond


@pytest.mark.parametrize("kind", LATE_BY)
def test_not_older_than_the_lateness_bound(kind: str) -> None:
    """Exactly 31 days late is admitted, a second more is too late."""
    field = LATE_BY[kind]
    assert outcome(record(kind, **{field: NOW - 31 * DAY})) == "admitted"
    assert outcome(record(kind, **{field: NOW - 31 * DAY - 1})) == "too-late"


@pytest.mark.parametrize("kind", [kind for kind, field in LATE_BY.items() if field == "upld_time"])
def test_lateness_by_upload_looks_at_nothing_else(kind: str) -> None:
    """What is uploaded in time may have happened long ago; without an optional upld_time within the horizon."""
    assert outcome(record(kind, **{EVENT_TIME[kind]: NOW - YEARS, "upld_time": NOW})) == "admitted"
    if kind != "admission":
        for time, expected in ((NOW - 62 * DAY, "admitted"), (NOW - 62 * DAY - 1, "too-late")):
            without = record(kind, **{EVENT_TIME[kind]: time})
            without.pop("upld_time", None)
            assert outcome(without) == expected


@pytest.mark.parametrize("kind", UNLIMITED)
def test_some_facts_have_no_lateness_bound(kind: str) -> None:
    """They may be told years later, uploaded or not."""
    assert outcome(record(kind, **{EVENT_TIME[kind]: NOW - YEARS})) == "admitted"
    assert outcome(record(kind, **{EVENT_TIME[kind]: NOW - YEARS, "upld_time": NOW - YEARS})) == "admitted"


def test_a_reversal_is_held_against_what_it_cancels() -> None:
    """By orig_setl_time, within the horizon instead of the lateness bound; without it by its own time."""
    assert outcome(record("reversal", orig_setl_time=NOW - 62 * DAY)) == "admitted"
    assert outcome(record("reversal", orig_setl_time=NOW - 62 * DAY - 1)) == "too-late"
    assert outcome(record("reversal", setl_time=NOW - 31 * DAY)) == "admitted"
    assert outcome(record("reversal", setl_time=NOW - 31 * DAY - 1)) == "too-late"
    assert outcome(record("reversal", setl_time=NOW - 60 * DAY, orig_setl_time=NOW - 61 * DAY)) == "admitted"


@pytest.mark.parametrize("kind", VOIDS)
def test_a_void_is_late_by_its_own_time(kind: str) -> None:
    """Whatever it cancels: how old that may be is known to the engine alone."""
    wire = {"type": "void", "kind": kind, "psn_no": "P1", "fixmedins_code": "H1"} | VOIDS[kind][1]
    assert outcome(wire | {"void_time": format_time(NOW - 31 * DAY)}) == "admitted"
    assert outcome(wire | {"void_time": format_time(NOW - 31 * DAY - 1)}) == "too-late"
    assert outcome(wire | {"void_time": format_time(NOW + HOUR)}) == "admitted"
    assert outcome(wire | {"void_time": format_time(NOW + HOUR + 1)}) == "in-the-future"


def lines(container: str, fee_time: int, **times: int) -> dict[str, Any]:
    line = TYPES["fee-lines"].required["lines"][0] | {"fee_ocur_time": format_time(fee_time)}
    good = line | {"feedetl_sn": "2", "fee_ocur_time": format_time(NOW)}
    return record(container, **times) | {"lines": [good, line]}


def test_fee_lines_are_late_by_their_upload() -> None:
    """An upload within the bound may carry old lines; one line of the future refuses them all."""
    assert outcome(lines("fee-lines", NOW - YEARS)) == "admitted"
    assert outcome(lines("fee-lines", NOW, upld_time=NOW - 31 * DAY)) == "admitted"
    assert outcome(lines("fee-lines", NOW, upld_time=NOW - 31 * DAY - 1)) == "too-late"
    assert outcome(lines("fee-lines", NOW + HOUR)) == "admitted"
    assert outcome(lines("fee-lines", NOW + HOUR + 1)) == "in-the-future"


def test_lines_of_a_settlement_have_no_bound_of_their_own() -> None:
    """A settlement in time may list lines of a stay of months, uploaded whenever."""
    old = lines("settlement", NOW - YEARS) | {"upld_time": format_time(NOW - YEARS)}
    assert outcome(old) == "admitted"
    assert outcome(lines("settlement", NOW + HOUR + 1)) == "in-the-future"


def test_a_fraction_of_a_second_counts() -> None:
    """Record times are milliseconds: half a second more of them widens one bound and narrows the other."""
    half_later = to_record_time(NOW) + 500
    assert outcome(record("settlement", setl_time=NOW - 31 * DAY), half_later) == "too-late"
    assert outcome(record("settlement", setl_time=NOW - 31 * DAY + 1), half_later) == "admitted"
    assert outcome(record("settlement", setl_time=NOW + HOUR), half_later) == "admitted"
    assert outcome(record("settlement", setl_time=NOW + HOUR + 1), half_later) == "in-the-future"


def test_the_detail_names_both_times_and_no_person() -> None:
    """People can see how far it was off without seeing who."""
    with pytest.raises(Quarantined) as caught:
        admit(facts(record("settlement", setl_time=NOW - 40 * DAY)), to_record_time(NOW), BOUNDS)
    assert format_time(NOW - 40 * DAY) in caught.value.detail
    assert format_time(NOW) in caught.value.detail
    assert "P1" not in caught.value.detail


@pytest.mark.parametrize("kind", ["institution", "agreement", "quota", "physician", "item", "calendar", "model"])
def test_registry_entries_are_not_facts(kind: str) -> None:
    """The registry has no bound at all: it is never held against a record time."""
    assert facts({"type": kind} | TYPES[kind].required | {"valid_from": "2099-01-01 00:00:00"})
