"""Outpatient, emergency and pharmacy visits of ordinary persons.

What keeps them from any finding: two days at least between visits of a person, chronic prescriptions refilled
with at most `REFILL_EARLY` days in hand, acute drugs of another class at every visit, prices under the ceilings.
"""

import random
from typing import Final

from monitor.simulator import items
from monitor.simulator.bills import Care, Charge, Numbers, Settled, Totals, fee_lines, settle
from monitor.simulator.persons import Person
from monitor.simulator.region import EMERGENCY, GENERAL, INTERNAL, OBSTETRICS, PAEDIATRICS, Institution, Region
from topics.times import DAY, HOUR, MINUTE

REFILL_EARLY: Final = 7
"""Days before a supply runs out at which its refill is due at the earliest."""
_MORNING: Final = (8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 11, 13, 14, 14, 15, 15, 16, 17)
_ANY_HOUR: Final = (1, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 20, 21, 21)
_SHOP_HOUR: Final = (8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 19, 20)
_ACUTE: Final = ("J06.9", "J20.9", "K29.7", "M54.5", "L30.9", "R51", "H10.9", "N39.0", "K52.9", "J30.4")
_URGENT: Final = ("R10.4", "R50.9", "J45.9", "R07.4", "T78.4")
_CERTIFICATES: Final = ("01", "01", "01", "02", "03", "03")


class Visits:
    """Makes visits of ordinary persons.

    Args:
        region: where they go.
        numbers: ids.
    """

    def __init__(self, region: Region, numbers: Numbers) -> None:
        self._numbers = numbers
        self._local = region.hospitals
        self._distant = region.distant

    def acute(self, person: Person, day: int, turn: int, rng: random.Random) -> Settled:
        """A visit for something new.

        Args:
            person: who.
            day: local day.
            turn: how many acute visits the person had; chooses the drugs' classes.
            rng: the day's random numbers.
        """
        draw = rng.random()
        if draw < 0.12:
            return self._shop(person, day, turn, rng)
        if draw < 0.17:
            return self._see(person, person.hospital, day, turn, rng, urgent=True)
        if draw < 0.55:
            institution = person.community
        elif draw < 0.90:
            institution = person.hospital
        elif draw < 0.99:
            institution = self._local[int(rng.random() * len(self._local))]
        else:
            institution = self._distant[int(rng.random() * len(self._distant))]
        return self._see(person, institution, day, turn, rng, urgent=False)

    def _see(
        self, person: Person, institution: Institution, day: int, turn: int, rng: random.Random, *, urgent: bool
    ) -> Settled:
        begin = moment(day, _ANY_HOUR if urgent else _MORNING, rng)
        settled_at = begin + rng.randint(12, 90) * MINUTE + rng.randint(0, 59)
        if urgent and EMERGENCY in institution.physicians:
            med_type, department, most_days = "13", EMERGENCY, 3
        else:
            med_type, department, most_days = "11", _department(person, institution, rng), 7
        charges = [Charge(items.REGISTRATIONS[rng.random() < 0.2], 1, begin)]
        if rng.random() < 0.5:
            test = items.TESTS[int(rng.random() * len(items.TESTS))]
            charges.append(Charge(test, 1, begin + 6 * MINUTE))
        if rng.random() < 0.2 and institution.level != "1":
            exam = items.EXAMS[int(rng.random() * len(items.EXAMS))]
            charges.append(Charge(exam, 1, begin + 8 * MINUTE))
        if department == OBSTETRICS:
            charges.append(Charge(items.ANTENATAL, 1, begin + 9 * MINUTE))
        elif rng.random() < 0.8:
            charges.append(self.supply(items.ACUTE[turn % len(items.ACUTE)], rng.randint(3, most_days), begin))
        if rng.random() < 0.08:
            herb = int(rng.random() * 6)
            charges += [Charge(item, 7, begin + 10 * MINUTE, days=3) for item in items.HERBALS[herb : herb + 3]]
        if rng.random() < 0.03:
            charges.append(Charge(items.COSMETIC, 1, begin + 10 * MINUTE))
        care = Care(
            self._numbers.visit(),
            person,
            institution,
            med_type,
            begin if rng.random() >= 0.03 else day * DAY,
            _diagnosis(department, rng),
            department,
            institution.physician(department, rng.random()),
            certificate=_CERTIFICATES[int(rng.random() * len(_CERTIFICATES))],
        )
        return self.close(care, charges, settled_at)

    def _shop(self, person: Person, day: int, turn: int, rng: random.Random) -> Settled:
        begin = moment(day, _SHOP_HOUR, rng)
        charges = [self.supply(items.ACUTE[turn % len(items.ACUTE)], rng.randint(3, 6), begin)]
        if rng.random() < 0.3:
            charges.append(Charge(items.PATENT_DRUG, 1, begin, days=3))
        care = Care(self._numbers.visit(), person, person.pharmacy, "41", begin, "Z76.0", certificate="01")
        return self.close(care, charges, begin + rng.randint(2, 9) * MINUTE)

    def refill(self, person: Person, day: int, rng: random.Random) -> tuple[Settled, int]:
        """A chronic prescription, and for how many days it lasts."""
        long = rng.random() < 0.12
        days = 84 if long else 30
        if rng.random() < 0.35:
            institution, med_type = person.pharmacy, "41"
            begin = moment(day, _SHOP_HOUR, rng)
        else:
            institution, med_type = person.community, "14"
            begin = moment(day, _MORNING, rng)
        charges = [self.supply(item, days, begin, packs=days // 28) for _, item in person.drugs]
        department, physician = "", None
        if med_type == "14":
            department = INTERNAL
            physician = institution.physician(INTERNAL, rng.random())
            charges.append(Charge(items.REGISTRATIONS[0], 1, begin - MINUTE))
        care = Care(
            self._numbers.visit(),
            person,
            institution,
            med_type,
            begin,
            person.drugs[0][0],
            department,
            physician,
            certificate="01" if med_type == "41" else _CERTIFICATES[int(rng.random() * 6)],
            long_prescription=long,
        )
        return self.close(care, charges, begin + rng.randint(5, 40) * MINUTE), days

    def supply(self, item: items.Item, days: int, at: int, packs: int = 1, *, discharge: bool = False) -> Charge:
        """A dispensed drug with a trace code for each pack."""
        codes = tuple(self._numbers.trace(item) for _ in range(packs))
        return Charge(item, packs, at, days, codes, discharge)

    def close(self, care: Care, charges: list[Charge], at: int) -> Settled:
        """Settle a visit with its lines."""
        totals = Totals()
        lines = fee_lines(charges, care.institution, care.department, care.physician, totals)
        return settle(care, self._numbers.settlement(), at, totals, lines)


def moment(day: int, hours: tuple[int, ...], rng: random.Random) -> int:
    """A local second on a day, in one of the hours, never the hour's first minute (midnight means no hour)."""
    return day * DAY + hours[int(rng.random() * len(hours))] * HOUR + 60 + int(rng.random() * 3_530)


def _department(person: Person, institution: Institution, rng: random.Random) -> str:
    if person.age < 14 and PAEDIATRICS in institution.physicians:
        return PAEDIATRICS
    if person.gender == "2" and 20 <= person.age < 40 and OBSTETRICS in institution.physicians and rng.random() < 0.15:
        return OBSTETRICS
    return GENERAL if rng.random() < 0.5 else INTERNAL


def _diagnosis(department: str, rng: random.Random) -> str:
    if department == OBSTETRICS:
        return "Z34.9"
    diseases = _URGENT if department == EMERGENCY else _ACUTE
    return diseases[int(rng.random() * len(diseases))]
