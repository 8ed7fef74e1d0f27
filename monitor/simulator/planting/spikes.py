"""Plants about a single day of an institution that stands out: each measure of cost-spike.

Each has a hospital of its own with five visits a day, and one working day after at least 20 others on which one
measure alone jumps (many persons are many settlements too).
"""

from monitor.simulator import items
from monitor.simulator.bills import Charge
from monitor.simulator.formats import day_text
from monitor.simulator.governor import quarter
from monitor.simulator.persons import Person
from monitor.simulator.planting.plan import Plan, PlantError
from monitor.simulator.region import AWAY, Institution, quota_entry
from topics.times import DAY, HOUR, MINUTE, period_days

_MEASURES = ("fund", "settlements", "persons", "out-of-region", "night", "quota")
_HISTORY = 21
_VISITS_A_DAY = 5
_POOL = 45
_AFTER = 2
_DAYS_OVER_QUOTA = 4
_STAY_DAYS = 5


def cost_spike(plan: Plan, number: int) -> None:
    """A day that stands out by one measure."""
    measure = _MEASURES[number % len(_MEASURES)]
    day = _spike_day(plan)
    hospital = plan.region.add_planted(plan.rng)
    _ordinary_days(plan, hospital, range(plan.config.begin, day + _AFTER + 1))
    at = day * DAY + 8 * HOUR
    if measure == "fund":
        person = plan.person()
        charges = [Charge(items.RESTRICTED, 300, at)]
        plan.visit(person, hospital, at, diagnosis="K74.6", charges=charges)
    elif measure == "settlements":
        persons = [plan.person() for _ in range(18)]
        for visit in range(36):
            illness = ("J06.9", "M54.5")[visit // 18]
            plan.visit(persons[visit % 18], hospital, at + visit * 13 * MINUTE, diagnosis=illness)
    elif measure == "persons":
        for visit in range(34):
            plan.visit(plan.person(), hospital, at + visit * 13 * MINUTE)
    elif measure == "out-of-region":
        for visit in range(12):
            plan.visit(_stranger(plan), hospital, at + visit * 13 * MINUTE)
    elif measure == "night":
        for visit in range(12):
            plan.visit(plan.person(), hospital, day * DAY + 22 * HOUR + visit * 5 * MINUTE)
    else:
        _over_quota(plan, hospital, day)
    about = f"{hospital.code}/{day_text(day)}"
    plan.label("cost-spike", "institution", about, measure)
    if measure == "persons":
        plan.label("cost-spike", "institution", about, "settlements")


def _spike_day(plan: Plan) -> int:
    """The first working day that has `_HISTORY` others of the span before it."""
    worked = 0
    for day in range(plan.config.begin, plan.config.begin + plan.config.full_days - _AFTER):
        if plan.workdays.works(day):
            if worked >= _HISTORY:
                return day
            worked += 1
    raise PlantError(f"cost-spike needs more than {_HISTORY} working days to be planted")


def _ordinary_days(plan: Plan, hospital: Institution, days: range) -> None:
    pool = [plan.person() for _ in range(_POOL)]
    turn = 0
    for day in days:
        for visit in range(_VISITS_A_DAY):
            begin = day * DAY + (9 + visit) * HOUR + 10 * MINUTE
            plan.visit(pool[turn % _POOL], hospital, begin)
            turn += 1


def _stranger(plan: Plan) -> Person:
    """A person insured elsewhere."""
    person = plan.person()
    person.place = AWAY
    return person


def _over_quota(plan: Plan, hospital: Institution, day: int) -> None:
    """One stay that costs several days' share of a small quota."""
    end = day * DAY + 10 * HOUR
    settled = plan.send(plan.stay(plan.person(), hospital, end - _STAY_DAYS * DAY, end))
    period = quarter(day)
    first, after = period_days(period)
    quota = settled.fund * (after - first) // _DAYS_OVER_QUOTA
    plan.registry.append(quota_entry(hospital.code, period, quota))
