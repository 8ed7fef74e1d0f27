"""What changes facts long after they happened: as late as it may come, and a second later.

A reversal or void has the horizon of what it cancels; what is known of a person counts for facts up to
`corrections` before it was told. So whatever is admitted finds all that it touches, whatever was forgotten.
"""

import pytest

from monitor.backtest import Backtest
from monitor.terms_files import load_terms
from tests.facts import (
    CERTNO_A,
    CERTNO_B,
    Wire,
    admission,
    at,
    enrolment,
    later,
    reversal,
    run,
    settlement,
    stay_fact,
    void,
)
from topics.alerts import Alert, decode

GENERAL = load_terms(None).general
HORIZON = GENERAL.horizon
CORRECTIONS = GENERAL.corrections
FORGOTTEN = at(290)
"""When what happened on day 0 is forgotten."""


def told(wire: Wire, time: str) -> Wire:
    """A fact with its record time."""
    return wire | {"_recv": time}


def care(number: str, time: str, **fields: object) -> Wire:
    """A settlement that is told at once."""
    return told(settlement(number, setl_time=time, **fields), time)


def burst(**fields: object) -> list[Wire]:
    """Four visits in a day: a finding about the first."""
    return [care(f"S{n}", at(0, f"{9 + n:02d}:00:00"), fixmedins_code=f"H{n}", **fields) for n in range(4)]


def raised(test: Backtest, rule: str) -> list[str]:
    """What stands of a rule."""
    found: list[Alert] = [decode(value) for value in test.alerts()]
    return [alert.about.id for alert in found if alert.rule_id == rule]


def mismatches(objects: list[Wire]) -> list[str]:
    """The facts with another's number, which must not depend on the batch."""
    test = run(objects, batch=1)
    assert test.account["record", "quarantined"] == 0
    assert list(run(objects).alerts()) == list(test.alerts())
    return raised(test, "id-mismatch")


@pytest.mark.parametrize(("late", "admitted"), [(0, True), (1, False)])
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("named", ["reversal", "void", "named"])
def test_what_cancels_has_the_horizon_of_what_it_cancels(
    named: str, batch: int | None, admitted: bool, late: int
) -> None:
    """Whether it says itself when that was, or only the facts know; beyond it the record is quarantined."""
    time = later(at(0, "10:00:00"), HORIZON + late)
    cancel = {
        "reversal": reversal("S1", setl_time=time),
        "named": reversal("S1", setl_time=time, orig_setl_time=at(0, "10:00:00")),
        "void": void("settlement", setl_id="S1", void_time=time),
    }[named]
    bad: list[str] = []
    test = run([*burst(), told(cancel, time)], batch=batch, on_bad=lambda _, why: bad.append(why.reason))
    assert bad == ([] if admitted else ["too-late"])
    assert raised(test, "repeat-visits") == ([] if admitted else ["S0"])


def test_a_void_told_again_is_no_fault() -> None:
    """However late: it changes nothing."""
    gone = void("settlement", setl_id="S1", void_time=at(1))
    test = run([*burst(), told(gone, at(1)), told(gone, at(31))], batch=1)
    assert (test.account["record", "quarantined"], raised(test, "repeat-visits")) == (0, [])


def test_a_void_of_what_is_forgotten_does_nothing() -> None:
    """The finding is frozen; the void waits in vain."""
    test = run([*burst(), care("Z", FORGOTTEN), told(void("settlement", setl_id="S1", void_time=at(291)), at(291))])
    assert (test.account["record", "quarantined"], raised(test, "repeat-visits")) == (0, ["S0"])


@pytest.mark.parametrize(("late", "expected"), [(0, ["S1"]), (1, [])])
def test_an_enrolment_counts_for_the_facts_of_its_time(late: int, expected: list[str]) -> None:
    """For those up to `corrections` before its upload, and all that follow; others are held against what was known."""
    known = later(at(0), CORRECTIONS + late)
    new = told(enrolment(certno=CERTNO_B, upld_time=known), known)
    assert mismatches([care("S1", at(0), certno=CERTNO_A), new]) == expected
    assert mismatches([care("S1", at(0), certno=CERTNO_A), care("Z", FORGOTTEN), new | {"_recv": FORGOTTEN}][:2]) == []


def test_facts_between_two_enrolments_keep_the_first() -> None:
    """Also after both were told, when something touches them again, and in the other order."""
    first = told(enrolment(certno=CERTNO_A, upld_time=at(0)), at(0))
    second = told(enrolment(certno=CERTNO_B, upld_time=at(200)), at(200))
    old, new = care("OLD", at(70), certno=CERTNO_A), care("NEW", at(90), certno=CERTNO_A)
    late = [told(settlement("LATE", setl_time=at(75), certno=CERTNO_B), at(75))]
    assert mismatches([first, old, *late, new, second]) == ["LATE", "NEW"]
    assert mismatches([second | {"_recv": at(0)}, first, old, *late, new]) == ["LATE", "NEW"]
    again = told(reversal("LATE", setl_time=at(201)), at(201))
    assert mismatches([first, old, *late, new, second, again]) == ["NEW"]


