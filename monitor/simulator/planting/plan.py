"""The plan of what is planted: persons, facts by day, registry entries and labels."""

import random
from dataclasses import dataclass, field

from monitor.simulator import items
from monitor.simulator.bills import Care, Charge, Numbers, Settled, Totals, fee_lines, settle
from monitor.simulator.config import SimulationConfig
from monitor.simulator.formats import Wire
from monitor.simulator.labels import Label
from monitor.simulator.persons import Person, Population
from monitor.simulator.region import INTERNAL, PLANT_WARD, Institution, Region
from monitor.simulator.stays import Stay, Stays
from monitor.simulator.workdays import Workdays
from topics.times import DAY, HOUR, MINUTE


class PlantError(ValueError):
    """A rule cannot be planted in this span; the message says why. Nothing of the plant was planned."""


@dataclass
class Day:
    """What is planted on one local day.

    Attributes:
        facts: upload time and wire object of facts other than settlements.
        settled: settlements, to be counted among those of their institution.
        reversed: settlements that are reversed, and when.
    """

    facts: list[tuple[int, Wire]] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    reversed: list[tuple[Settled, int]] = field(default_factory=list)


class Plan:
    """Collects plants. Their persons do nothing but what is planted.

    Args:
        config: the span.
        region: institutions; planted ones are added to it.
        population: makes the planted persons.
        numbers: ids.
        workdays: the calendar.
        rng: random numbers of all plants.
    """

    def __init__(
        self,
        config: SimulationConfig,
        region: Region,
        population: Population,
        numbers: Numbers,
        workdays: Workdays,
        rng: random.Random,
    ) -> None:
        self.config, self.region, self.numbers, self.workdays, self.rng = config, region, numbers, workdays, rng
        self.stays = Stays(numbers, config.end)
        self.days: dict[int, Day] = {}
        self.persons: list[Person] = []
        self.registry: list[Wire] = []
        self.labels: list[Label] = []
        self._population = population
        self._turn = 0
        self._beds = 0
        self._taken: set[tuple[int, int]] = set()

    def person(self, least_age: int = 30, most_age: int = 75) -> Person:
        """A new person, enrolled, without a life beyond the plants."""
        person = self._population.person(least_age, most_age, healthy=True)
        self.persons.append(person)
        return person

    def first_day(self, rule: str, length: int) -> int:
        """A day from which `length` days lie wholly inside the span, chosen at random.

        Raises:
            PlantError: the span is shorter than that.
        """
        spare = self.config.full_days - length
        if spare < 0:
            raise PlantError(f"{rule} needs at least {length} full days to be planted")
        return self.config.begin + self.rng.randint(0, spare)

    def hospital(self, *days: int) -> Institution:
        """An ordinary hospital of some size that has no planted stay settled on these days."""
        hospitals = [one for one in self.region.hospitals if one.level != "1"]
        for _ in hospitals:
            self._turn += 1
            hospital = hospitals[self._turn % len(hospitals)]
            if not any((hospital.index, day) in self._taken for day in days):
                break
        self._taken.update((hospital.index, day) for day in days)
        return hospital

    def day(self, second: int) -> Day:
        """The plan of the local day of a moment."""
        return self.days.setdefault(second // DAY, Day())

    def label(self, rule: str, kind: str, about: str, discriminator: str | None = None) -> None:
        """Say that the plants entail this finding."""
        self.labels.append(Label(rule, kind, about, discriminator))

    def visit(
        self,
        person: Person,
        institution: Institution,
        begin: int,
        *,
        diagnosis: str = "J06.9",
        med_type: str = "11",
        certificate: str = "02",
        charges: list[Charge] | None = None,
    ) -> Settled:
        """A visit that is settled 20 minutes after its begin; without charges a consultation."""
        pharmacy = institution.pharmacy
        department = "" if pharmacy else INTERNAL
        physician = None if pharmacy else institution.physicians[department][0]
        care = Care(
            self.numbers.visit(),
            person,
            institution,
            med_type,
            begin,
            diagnosis,
            department,
            physician,
            certificate=certificate,
        )
        if charges is None:
            charges = [Charge(items.PATENT_DRUG if pharmacy else items.REGISTRATIONS[0], 1, begin, days=int(pharmacy))]
        totals = Totals()
        lines = fee_lines(charges, institution, department, physician, totals)
        settled = settle(care, self.numbers.settlement(), begin + 20 * MINUTE, totals, lines)
        self.day(settled.at).settled.append(settled)
        return settled

    def cancel(self, settled: Settled, at: int) -> None:
        """Reverse a settlement."""
        self.day(at).reversed.append((settled, at))

    def stay(
        self,
        person: Person,
        institution: Institution,
        begin: int,
        end: int,
        *,
        department: str = INTERNAL,
        diagnosis: str | None = None,
        med_type: str = "21",
        way: str = "1",
        bed: str | None = None,
    ) -> Stay:
        """A stay with its daily lines, settled two hours after its end; send it with `send`."""
        if bed is None:
            bed = self.bed()
        return self.stays.plan(
            person,
            institution,
            department,
            begin,
            end,
            (PLANT_WARD, bed),
            self.rng,
            diagnosis=diagnosis,
            med_type=med_type,
            way=way,
            extras=False,
        )

    def bed(self) -> str:
        """A bed that nobody else gets."""
        self._beds += 1
        return f"{self._beds:05d}"

    def send(self, stay: Stay, settled_at: int | None = None) -> Settled:
        """Put a stay, complete by now, into the plan."""
        for upload, fact in stay.events:
            self.day(upload).facts.append((upload, fact))
        settled = self.stays.settle(stay, stay.end + 2 * HOUR if settled_at is None else settled_at)
        self.day(settled.at).settled.append(settled)
        return settled
