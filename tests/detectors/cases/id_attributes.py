"""Cases of id-attributes: against the fact's own number (female, 1949-12-31), and against the person's reference."""

from tests.detectors.case import Case
from tests.facts import CERTNO_A, admission, at, enrolment, reversal, settlement

S1 = {("settlement", "S1", None)}
FAULTY = "110105194912310021"

FIRING = [
    Case("another sex than in the number", [settlement(certno=CERTNO_A, gend="1")], S1),
    Case("another birth date than in the number", [settlement(certno=CERTNO_A, brdy="1949-12-30")], S1),
    Case("another sex than enrolled", [enrolment(gend="2"), settlement(gend="1")], S1),
    Case("another birth date than enrolled", [enrolment(brdy="1950-01-01"), settlement(brdy="1950-01-02")], S1),
    Case("fifteen digits count", [settlement(certno="110105491231002", brdy="1949-12-30")], S1),
    Case(
        "against the most frequent",
        [settlement(f"S{n}", setl_time=at(n), gend="1" if n == 1 else "2") for n in range(3)],
        S1,
    ),
    Case(
        "a tie goes to the earliest",
        [settlement("S1", setl_time=at(5), gend="1"), settlement("S2", setl_time=at(2), gend="2")],
        S1,
    ),
    Case("an admission is a stay", [enrolment(gend="2"), admission(gend="1")], {("stay", "V1", None)}),
    Case(
        "admission and settlement of a stay are one finding",
        [
            enrolment(gend="2"),
            admission(gend="1"),
            settlement(mdtrt_id="V1", med_type="21", brdy="1950-01-01", gend="1"),
        ],
        {("stay", "V1", None)},
    ),
]

QUIET = [
    Case("as in the number", [settlement(certno=CERTNO_A, gend="2", brdy="1949-12-31")]),
    Case("as enrolled", [enrolment(gend="2", brdy="1950-01-01"), settlement(gend="2", brdy="1950-01-01")]),
    Case("a faulty number is not compared at all", [enrolment(gend="2"), settlement(certno=FAULTY, gend="1")]),
    Case("an unknown sex", [enrolment(gend="2"), settlement(certno=CERTNO_A, gend="9")]),
    Case("an unknown sex enrolled", [enrolment(gend="0"), settlement(gend="1")]),
    Case("nothing to compare with", [settlement(gend="1", brdy="1950-01-01")]),
    Case("nothing given", [enrolment(gend="1", brdy="1950-01-01"), settlement(certno=CERTNO_A)]),
    Case("reversed", [settlement(certno=CERTNO_A, gend="1"), reversal()]),
    Case("corrected", [settlement(certno=CERTNO_A, gend="1"), settlement(certno=CERTNO_A, gend="2", upld_time=at(1))]),
]
