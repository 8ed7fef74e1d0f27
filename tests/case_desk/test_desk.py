"""The desk's cases are what the alerts say, whatever comes again, out of turn, or from another desk."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.case_desk.store import Case, Desk, LostPartition, Sqlite, opened
from tests.subscribing.made import change, jr_id, raised, withdrawn
from topics.client import Change

SOURCE = "cluster/alerts.v1"


def feed(desk: Desk, *changes: Change, begin: int | None = None) -> int:
    """Give changes to the desk from an offset on, one a record; gives the end."""
    start = desk.position(SOURCE, 0) or 0 if begin is None else begin
    end = start + len(changes)
    desk.take(SOURCE, 0, start, list(enumerate(changes, start)), end)
    return end


def case_of(desk: Desk, name: str) -> Case:
    case = desk.case(jr_id(name))
    assert case is not None
    return case


def test_raise_revision_and_withdrawal(desk: Desk) -> None:
    """One case all along; a withdrawn case keeps the last content for the reader."""
    feed(desk, change("raised", raised("P1", "1.00")))
    assert (case_of(desk, "P1").state, case_of(desk, "P1").amount_fen) == ("open", 100)
    feed(desk, change("revised", raised("P1", "2.00", severity="1")))
    assert (case_of(desk, "P1").severity, case_of(desk, "P1").amount_fen) == ("1", 200)
    feed(desk, change("withdrawn", withdrawn("P1")))
    closed = case_of(desk, "P1")
    assert (closed.state, closed.amount_fen, closed.versions) == ("withdrawn", 200, 3)
    assert '"2.00"' in closed.content
    assert desk.history(jr_id("P1")) == ["raised", "revised", "withdrawn"]
    assert len(desk.cases()) == 1


def test_withdrawal_before_raise(desk: Desk) -> None:
    """The first that is seen of an alert may be its withdrawal; a later raise opens the case."""
    feed(desk, change("withdrawn", withdrawn("P1")))
    closed = case_of(desk, "P1")
    assert (closed.state, closed.severity, closed.amount_fen) == ("withdrawn", None, None)
    assert desk.cases("open") == []
    feed(desk, change("raised", raised("P1")))
    assert (case_of(desk, "P1").state, case_of(desk, "P1").severity) == ("open", "2")


def test_duplicates_by_id_and_content_that_comes_back(desk: Desk) -> None:
    """The content that a case has changes nothing; content of an earlier version does."""
    first, second = change("raised", raised("P1", "1.00")), change("revised", raised("P1", "2.00"))
    feed(desk, first, first, second, second, first)
    assert desk.history(jr_id("P1")) == ["raised", "revised", "raised"]
    assert case_of(desk, "P1").amount_fen == 100


def test_a_decision_holds_until_the_alert_changes(desk: Desk) -> None:
    """It is about the content that was seen: refused when that has changed, reopened when it changes later."""
    feed(desk, change("raised", raised("P1", "1.00")))
    seen = case_of(desk, "P1")
    feed(desk, change("revised", raised("P1", "2.00")))
    assert not desk.decide(seen.jr_id, seen.event, "confirmed")
    now = case_of(desk, "P1")
    assert desk.decide(now.jr_id, now.event, "confirmed")
    feed(desk, change("revised", raised("P1", "2.00")), change("raised", raised("P1", "2.00"), 9))
    assert case_of(desk, "P1").state == "decided"
    feed(desk, change("revised", raised("P1", "3.00")))
    reopened = case_of(desk, "P1")
    assert (reopened.state, reopened.decision, reopened.decided_event) == ("open", "confirmed", now.event)
    feed(desk, change("withdrawn", withdrawn("P1")))
    assert not desk.decide(seen.jr_id, case_of(desk, "P1").event, "confirmed")


def test_a_batch_that_was_taken_is_not_taken_again(desk: Desk) -> None:
    """The position is compared: a second desk, or the same one after a repetition, changes nothing."""
    end = feed(desk, change("raised", raised("P1", "1.00")), change("revised", raised("P1", "2.00")))
    for begin in (0, 1, end + 1):
        with pytest.raises(LostPartition):
            feed(desk, change("raised", raised("P1", "9.00")), begin=begin)
    assert (case_of(desk, "P1").amount_fen, desk.position(SOURCE, 0)) == (200, end)


def test_a_failure_within_a_batch_leaves_nothing_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither cases nor position: the batch is taken whole the next time."""
    apply, count = Desk._apply, itertools.count()

    def fail(self: Desk, one: Change) -> None:
        if next(count) == 1:
            raise RuntimeError("power is gone")
        apply(self, one)

    batch = [change("raised", raised("P1")), change("raised", raised("P2"))]
    with monkeypatch.context() as patched:
        patched.setattr(Desk, "_apply", fail)
        with pytest.raises(RuntimeError):
            feed(desk, *batch)
    assert desk.cases() == []
    assert desk.position(SOURCE, 0) is None
    feed(desk, *batch)
    assert len(desk.cases()) == 2


def test_two_desks_on_one_database(database: str, desk: Desk) -> None:
    """The one that comes second with the same records is told so."""
    other_base = opened(database)
    other = Desk(other_base)
    feed(desk, change("raised", raised("P1")), begin=0)
    with pytest.raises(LostPartition):
        feed(other, change("raised", raised("P1")), begin=0)
    feed(other, change("withdrawn", withdrawn("P1")))
    assert case_of(desk, "P1").state == "withdrawn"
    other_base.close()


_steps = st.lists(st.tuples(st.sampled_from(["P1", "P2"]), st.sampled_from(["1.00", "2.00", None])), max_size=12)


@given(_steps, st.lists(st.integers(0, 12), max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cases_are_the_last_words(steps: list[tuple[str, str | None]], rewinds: list[int]) -> None:
    """Whatever is read again from anywhere, in whatever batches, the cases are those of a single reading."""
    changes = [
        change("withdrawn", withdrawn(name)) if amount is None else change("raised", raised(name, amount))
        for name, amount in steps
    ]
    base = Sqlite(":memory:")
    desk = Desk(base)
    for end in sorted({min(one, len(changes)) for one in rewinds} | {len(changes)}):
        begin = desk.position(SOURCE, 0) or 0
        # records before the position come again: those at or after it alone are applied
        desk.take(SOURCE, 0, begin, list(_from(changes, max(begin - 3, 0), end)), end)
    for name in {name for name, _ in steps}:
        amount = [amount for other, amount in steps if other == name][-1]
        case = case_of(desk, name)
        assert case.state == ("withdrawn" if amount is None else "open")
        if amount is not None:
            assert case.amount_fen == int(amount.replace(".", ""))
    base.close()


def _from(changes: list[Change], begin: int, end: int) -> Iterator[tuple[int, Change]]:
    for offset in range(begin, end):
        yield offset, changes[offset]
