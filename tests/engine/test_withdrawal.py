"""What is told wrongly is taken back, and comes again when it turns out to be right after all."""

import pytest

from monitor.records import AlertChange
from tests.facts import CERTNO_A, CERTNO_B, Wire, admission, at, enrolment, reversal, run, settlement, void
from topics.alerts import decode

OWN = enrolment(certno=CERTNO_A)
WRONG = settlement(certno=CERTNO_B)
VOID = void("settlement", setl_id="S1", void_time=at(2))
REVERSAL = reversal(setl_time=at(2))


def story(*objects: Wire) -> list[tuple[str, int, str]]:
    """Action, revision and cause of every change of id-mismatch, one record at a time."""
    log: list[AlertChange] = []
    run(objects, batch=1, on_change=log.append)
    return [(change.action, change.revision, change.cause) for change in log if change.alert.rule_id == "id-mismatch"]


RAISED = ("raised", 1, "settlement:S1")


@pytest.mark.parametrize(
    ("objects", "then"),
    [
        ([REVERSAL], [("withdrawn", 2, "reversal:S1")]),
        ([VOID], [("withdrawn", 2, "void:settlement:S1")]),
        ([WRONG | {"certno": CERTNO_A, "upld_time": at(1)}], [("withdrawn", 2, "settlement:S1")]),
        ([enrolment(certno=CERTNO_B, upld_time=at(1))], [("withdrawn", 2, "enrolment:P1")]),
        ([void("enrolment")], [("withdrawn", 2, "void:enrolment:P1")]),
        ([WRONG | {"fund_pay_sumamt": "61.00", "upld_time": at(1)}], [("revised", 2, "settlement:S1")]),
        ([WRONG], []),
        ([settlement("S2", certno=CERTNO_A)], []),
        (
            [REVERSAL, void("reversal", setl_id="S1", void_time=at(3))],
            [("withdrawn", 2, "reversal:S1"), ("raised", 1, "void:reversal:S1")],
        ),
        (
            [VOID, WRONG | {"upld_time": at(2, "09:00:01")}],
            [("withdrawn", 2, "void:settlement:S1"), ("raised", 1, "settlement:S1")],
        ),
        ([VOID, WRONG | {"upld_time": at(2)}], [("withdrawn", 2, "void:settlement:S1")]),
        ([VOID, REVERSAL], [("withdrawn", 2, "void:settlement:S1")]),
    ],
)
def test_a_finding_and_what_comes_of_it(objects: list[Wire], then: list[tuple[str, int, str]]) -> None:
    """Each change names the fact that caused it; what changes nothing says nothing."""
    assert story(OWN, WRONG, *objects) == [RAISED, *then]


@pytest.mark.parametrize("first", [REVERSAL, VOID])
def test_a_cancellation_that_comes_first(first: Wire) -> None:
    """A reversal or void that is there before its settlement lets nothing be raised."""
    assert story(OWN, first, WRONG) == []


def test_a_withdrawal_says_whom_it_concerned_and_nothing_else() -> None:
    """Identity, person and institution are left."""
    log: list[AlertChange] = []
    run([OWN, WRONG, REVERSAL], batch=1, on_change=log.append)
    gone = decode(log[-1].value)
    assert (gone.status, gone.psn_no, gone.fixmedins_code) == ("withdrawn", "P1", "H1")
    assert (gone.evidence, gone.vola_cont, gone.vola_amt, gone.window, gone.terms_id) == (None,) * 5
    assert log[-1].amount_change == -6000


def test_a_settlement_becomes_part_of_a_stay() -> None:
    """When the admission comes, the finding about the settlement gives way to one about the stay."""
    log: list[AlertChange] = []
    run([OWN, WRONG, admission("V-S1")], batch=1, on_change=log.append)
    assert [(change.action, change.alert.about.kind) for change in log] == [
        ("raised", "settlement"),
        ("withdrawn", "settlement"),
        ("raised", "stay"),
    ]
    assert decode(log[-1].value).tier == "T6"
