"""Insured persons: who they are, what they suffer from and where they go.

Identity numbers have a right form and check digit, and an area code (99....) that no place has.
"""

import random
from dataclasses import dataclass
from typing import Final

from monitor.simulator import items
from monitor.simulator.formats import REGISTERED, Wire, day_text
from monitor.simulator.items import Item
from monitor.simulator.region import AWAY, HOME, Institution, Region
from topics.identity import check_digit
from topics.times import parse_day

_AREAS: Final = 10_000
_AREA: Final = 990_000
_MOST_PERSONS: Final = _AREAS * 490
_MOST_STRANGERS: Final = _AREAS * 9
_THIS_YEAR: Final = 2025
_AGE_SHARES: Final = ((0, 14, 0.16), (15, 39, 0.32), (40, 59, 0.30), (60, 92, 0.22))


@dataclass(slots=True)
class Person:
    """One insured person.

    Attributes:
        index: position among all persons.
        number: psn_no.
        certno: identity number.
        gender: `1` male, `2` female.
        birth: day of birth, `yyyy-MM-dd`.
        age: full years at the end of 2025.
        insurance: insutype.
        place: place of insurance.
        household: number of the household.
        rate: how often the person goes to a doctor beside others.
        drugs: drugs taken for good, each for its disease.
        community, hospital, pharmacy: where the person usually goes.
    """

    index: int
    number: str
    certno: str
    gender: str
    birth: str
    age: int
    insurance: str
    place: str
    household: str
    rate: float
    drugs: tuple[tuple[str, Item], ...]
    community: Institution
    hospital: Institution
    pharmacy: Institution

    def enrolment(self) -> Wire:
        """The person's enrolment fact."""
        return {
            "type": "enrolment",
            "psn_no": self.number,
            "valid_from": REGISTERED,
            "certno": self.certno,
            "gend": self.gender,
            "brdy": self.birth,
            "household": self.household,
        }


def strangers_certno(index: int, birth: str, gender: str) -> str:
    """The identity number of someone whom the simulation does not have: no person's, and no other stranger's.

    Args:
        index: from 0.
        birth: `yyyy-MM-dd`.
        gender: `1` or `2`.

    Raises:
        ValueError: there are no more numbers.
    """
    if index >= _MOST_STRANGERS:
        raise ValueError(f"at most {_MOST_STRANGERS:,} identity numbers of strangers can be made")
    return certno_of(_MOST_PERSONS + index, birth, gender)


def certno_of(index: int, birth: str, gender: str) -> str:
    """The identity number of the person with that index: no two persons share one.

    Args:
        index: below 4,990,000.
        birth: `yyyy-MM-dd`.
        gender: `1` or `2`.
    """
    block, area = divmod(index, _AREAS)
    sequence = 2 * block + (1 if gender == "1" else 2)
    first17 = f"{_AREA + area}{birth.replace('-', '')}{sequence:03d}"
    return first17 + check_digit(first17)


class Population:
    """Makes persons one after the other."""

    def __init__(self, region: Region, chronic_share: float, rng: random.Random) -> None:
        self._rng = rng
        self._chronic_share = chronic_share
        hospitals = region.hospitals
        self._communities = [one for one in hospitals if one.level == "1"] or hospitals
        self._hospitals = [one for one in hospitals if one.level != "1"]
        self._weights = [2.0 if one.level == "3" else 1.0 for one in self._hospitals]
        self._pharmacies = region.pharmacies
        self._made = 0

    def person(self, least_age: int = 0, most_age: int = 92, *, healthy: bool = False) -> Person:
        """The next person.

        Args:
            least_age: youngest, years.
            most_age: oldest, years.
            healthy: without chronic disease, at home in the region (the persons of plants).

        Raises:
            ValueError: more persons than there are identity numbers.
        """
        rng, index = self._rng, self._made
        if index >= _MOST_PERSONS:
            raise ValueError(f"at most {_MOST_PERSONS} persons can be simulated")
        self._made += 1
        age = self._age(least_age, most_age)
        gender = "1" if rng.random() < 0.5 else "2"
        birth = day_text(parse_day(f"{_THIS_YEAR - age}-01-01", 1880) + int(rng.random() * 365))
        chronic = not healthy and age >= 35 and rng.random() < self._chronic_share * 1.7
        return Person(
            index=index,
            number=f"P{index + 1:07d}",
            certno=certno_of(index, birth, gender),
            gender=gender,
            birth=birth,
            age=age,
            insurance="310" if 18 <= age < 65 and rng.random() < 0.5 else "390",
            place=HOME if healthy or rng.random() >= 0.02 else AWAY,
            household=f"F{index // 3 + 1:07d}",
            rate=min(2.0, 0.35 + rng.expovariate(1.9)),
            drugs=self._drugs() if chronic else (),
            community=self._communities[int(rng.random() * len(self._communities))],
            hospital=rng.choices(self._hospitals, self._weights)[0],
            pharmacy=self._pharmacies[int(rng.random() * len(self._pharmacies))],
        )

    def _age(self, least: int, most: int) -> int:
        draw = self._rng.random()
        for first, last, share in _AGE_SHARES:
            if draw < share:
                return min(most, max(least, first + int(draw / share * (last - first + 1))))
            draw -= share
        return min(most, max(least, 50))

    def _drugs(self) -> tuple[tuple[str, Item], ...]:
        rng = self._rng
        diseases = rng.sample(sorted(items.CHRONIC), 2 if rng.random() < 0.3 else 1)
        return tuple((disease, rng.choice(items.CHRONIC[disease])) for disease in diseases)