def test_a_void_of_an_enrolment_counts_from_its_time_too() -> None:
    """Facts of before are held against what was enrolled then."""
    first = told(enrolment(certno=CERTNO_A, upld_time=at(0)), at(0))
    gone = told(void("enrolment", void_time=at(200)), at(200))
    old, new = care("OLD", at(70), certno=CERTNO_B), care("NEW", at(90), certno=CERTNO_B)
    assert mismatches([first, old, new, gone]) == ["OLD"]
    assert mismatches([first, old, new, gone, told(void("enrolment", void_time=at(210)), at(210))]) == ["OLD"]


def test_an_enrolment_that_was_voided_before_it_came_counts_for_earlier_facts() -> None:
    """It does not stand, but until its void it was known."""
    gone = told(void("enrolment", void_time=at(121)), at(121))
    objects = [care("S1", at(0), certno=CERTNO_A), care("S2", at(2), certno=CERTNO_A)]
    new = told(enrolment(certno=CERTNO_B), at(130))
    assert mismatches([*objects, gone, new]) == mismatches([*objects, new, gone | {"_recv": at(131)}]) == ["S1"]


@pytest.mark.parametrize(("late", "admitted"), [(0, True), (1, False)])
def test_an_enrolment_without_upload_time_comes_before_facts_are_old(late: int, admitted: bool) -> None:
    """It counts for all facts of the person; beyond the horizon of the first it must say when it was known."""
    time = later(at(0), HORIZON + late)
    new = told(enrolment(certno=CERTNO_B), time)
    bad: list[str] = []
    test = run([care("S1", at(0), certno=CERTNO_A), new], on_bad=lambda _, why: bad.append(why.reason))
    assert bad == ([] if admitted else ["too-late"])
    assert raised(test, "id-mismatch") == (["S1"] if admitted else [])


def test_an_enrolment_told_again_is_no_fault() -> None:
    """As sources do every night, with or without its upload time."""
    for one in (enrolment(certno=CERTNO_A), enrolment(certno=CERTNO_A, upld_time=at(0))):
        objects = [told(one, at(0)), care("S1", at(0), certno=CERTNO_A), care("Z", FORGOTTEN), told(one, at(291))]
        assert mismatches(objects) == []


def test_another_number_used_years_later_changes_no_old_finding() -> None:
    """The majority of later facts is not what earlier ones are held against, whether they are forgotten or not."""
    old = [care("A1", at(0), certno=CERTNO_A), care("A2", at(1), certno=CERTNO_A), care("B1", at(2), certno=CERTNO_B)]
    turned = [care(f"B{n}", at(120 + n), certno=CERTNO_B) for n in range(3, 9)]
    assert mismatches([*old, *turned]) == ["B1"]
    assert mismatches([*old, *turned, care("Z", FORGOTTEN, certno=CERTNO_B)]) == ["B1"]
    soon = [care(f"B{n}", at(100 + n), certno=CERTNO_B) for n in range(3, 9)]
    assert mismatches([*old, *soon]) == ["A1", "A2"]


def trace(number: str, time: str, person: str) -> Wire:
    """A box of a drug with its code."""
    code = {"feedetl_sn": "1", "fee_ocur_time": time, "med_list_codg": "D1", "cnt": 1, "pric": "1", "trdn_flag": "0"}
    sold = [code | {"det_item_fee_sumamt": "1.00", "drug_trac_codg": ["C1"]}]
    return care(number, time, psn_no=person, med_type="41", lines=sold)


@pytest.mark.parametrize("batch", [1, None])
def test_a_code_with_old_days_is_judged_again(batch: int | None) -> None:
    """Days of a key are kept as long as what a late reversal touches looks back: here a year on either side."""
    sold = [trace("OLD", at(-480), "P0"), trace("MID", at(-300), "P0"), trace("S1", at(0), "P1")]
    undone = [trace("S2", at(1), "P2"), told(reversal("S2", psn_no="P2", setl_time=at(130)), at(130))]
    assert len(raised(run([*sold, undone[0]], batch=batch), "trace-code-reused")) == 3
    expected = [value for value in run(sold).alerts() if decode(value).rule_id == "trace-code-reused"]
    found = list(run([*sold, *undone], batch=batch).alerts())
    assert [value for value in found if decode(value).rule_id == "trace-code-reused"] == expected


def test_a_stay_of_many_months_keeps_what_was_around_its_begin() -> None:
    """The stay that it continues is kept as long as its own course may change."""
    one = [
        told(admission("M1", begntime=at(10), upld_time=at(10), adm_dept_codg="A03"), at(10)),
        told(stay_fact("discharge", "endtime", "M1", endtime=at(25), dscg_way="1"), at(25)),
        told(admission("M2", begntime=at(30), upld_time=at(30), adm_dept_codg="A03"), at(30)),
    ]
    parts = [
        care(f"S{day}", at(day), mdtrt_id="M2", med_type="21", begntime=at(30), final="0" if day < 346 else "1")
        for day in (120, 210, 300, 346)
    ]
    (alert,) = [alert for alert in map(decode, run([*one, *parts], batch=1).alerts()) if alert.rule_id == "split-stay"]
    assert (alert.about.id, alert.vola_amt) == ("M2", "240.00")
