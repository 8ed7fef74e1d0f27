"""Plants about visits: too many, too far apart, during a stay, too dear."""

from monitor.simulator import items
from monitor.simulator.bills import Charge
from monitor.simulator.planting.plan import Plan
from topics.times import DAY, HOUR, MINUTE

_ILLNESSES = ("J06.9", "K29.7", "M54.5", "L30.9", "R51", "H10.9", "N39.0", "K52.9")


def repeat_visits(plan: Plan, number: int) -> None:
    """A burst of visits: four a day, eight in a week, or three a day at one place; every fourth is undone."""
    band = ("7d", "1d", "1d-same", "undone")[number % 4]
    day = plan.first_day("repeat-visits", 8)
    person = plan.person()
    at = day * DAY + 8 * HOUR + plan.rng.randint(0, 40) * MINUTE
    homes = [plan.hospital(), plan.hospital()]
    if band == "7d":
        begins = [at + visit * 22 * HOUR for visit in range(8)]
    elif band == "1d-same":
        begins = [at + visit * 3 * HOUR for visit in range(3)]
    else:
        begins = [at + visit * 3 * HOUR for visit in range(4)]
    same = band == "1d-same"
    settled = [
        plan.visit(
            person,
            homes[0 if same else visit % 2],
            begin,
            diagnosis=_ILLNESSES[0 if same else visit],
        )
        for visit, begin in enumerate(begins)
    ]
    if band == "undone":
        plan.cancel(settled[1], settled[1].at + plan.rng.randint(1, 30) * HOUR)
    else:
        plan.label("repeat-visits", "settlement", str(settled[0].fact["setl_id"]), band)


def impossible_travel(plan: Plan, number: int) -> None:
    """At home in the morning, hundreds of kilometres away an hour later."""
    begin = plan.first_day("impossible-travel", 1) * DAY + 9 * HOUR + plan.rng.randint(1, 50) * MINUTE
    person = plan.person()
    plan.visit(person, plan.hospital(), begin)
    away = plan.region.distant[number % len(plan.region.distant)]
    later = plan.visit(person, away, begin + 70 * MINUTE, diagnosis="K29.7")
    plan.label("impossible-travel", "settlement", str(later.fact["setl_id"]))


def outpatient_during_stay(plan: Plan, number: int) -> None:
    """An inpatient sees a doctor elsewhere, or buys at a pharmacy without being allowed to."""
    day = plan.first_day("outpatient-during-stay", 8)
    person = plan.person()
    home = plan.hospital(day + 6)
    plan.send(plan.stay(person, home, day * DAY + 9 * HOUR, (day + 6) * DAY + 10 * HOUR))
    at = (day + 3) * DAY + 14 * HOUR
    if number % 2:
        pharmacy = plan.region.pharmacies[number % len(plan.region.pharmacies)]
        settled = plan.visit(person, pharmacy, at, med_type="41", certificate="03")
    else:
        settled = plan.visit(person, plan.hospital(), at)
    plan.label("outpatient-during-stay", "settlement", str(settled.fact["setl_id"]))
    # allowed, and so without a label: a pharmacy paid with an e-certificate
    plan.visit(person, plan.region.pharmacies[0], at + DAY, med_type="41", certificate="01")


def price_over_ceiling(plan: Plan, number: int) -> None:
    """One line dearer than the registry's ceiling."""
    person, hospital = plan.person(), plan.hospital()
    begin = plan.first_day("price-over-ceiling", 1) * DAY + 10 * HOUR
    dear = items.EXAMS[number % len(items.EXAMS)]
    charges = [
        Charge(items.REGISTRATIONS[0], 1, begin),
        Charge(dear, 1, begin + 5 * MINUTE, price=dear.ceiling + 50 + 10 * number),
        # exactly at the ceiling is not over it
        Charge(items.TESTS[0], 1, begin + 5 * MINUTE, price=items.TESTS[0].ceiling),
    ]
    settled = plan.visit(person, hospital, begin, charges=charges)
    plan.label("price-over-ceiling", "fee-line", f"{hospital.code}/{settled.care.visit}/2")
