"""The region: its institutions, their departments, physicians, agreements and quotas.

The ordinary institutions of the region lie within 25 km of its centre: any two of them are less than 60 km apart,
which nobody is too slow for. A few lie hundreds of kilometres away, for care outside the region.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from monitor.simulator.formats import REGISTERED, Wire, yuan_text

HOME: Final = "990100"
AWAY: Final = "990900"
_CENTRE: Final = (100.0, 40.0)
_KM_A_DEGREE: Final = 111.0
_RADIUS_KM: Final = 25.0

GENERAL: Final = "A02"
INTERNAL: Final = "A03"
SURGERY: Final = "A04"
OBSTETRICS: Final = "A05"
PAEDIATRICS: Final = "A07"
EMERGENCY: Final = "A20"
DEPARTMENTS: Final = {
    "3": (GENERAL, INTERNAL, SURGERY, OBSTETRICS, PAEDIATRICS, EMERGENCY),
    "2": (GENERAL, INTERNAL, SURGERY, OBSTETRICS, EMERGENCY),
    "1": (GENERAL, INTERNAL),
}
PLANT_WARD: Final = "W99"
"""The ward of planted stays: its beds are never given to others."""
_SPARE_BEDS: Final = 30


@dataclass(slots=True)
class Institution:
    """One institution.

    Attributes:
        index: position among all institutions of the simulation.
        code: fixmedins_code.
        level: hosp_lv `1` to `3`; empty for a pharmacy.
        place: admdvs.
        position: longitude and latitude, degrees (WGS84).
        wards: department -> number of beds.
        physicians: department -> dr_codg.
        discount: what it charges, per cent of the usual price; at most 100.
        itemises: whether lines of stays are uploaded daily; otherwise they come with the settlement.
        pay_way: how its stays are paid.
        quota_day: quota for inpatient fund cost, fen a day; None: no quota.
        base_average: last year's average cost of a stay, fen.
        planted: whether it was made for a plant; ordinary persons do not go there.
    """

    index: int
    code: str
    level: str
    place: str = HOME
    position: tuple[float, float] = _CENTRE
    wards: dict[str, int] = field(default_factory=dict)
    physicians: dict[str, tuple[str, ...]] = field(default_factory=dict)
    discount: int = 100
    itemises: bool = True
    pay_way: str = "case"
    quota_day: int | None = None
    base_average: int | None = None
    planted: bool = False

    @property
    def pharmacy(self) -> bool:
        """Whether it is a pharmacy."""
        return not self.level

    @property
    def beds(self) -> int:
        """Licensed beds."""
        return sum(self.wards.values()) + _SPARE_BEDS if self.wards else 0

    def physician(self, department: str, draw: float) -> str:
        """One of a department's physicians; `draw` from 0 to below 1 chooses."""
        there = self.physicians[department]
        return there[int(draw * len(there))]


