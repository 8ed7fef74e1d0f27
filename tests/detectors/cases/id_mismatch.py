"""Cases of id-mismatch: the enrolled number, else the most frequent, ties to the earliest."""

from tests.detectors.case import Case
from tests.facts import CERTNO_A, CERTNO_B, admission, at, enrolment, reversal, settlement, void

OWN = enrolment(certno=CERTNO_A)
OTHER = settlement(certno=CERTNO_B)

FIRING = [
    Case("another number than the enrolled one", [OWN, OTHER], {("settlement", "S1", None)}),
    Case("the enrolment comes later", [OTHER, OWN], {("settlement", "S1", None)}),
    Case(
        "the enrolled number beats the most frequent",
        [enrolment(certno=CERTNO_A), OTHER, settlement("S2", certno=CERTNO_B)],
        {("settlement", "S1", None), ("settlement", "S2", None)},
    ),
    Case(
        "one of three differs",
        [settlement(f"S{n}", setl_time=at(n), certno=CERTNO_B if n == 1 else CERTNO_A) for n in range(3)],
        {("settlement", "S1", None)},
    ),
    Case(
        "a tie goes to the earliest",
        [settlement("S1", setl_time=at(5), certno=CERTNO_A), settlement("S2", setl_time=at(2), certno=CERTNO_B)],
        {("settlement", "S1", None)},
    ),
    Case("an admission is a stay", [OWN, admission(certno=CERTNO_B)], {("stay", "V1", None)}),
    Case(
        "settlements of a stay are one finding about the stay",
        [OWN, admission(), *(settlement(f"S{n}", mdtrt_id="V1", med_type="21", certno=CERTNO_B) for n in range(2))],
        {("stay", "V1", None)},
    ),
    Case(
        "an inpatient settlement alone makes a stay",
        [OWN, settlement(certno=CERTNO_B, med_type="21")],
        {("stay", "V-S1", None)},
    ),
    Case(
        "an enrolment that was voided is none",
        [
            OWN,
            void("enrolment", void_time=at(3)),
            *(settlement(f"S{n}", setl_time=at(n), certno=CERTNO_A if n == 2 else CERTNO_B) for n in range(3)),
        ],
        {("settlement", "S2", None)},
    ),
]

QUIET = [
    Case("the enrolled number", [OWN, settlement(certno=CERTNO_A)]),
    Case("fifteen digits of the same number", [OWN, settlement(certno="110105491231002")]),
    Case("a small x", [OWN, settlement(certno=CERTNO_A.lower())]),
    Case("a wrong check digit is a data fault", [OWN, settlement(certno="110105194912310021")]),
    Case("a number of another form is a data fault", [OWN, settlement(certno="passport 7")]),
    Case("no number", [OWN, settlement()]),
    Case("no reference", [settlement()]),
    Case("one number and no enrolment", [settlement(certno=CERTNO_A), settlement("S2", certno=CERTNO_A)]),
    Case("a faulty enrolled number is no reference", [enrolment(certno="7"), OTHER]),
    Case("the settlement was reversed", [OWN, OTHER, reversal()]),
    Case("the admission was voided", [OWN, admission(certno=CERTNO_B), void("admission", mdtrt_id="V1")]),
    Case("corrected later", [OWN, OTHER, settlement(certno=CERTNO_A, upld_time=at(1))]),
]
