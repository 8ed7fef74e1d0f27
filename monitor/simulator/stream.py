"""The region lives: day by day, in bounded memory, facts come out in the order in which they arrive."""

import random
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.simulator import items
from monitor.simulator.affairs import Affairs, card_loss
from monitor.simulator.arrival import AHEAD, Arrival, Arrivals
from monitor.simulator.beds import Beds, ward
from monitor.simulator.bills import Numbers, Settled
from monitor.simulator.config import SimulationConfig
from monitor.simulator.formats import Wire, time_text
from monitor.simulator.governor import Governor, quarter
from monitor.simulator.labels import Label
from monitor.simulator.persons import Person, Population
from monitor.simulator.planting import plant_all
from monitor.simulator.planting.plan import Day, Plan
from monitor.simulator.region import OBSTETRICS, PAEDIATRICS, Region, quota_entry
from monitor.simulator.spoiling import Spoiler, reversal
from monitor.simulator.stays import Stay, Stays
from monitor.simulator.visits import REFILL_EARLY, Visits
from monitor.simulator.workdays import Workdays
from topics.times import DAY, HOUR, MINUTE, period_days

_NEVER: Final = 1 << 30
_GAP_DAYS: Final = 2
"""Least days between two visits of a person."""
_STAY_GAP_DAYS: Final = 45
"""Least days between two stays of a person."""
_MOVES: Final = 0.08
"""Share of longer stays in which the patient moves to another department."""
_DEATHS: Final = 0.02
"""Share of stays from 65 years on that end with death."""


def simulate(config: SimulationConfig, seed: int = 0) -> "Simulation":
    """A region's life.

    Args:
        config: what to simulate.
        seed: the same seed and configuration give the same stream, to the byte.

    Raises:
        ValueError: the configuration cannot be simulated.
    """
    return Simulation(config, seed)


class Simulation:
    """A planned simulation: its labels are known, its stream is made while it is read.

    Iterating yields (record time in local seconds, wire object with `_recv`), in order of record time; each
    iteration starts anew and yields the same.

    Attributes:
        config: what is simulated.
        labels: every finding that the plants entail, sorted.
        skipped: rule -> why it could not be planted (mostly: the span is too short).
    """

    def __init__(self, config: SimulationConfig, seed: int = 0) -> None:
        self.config = config
        self._seed = seed
        world = _World(config, seed)
        self.labels: list[Label] = sorted(world.plan.labels)
        self.skipped = world.skipped

    def __iter__(self) -> Iterator[Arrival]:
        return _World(self.config, self._seed).run()


