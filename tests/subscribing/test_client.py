"""What every consumer relies on: reading, filtering, duplicates, ends."""

import pytest

from tests.subscribing.made import change, jr_id, raised, record, withdrawn
from topics.client import NoAlert, Told, Wanted, amount_of, read_change


def test_a_record_is_read_with_its_headers() -> None:
    """Action, id and alert; what is no alert is said without its content."""
    read = change("revised", raised("P1"), 3)
    assert (read.action, read.alert.psn_no, read.headers["revision"]) == ("revised", "P1", "3")
    assert read.event.startswith(read.alert.jr_id + ".")
    value, headers = record("raised", raised("P1"))
    for bad in [(b"{", headers), (b'{"status": "raised"}', headers), (value, []), (value, [("ce_type", b"x")])]:
        with pytest.raises(NoAlert) as told:
            read_change(*bad)
        assert "P1" not in str(told.value)


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (Wanted(), True),
        (Wanted(rules=frozenset({"repeat-visits"})), True),
        (Wanted(rules=frozenset({"hang-bed"})), False),
        (Wanted(severities=frozenset({"1", "2"})), True),
        (Wanted(severities=frozenset({"3"})), False),
        (Wanted(institutions=frozenset({"H1"})), True),
        (Wanted(institutions=frozenset({"H2"})), False),
        (Wanted(least=10_000), True),
        (Wanted(least=10_001), False),
        (Wanted(rules=frozenset({"repeat-visits"}), severities=frozenset({"3"})), False),
    ],
)
def test_filters(wanted: Wanted, *, passes: bool) -> None:
    """Each filter at its boundary; all of them must pass."""
    assert wanted.matches(raised("P1", "100.00")) is passes


def test_an_alert_without_amount_passes_no_least_amount() -> None:
    """Not even 0."""
    assert not Wanted(least=0).matches(raised("P1", None))
    assert (amount_of("12.34"), amount_of("x"), amount_of("1.234"), amount_of(None)) == (1234, None, None, None)


def test_duplicates_are_dropped_by_id_but_not_a_return() -> None:
    """The same event twice is told once; content that comes back after other content is told again."""
    told = Told(Wanted(), {})
    first, second = change("raised", raised("P1", "1.00")), change("revised", raised("P1", "2.00"))
    assert [told.news(one) for one in (first, first, second, second, first)] == [True, False, True, False, True]


def test_what_a_rebuilt_state_tells_again_is_no_news() -> None:
    """The same content by another change has another id; it is told once."""
    told = Told(Wanted(), {})
    again = change("revised", raised("P1", "1.00"), 4)
    assert again.event != change("raised", raised("P1", "1.00")).event
    assert [told.news(one) for one in (change("raised", raised("P1", "1.00")), again)] == [True, False]


def test_who_drops_the_ids_that_were_seen_ends_on_what_stands() -> None:
    """Content goes from A to B and back to A: three events, and the last one that is not dropped is A."""
    first, second = raised("P1", "1.00"), raised("P1", "2.00")
    sent = [change("raised", first), change("revised", second, 2), change("revised", first, 3)]
    kept = {one.event: one.alert.vola_amt for one in [*sent, *sent]}
    assert list(kept.values()) == ["1.00", "2.00", "1.00"]


def test_the_end_is_told_to_whom_was_told_the_beginning() -> None:
    """A withdrawal, and a revision that leaves the filter, once; a withdrawal of what was never told, not at all."""
    known: dict[str, str] = {}
    told = Told(Wanted(least=10_000), known)
    assert not told.news(change("withdrawn", withdrawn("P1")))
    assert not told.news(change("raised", raised("P1", "99.99")))
    assert not told.news(change("withdrawn", withdrawn("P1")))
    assert told.news(change("raised", raised("P1", "100.00")))
    assert told.stands(jr_id("P1"))
    assert told.news(change("revised", raised("P1", "99.99")))
    assert not told.news(change("revised", raised("P1", "50.00")))
    assert told.news(change("revised", raised("P1", "100.00")))
    assert told.news(change("withdrawn", withdrawn("P1")))
    assert not told.news(change("withdrawn", withdrawn("P1")))
    assert known == {}
    assert told.news(change("raised", raised("P1", "100.00")))
