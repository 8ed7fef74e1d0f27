"""Inpatient stays: admission, daily lines, checks, leaves, transfers, discharge, settlement.

Ordinary stays have lines of treatment on every full day, are back from leave before ten in the evening and within
four hours, and are found in bed, on the premises, or away with papers.
"""

import random
from dataclasses import dataclass, field
from typing import Final

from monitor.simulator import items
from monitor.simulator.bills import Care, Charge, Numbers, Settled, Totals, fee_lines, settle
from monitor.simulator.formats import Wire, time_text
from monitor.simulator.persons import Person
from monitor.simulator.region import GENERAL, INTERNAL, OBSTETRICS, PAEDIATRICS, SURGERY, Institution
from topics.times import DAY, HOUR, MINUTE

_DISEASES: Final = {
    GENERAL: ("J18.9", "N10", "K80.2", "E86"),
    INTERNAL: ("I50.9", "I63.9", "J44.1", "E11.6", "K25.4"),
    SURGERY: ("K35.8", "K80.0", "K40.9", "N20.0"),
    OBSTETRICS: ("O82", "O80"),
    PAEDIATRICS: ("J18.0", "A09"),
}
_TRAUMA: Final = ("S52.5", "S82.2")
_OPERATION: Final = {"K35": 0, "S52": 1, "S82": 1, "K80": 2}
_MISTAKES: Final = 0.02
"""Share of a stay's days with a line entered by mistake and cancelled."""
_WAYS: Final = ("1",) * 93 + ("3",) * 4 + ("4",) * 2 + ("9",)