class Region:
    """All institutions.

    Args:
        institutions: how many ordinary ones.
        persons: how many persons they serve (for the number of beds and the quotas).
        stays: admissions a person and day.
        rng: its random numbers.
    """

    def __init__(self, institutions: int, persons: int, stays: float, rng: random.Random) -> None:
        self.institutions: list[Institution] = []
        self._rng = rng
        away = max(2, institutions // 40)
        at_home = institutions - away
        pharmacies = max(2, at_home // 4)
        top = max(1, at_home // 15)
        second = max(2, at_home // 5)
        levels = ["3"] * top + ["2"] * second
        levels += ["1"] * (at_home - pharmacies - len(levels)) + [""] * pharmacies
        for level in levels:
            self.add(level, self._near())
        for _ in range(away):
            institution = self.add("3", self._far())
            institution.place = AWAY
        self._size(persons, stays)

    def add(self, level: str, position: tuple[float, float]) -> Institution:
        """Add an institution without beds or quota."""
        rng, index = self._rng, len(self.institutions)
        code = f"{'H' if level else 'Y'}{index + 1:04d}"
        institution = Institution(index, code, level, position=position, discount=rng.randint(86, 100))
        if level:
            physicians = {"3": 8, "2": 5, "1": 3}[level]
            for department in DEPARTMENTS[level]:
                institution.physicians[department] = tuple(
                    f"D{index + 1:04d}{department}{number}" for number in range(1, physicians + 1)
                )
            institution.itemises = rng.random() < 0.8
            institution.pay_way = rng.choice(("case", "case", "service", "bed-day"))
        self.institutions.append(institution)
        return institution

    def add_planted(self, rng: random.Random) -> Institution:
        """Add a hospital for a plant: ordinary persons do not go there, and it has no quota of its own."""
        self._rng = rng
        hospital = self.add("2", self._near())
        hospital.planted = True
        hospital.pay_way = "case"
        # few uploads a day, so that the silence after the plant is no gap in uploads
        hospital.itemises = False
        hospital.wards[INTERNAL] = 10
        return hospital

    def _size(self, persons: int, stays: float) -> None:
        weight = {"3": 6.0, "2": 3.0, "1": 0.4}
        hospitals = self.hospitals
        total = sum(weight[hospital.level] for hospital in hospitals)
        for hospital in hospitals:
            admissions = persons * stays * weight[hospital.level] / total
            beds = max(6, round(admissions * 8 * 2.0))
            departments = [code for code in DEPARTMENTS[hospital.level] if code != EMERGENCY]
            for department in departments:
                hospital.wards[department] = max(4, -(-beds // len(departments)))
            hospital.quota_day = max(450_000, round(admissions * 900_000))
            hospital.base_average = 750_000

    def _near(self) -> tuple[float, float]:
        distance = _RADIUS_KM * math.sqrt(self._rng.random())
        return self._at(distance, self._rng.random() * math.tau)

    def _far(self) -> tuple[float, float]:
        return self._at(280 + 420 * self._rng.random(), self._rng.random() * math.tau)

    def _at(self, km: float, angle: float) -> tuple[float, float]:
        longitude, latitude = _CENTRE
        per_degree = _KM_A_DEGREE * math.cos(math.radians(latitude))
        return (
            round(longitude + km * math.cos(angle) / per_degree, 6),
            round(latitude + km * math.sin(angle) / _KM_A_DEGREE, 6),
        )

    @property
    def local(self) -> list[Institution]:
        """The ordinary institutions of the region itself."""
        return [one for one in self.institutions if one.place == HOME and not one.planted]

    @property
    def hospitals(self) -> list[Institution]:
        """The ordinary hospitals of the region."""
        return [one for one in self.local if not one.pharmacy]

    @property
    def pharmacies(self) -> list[Institution]:
        """The ordinary pharmacies."""
        return [one for one in self.local if one.pharmacy]

    @property
    def distant(self) -> list[Institution]:
        """The hospitals far away."""
        return [one for one in self.institutions if one.place == AWAY and not one.planted]

    def registry(self) -> Iterator[Wire]:
        """Registry objects of institutions, agreements and physicians (quotas: `quotas`)."""
        for one in self.institutions:
            yield _institution(one)
            yield {
                "type": "agreement",
                "fixmedins_code": one.code,
                "status": "active",
                "valid_from": REGISTERED,
            }
            for department, physicians in one.physicians.items():
                for physician in physicians:
                    yield {
                        "type": "physician",
                        "dr_codg": physician,
                        "fixmedins_code": one.code,
                        "department": department,
                        "status": "registered",
                        "valid_from": REGISTERED,
                    }


def _institution(one: Institution) -> Wire:
    entry: Wire = {
        "type": "institution",
        "fixmedins_code": one.code,
        "fixmedins_name": f"{'药店' if one.pharmacy else '医院'} {one.code}",
        "fixmedins_type": "2" if one.pharmacy else "1",
        "admdvs": one.place,
        "lng": one.position[0],
        "lat": one.position[1],
        "valid_from": REGISTERED,
    }
    if not one.pharmacy:
        entry |= {
            "hosp_lv": one.level,
            "departments": list(DEPARTMENTS[one.level]),
            "target_stay_days": 14,
        }
        if one.beds:
            entry["beds"] = one.beds
    return entry


def quota_entry(code: str, period: str, quota: int, base_average: int | None = None) -> Wire:
    """A registry object `quota`.

    Args:
        code: fixmedins_code.
        period: `2026`, `2026Q3` or `2026-11`.
        quota: fen.
        base_average: last year's average cost of a stay, fen.
    """
    entry: Wire = {
        "type": "quota",
        "fixmedins_code": code,
        "period": period,
        "quota_amt": yuan_text(quota),
        "valid_from": REGISTERED,
    }
    if base_average is not None:
        entry["base_avg_cost"] = yuan_text(base_average)
    return entry