class _World:
    """Everything that changes while one stream is made."""

    def __init__(self, config: SimulationConfig, seed: int) -> None:
        self._config, self._seed = config, seed
        rng = random.Random(f"{seed}/region")
        last_day = (config.end - 1) // DAY
        self._workdays = Workdays(config.begin, last_day)
        self._numbers = Numbers()
        self._region = Region(config.institutions, config.persons, config.stays, rng)
        self._ordinary = len(self._region.institutions)
        population = Population(self._region, config.chronic_share, random.Random(f"{seed}/persons"))
        self._persons = [population.person() for _ in range(config.persons)]
        self.plan = Plan(
            config, self._region, population, self._numbers, self._workdays, random.Random(f"{seed}/plants")
        )
        self.skipped = plant_all(self.plan)

        self._visits = Visits(self._region, self._numbers)
        self._stays = Stays(self._numbers, config.end)
        self._beds = Beds()
        self._affairs = Affairs(self._region, self._numbers)
        self._governor = Governor(self._region.institutions[: self._ordinary], self._workdays)
        self._arrivals = Arrivals(config, config.begin * DAY)
        self._due: dict[int, list[tuple[Stay, Settled | None]]] = {}
        self._spoiler = Spoiler(config, self._numbers, self._arrivals)
        count = len(self._persons)
        self._rate = np.array([person.rate for person in self._persons]) * config.visits
        self._stay_rate = np.array([_stay_rate(person) for person in self._persons]) * config.stays
        self._free_from: NDArray[np.int64] = np.full(count, config.begin, dtype=np.int64)
        self._stay_from: NDArray[np.int64] = np.full(count, config.begin, dtype=np.int64)
        self._refill_due: NDArray[np.int64] = np.full(count, _NEVER, dtype=np.int64)
        for person in self._persons:
            if person.drugs:
                self._refill_due[person.index] = config.begin + int(rng.random() * 30)
        self._runs_out: dict[int, int] = {}
        self._turn = [index % len(items.ACUTE) for index in range(count)]

    def run(self) -> Iterator[Arrival]:
        """The whole stream."""
        config = self._config
        before = config.begin * DAY - HOUR
        for entry in self._registry():
            yield before, {**entry, "_recv": time_text(before)}
        rng = random.Random(f"{self._seed}/enrolments")
        enrolled = [one for one in self._persons if rng.random() < config.enrolled_share]
        for person in (*enrolled, *self.plan.persons):
            yield before, {**person.enrolment(), "_recv": time_text(before)}
        day = config.begin
        while day * DAY < config.end:
            self._live(day)
            day += 1
            yield from self._arrivals.until(min(day * DAY - AHEAD, config.end))
        yield from self._arrivals.rest()

    def _registry(self) -> Iterator[Wire]:
        yield from self._region.registry()
        begin, end = self._config.begin, self._config.begin + self._config.days
        for period in sorted({quarter(day) for day in range(begin, end)}):
            first, after = period_days(period)
            for one in self._region.institutions:
                if one.quota_day is not None:
                    quota = one.quota_day * (after - first)
                    yield quota_entry(one.code, period, quota, one.base_average)
        yield from self.plan.registry
        yield from items.registry()
        yield from self._workdays.registry()

    def _live(self, day: int) -> None:
        """Everything that happens on a day, sent on its way."""
        rng = random.Random(f"{self._seed}/{day}")
        draws = np.random.Generator(np.random.PCG64([self._seed, day]))
        self._governor.start(day)
        self._planted(self.plan.days.get(day), rng)
        self._planted(self._spoiler.due(day), rng)
        for stay, settled in self._due.pop(day, ()):
            self._settle(stay, settled, day, rng)
        share = self._workdays.share(day)
        count = len(self._persons)
        admitted = (draws.random(count) < self._stay_rate * share) & (self._stay_from <= day)
        for index in np.flatnonzero(admitted & (self._free_from <= day)).tolist():
            self._admit(self._persons[index], day, rng)
        refills = (self._refill_due <= day) & (draws.random(count) < 0.6 * share)
        ill = draws.random(count) < self._rate * share
        for index in np.flatnonzero((refills | ill) & (self._free_from <= day)).tolist():
            self._visit(self._persons[index], day, rng, refill=bool(refills[index]))
        for upload, fact in self._affairs.on(day, rng):
            self._arrivals.send(upload, fact, rng)
        for person, until in self._affairs.lost_cards(day, self._persons, rng):
            if self._free_from[person.index] <= day:
                self._free_from[person.index] = until // DAY + 1
                self._arrivals.send(day * DAY + 21 * HOUR, card_loss(person, day * DAY + 20 * HOUR, until), rng)
        self._governor.close(day)

    def _planted(self, planned: Day | None, rng: random.Random) -> None:
        if planned is None:
            return
        for upload, fact in planned.facts:
            self._arrivals.send(upload, fact, rng)
        for settled in planned.settled:
            self._governor.count(settled)
            self._arrivals.send(settled.at, settled.fact, rng, may_be_late=True)
        for settled, at in planned.reversed:
            self._arrivals.send(at, reversal(settled, at), rng)

    def _admit(self, person: Person, day: int, rng: random.Random) -> None:
        institution = person.community if rng.random() < 0.15 else person.hospital
        department = _department(person, tuple(institution.wards), rng)
        begin = day * DAY + rng.randint(8 * 60, 19 * 60) * MINUTE + rng.randint(0, 59)
        length = min(14, 3 + int(rng.gammavariate(2.0, 2.2)))
        end = (day + length) * DAY + rng.randint(9 * 60, 15 * 60) * MINUTE
        moved_at, moved_to, moved_bed = end, None, None
        others = [one for one in institution.wards if one != department and one not in (OBSTETRICS, PAEDIATRICS)]
        if length >= 5 and others and department not in (OBSTETRICS, PAEDIATRICS) and rng.random() < _MOVES:
            moved_to = others[int(rng.random() * len(others))]
            moved_at = (day + 3) * DAY + 14 * HOUR
            moved_bed = self._beds.take(institution, moved_to, moved_at, end)
            if moved_bed is None:
                moved_at = end
        bed = self._beds.take(institution, department, begin, moved_at)
        if bed is None:
            return
        dies = person.age >= 65 and rng.random() < _DEATHS
        stay = self._stays.plan(
            person,
            institution,
            department,
            begin,
            end,
            (ward(department), bed),
            rng,
            way="5" if dies else None,
            turn=self._turn[person.index],
        )
        if moved_to is not None and moved_bed is not None:
            self._stays.move(stay, moved_at, moved_to, (ward(moved_to), moved_bed))
        if dies:
            stay.events.append((end + HOUR, death(person, end)))
        self._turn[person.index] += 1
        self._free_from[person.index] = _NEVER if dies else day + length + 1
        self._stay_from[person.index] = _NEVER if dies else day + length + _STAY_GAP_DAYS
        for upload, fact in stay.events:
            self._arrivals.send(upload, fact, rng, may_be_late=fact["type"] == "fee-lines")
        self._due.setdefault(day + length, []).append((stay, None))

    def _settle(self, stay: Stay, settled: Settled | None, day: int, rng: random.Random) -> None:
        """Settle a stay today, or put it off."""
        if settled is None:
            settled = self._stays.settle(stay, stay.end + rng.randint(30, 180) * MINUTE)
        else:
            settled.at = day * DAY + rng.randint(9 * 60, 16 * 60) * MINUTE
            settled.fact["setl_time"] = time_text(settled.at)
        if self._governor.admits(settled):
            self._arrivals.send(settled.at, settled.fact, rng, may_be_late=True)
        else:
            self._due.setdefault(day + 1, []).append((stay, settled))

    def _visit(self, person: Person, day: int, rng: random.Random, *, refill: bool) -> None:
        index = person.index
        days = 0
        if refill:
            settled, days = self._visits.refill(person, day, rng)
        else:
            settled = self._visits.acute(person, day, self._turn[index], rng)
        if not self._governor.admits(settled):
            return
        if refill:
            self._runs_out[index] = max(self._runs_out.get(index, day), day) + days
            self._refill_due[index] = self._runs_out[index] - REFILL_EARLY + int(rng.random() * 9)
        else:
            self._turn[index] += 1
        self._free_from[index] = day + _GAP_DAYS + int(rng.random() * 3)
        self._spoiler.send(settled, rng)


def death(person: Person, at: int) -> Wire:
    """The fact that a person died at a local second."""
    return {"type": "death", "psn_no": person.number, "death_time": time_text(at)}


def _stay_rate(person: Person) -> float:
    return 0.4 + person.age / 40 * (1.6 if person.age >= 60 else 0.8)


def _department(person: Person, wards: tuple[str, ...], rng: random.Random) -> str:
    if person.age < 14:
        return PAEDIATRICS if PAEDIATRICS in wards else wards[0]
    fit = [one for one in wards if one not in (PAEDIATRICS, OBSTETRICS)]
    if person.gender == "2" and 20 <= person.age < 40 and OBSTETRICS in wards and rng.random() < 0.3:
        return OBSTETRICS
    return fit[int(rng.random() * len(fit))]