@dataclass(slots=True)
class Stay:
    """A stay as it will be.

    Attributes:
        care: what its settlement says.
        ward, bed: where the person lies at first.
        charges: everything charged, in order of days.
        way: dscg_way.
        events: facts of the stay and when each is uploaded (local seconds), in no order.
        diagnosis: ICD-10 of admission, discharge and settlement.
    """

    care: Care
    end: int
    ward: str
    bed: str
    charges: list[list[Charge]] = field(default_factory=list)
    way: str = "1"
    events: list[tuple[int, Wire]] = field(default_factory=list)

    @property
    def begin(self) -> int:
        """Local second of admission."""
        return self.care.begin

    @property
    def full_days(self) -> range:
        """Local days strictly between the first and the last."""
        return range(self.begin // DAY + 1, self.end // DAY)


class Stays:
    """Makes stays.

    Args:
        numbers: ids.
        close: local second after which nothing happens: no leave or trauma stay is begun that would reach beyond.
    """

    def __init__(self, numbers: Numbers, close: int) -> None:
        self._numbers = numbers
        self._close = close

    def plan(
        self,
        person: Person,
        institution: Institution,
        department: str,
        begin: int,
        end: int,
        place: tuple[str, str],
        rng: random.Random,
        *,
        diagnosis: str | None = None,
        med_type: str | None = None,
        way: str | None = None,
        extras: bool = True,
        turn: int = 0,
    ) -> Stay:
        """Lay out a stay without its settlement.

        Args:
            person: the patient.
            institution: the hospital.
            department: where.
            begin: local second of admission.
            end: local second of discharge, on a later day.
            place: ward and bed.
            rng: random numbers.
            diagnosis: ICD-10; None: one that the department treats.
            med_type: None: 21, or what goes with the diagnosis.
            way: dscg_way; None: nearly always ordered.
            extras: whether checks, leaves and a trauma case may happen.
            turn: chooses the discharge drug's class.
        """
        if diagnosis is None:
            trauma = extras and department == SURGERY and rng.random() < 0.2 and begin + 3 * HOUR < self._close
            diagnosis = rng.choice(_TRAUMA if trauma else _DISEASES[department])
        if med_type is None:
            med_type = _med_type(diagnosis, department, rng)
        care = Care(
            self._numbers.visit(),
            person,
            institution,
            med_type,
            begin,
            diagnosis,
            department,
            institution.physician(department, rng.random()),
            end,
        )
        stay = Stay(care, end, *place, way=way or rng.choice(_WAYS))
        self._admit(stay, rng)
        self._charge(stay, turn, rng)
        if extras:
            self._live(stay, rng)
        self._discharge(stay, rng)
        return stay

    def _fact(self, stay: Stay, kind: str, upload: int, **fields: object) -> Wire:
        fact: Wire = {
            "type": kind,
            "mdtrt_id": stay.care.visit,
            "psn_no": stay.care.person.number,
            "fixmedins_code": stay.care.institution.code,
            **fields,
        }
        stay.events.append((upload, fact))
        return fact

    def _admit(self, stay: Stay, rng: random.Random) -> None:
        care, person = stay.care, stay.care.person
        upload = stay.begin + rng.randint(5, 100) * MINUTE
        self._fact(
            stay,
            "admission",
            upload,
            begntime=time_text(stay.begin),
            upld_time=time_text(upload),
            certno=person.certno,
            gend=person.gender,
            brdy=person.birth,
            ipt_no=f"Z{care.visit[1:]}",
            adm_dept_codg=care.department,
            wardarea_codg=stay.ward,
            adm_bed=stay.bed,
            atddr_no=care.physician,
            adm_diag=care.diagnosis,
            med_type=care.med_type,
        )
        if care.diagnosis[0] == "S":
            filed = stay.begin + rng.randint(20, 110) * MINUTE
            self._fact(stay, "trauma-filing", filed, filed_time=time_text(filed))

    def _charge(self, stay: Stay, turn: int, rng: random.Random) -> None:
        care = stay.care
        first, last = stay.begin // DAY, stay.end // DAY
        operation = _OPERATION.get(care.diagnosis[:3]) if care.department == SURGERY else None
        drugs = rng.sample(items.WARD, 2)
        sequence = 1
        for day in range(first, last + 1):
            at = max(day * DAY + 9 * HOUR, stay.begin) + 15 * MINUTE
            charges = []
            if day < last:
                watched = operation is not None and day <= first + 2 and care.institution.pay_way != "bed-day"
                grade = "1" if watched else "2"
                charges += [Charge(items.BED_DAY, 1, at), Charge(items.NURSING_GRADES[grade], 1, at)]
                charges += [Charge(drug, rng.randint(1, 2), at + 5 * MINUTE) for drug in drugs]
                charges += [
                    Charge(items.SOLVENT, 2, at + 5 * MINUTE),
                    Charge(items.TREATMENTS[0], 1, at + 6 * MINUTE),
                    Charge(items.MATERIALS[0], 1, at + 6 * MINUTE),
                ]
            else:
                at = stay.end - 50 * MINUTE
                drug = items.ACUTE[turn % len(items.ACUTE)]
                code = (self._numbers.trace(drug),)
                charges.append(Charge(drug, 1, at, rng.randint(3, 5), code, discharge=True))
            if day == first:
                charges += [Charge(test, 1, at + 3 * MINUTE) for test in rng.sample(items.TESTS, 3)]
                charges.append(Charge(rng.choice(items.EXAMS), 1, at + 8 * MINUTE))
            elif rng.random() < 0.15:
                charges.append(Charge(rng.choice(items.TESTS), 1, at + 3 * MINUTE))
            if day == first + 1 and day < last:
                charges += _operate(stay, operation, at)
            if rng.random() < _MISTAKES:
                wrong = items.TREATMENTS[2]
                charges.append(Charge(wrong, 1, at + 12 * MINUTE))
                charges.append(Charge(wrong, -1, at + 12 * MINUTE, cancels=sequence + len(charges) - 1))
            stay.charges.append(charges)
            if care.institution.itemises:
                self._upload(stay, day, charges, sequence, rng)
            sequence += len(charges)

    def _upload(self, stay: Stay, day: int, charges: list[Charge], first: int, rng: random.Random) -> None:
        care = stay.care
        if day == stay.end // DAY:
            upload = stay.end + rng.randint(2, 25) * MINUTE
        elif rng.random() < 0.7:
            upload = day * DAY + 22 * HOUR + rng.randint(0, 110) * MINUTE
        else:
            upload = (day + 1) * DAY + rng.randint(30, 280) * MINUTE
        lines = fee_lines(charges, care.institution, care.department, care.physician, Totals(), first)
        self._fact(stay, "fee-lines", upload, upld_time=time_text(upload), med_type=care.med_type, lines=lines)

    def _live(self, stay: Stay, rng: random.Random) -> None:
        days = stay.full_days
        away = None
        if len(days) > 2 and rng.random() < 0.06:
            away = rng.choice(days)
            self.leave(stay, away * DAY + rng.randint(9 * 60, 13 * 60) * MINUTE, rng.randint(60, 240) * MINUTE)
        for day in days:
            if rng.random() < 0.03:
                self.check(stay, day * DAY + rng.randint(8 * 60, 20 * 60) * MINUTE, rng, papers=day == away)

    def leave(self, stay: Stay, begin: int, length: int, *, papers: bool = True) -> None:
        """The patient goes away and comes back; begun and ended are uploaded as they happen."""
        back = begin + length
        if back >= self._close:
            return
        for upload, ended in ((begin, None), (back, time_text(back))):
            fields: Wire = {
                "leave_begntime": time_text(begin),
                "papers": papers,
                "upld_time": time_text(upload),
            }
            if ended is not None:
                fields["leave_endtime"] = ended
            self._fact(stay, "leave", upload, **fields)

    def check(
        self, stay: Stay, at: int, rng: random.Random, *, papers: bool = False, present: str | None = None
    ) -> None:
        """Somebody looks whether the patient is there."""
        if present is None:
            present = "absent" if papers else rng.choice(("in-bed", "in-bed", "in-bed", "on-premises"))
        fields: Wire = {"chk_id": self._numbers.other("K"), "chk_time": time_text(at), "present": present}
        if papers:
            fields["papers"] = True
        if present != "absent":
            fields["certno_seen"] = stay.care.person.certno
        self._fact(stay, "presence-check", at, **fields)

    def move(self, stay: Stay, at: int, department: str, place: tuple[str, str]) -> None:
        """The patient moves to another department, ward and bed."""
        self._fact(
            stay,
            "transfer",
            at + 9 * MINUTE,
            begntime=time_text(at),
            adm_dept_codg=department,
            wardarea_codg=place[0],
            adm_bed=place[1],
            upld_time=time_text(at + 9 * MINUTE),
        )
        stay.care.department = department
        stay.care.physician = stay.care.institution.physicians[department][0]

    def _discharge(self, stay: Stay, rng: random.Random) -> None:
        upload = stay.end + rng.randint(1, 20) * MINUTE
        self._fact(
            stay,
            "discharge",
            upload,
            endtime=time_text(stay.end),
            dscg_way=stay.way,
            dscg_maindiag_code=stay.care.diagnosis,
            upld_time=time_text(upload),
        )

    def settle(self, stay: Stay, at: int) -> Settled:
        """The settlement of the whole stay.

        Args:
            stay: the stay, over by then.
            at: setl_time, local seconds.
        """
        care = stay.care
        totals = Totals()
        charges = [charge for day in stay.charges for charge in day]
        lines = fee_lines(charges, care.institution, care.department, care.physician, totals)
        inside = None if care.institution.itemises else lines
        return settle(care, self._numbers.settlement(), at, totals, inside)


def _med_type(diagnosis: str, department: str, rng: random.Random) -> str:
    if diagnosis[0] == "S":
        return "22"
    if department == OBSTETRICS:
        return "52"
    return "24" if rng.random() < 0.1 else "21"


def _operate(stay: Stay, operation: int | None, at: int) -> list[Charge]:
    if stay.care.diagnosis == "O82":
        return [Charge(items.DELIVERY, 1, at + 30 * MINUTE)]
    if operation is None:
        return []
    return [
        Charge(items.OPERATIONS[operation], 1, at + 30 * MINUTE),
        Charge(items.MATERIALS[1], 1, at + 30 * MINUTE),
    ]
