"""Plants about stays: overlapping, split, in name only, on leave too long, two in a bed."""

from monitor.simulator.formats import time_text
from monitor.simulator.planting.plan import Plan
from monitor.simulator.region import GENERAL, INTERNAL, PLANT_WARD, SURGERY
from topics.times import DAY, HOUR, MINUTE

_SPLITS = (
    # days between the stays, department and disease of the first and of the second
    (10, (INTERNAL, "I50.9"), (GENERAL, "I50.0")),
    (5, (INTERNAL, "I63.9"), (INTERNAL, "K25.4")),
    (0, (SURGERY, "K40.9"), (INTERNAL, "J44.1")),
)


def overlapping_stays(plan: Plan, number: int) -> None:
    """In two hospitals at once for two days."""
    day = plan.first_day("overlapping-stays", 10)
    person = plan.person()
    begin = day * DAY + 9 * HOUR + number * MINUTE
    first = plan.stay(person, plan.hospital(day + 5), begin, begin + 5 * DAY)
    second = plan.stay(person, plan.hospital(day + 8), begin + 3 * DAY, begin + 8 * DAY)
    plan.send(first)
    plan.send(second)
    plan.label("overlapping-stays", "stay", second.care.visit)


def split_stay(plan: Plan, number: int) -> None:
    """Discharged and admitted again: for the same disease, to the same department, or at once."""
    gap, (department, disease), (next_department, next_disease) = _SPLITS[number % len(_SPLITS)]
    day = plan.first_day("split-stay", 10 + gap)
    person = plan.person()
    hospital = plan.hospital(day + 4, day + 8 + gap)
    begin = day * DAY + 9 * HOUR
    end = begin + 4 * DAY
    again = end + gap * DAY + 6 * HOUR
    first = plan.stay(person, hospital, begin, end, department=department, diagnosis=disease)
    second = plan.stay(person, hospital, again, again + 4 * DAY, department=next_department, diagnosis=next_disease)
    plan.send(first)
    plan.send(second)
    plan.label("split-stay", "stay", second.care.visit)


def hang_bed(plan: Plan, number: int) -> None:
    """Not there when checked, and no papers; once, or twice."""
    day = plan.first_day("hang-bed", 8)
    person = plan.person()
    begin = day * DAY + 9 * HOUR
    stay = plan.stay(person, plan.hospital(day + 6), begin, begin + 6 * DAY)
    # allowed: just admitted, or with papers
    plan.stays.check(stay, begin + HOUR, plan.rng, present="absent")
    plan.stays.check(stay, begin + DAY, plan.rng, papers=True)
    for check in range(1 + number % 2):
        plan.stays.check(stay, begin + (2 + check) * DAY + 5 * HOUR, plan.rng, present="absent")
    plan.send(stay)
    plan.label("hang-bed", "stay", stay.care.visit)


def leave_too_long(plan: Plan, number: int) -> None:
    """Away for more than six hours, or past ten in the evening."""
    day = plan.first_day("leave-too-long", 8)
    person = plan.person()
    begin = day * DAY + 9 * HOUR
    stay = plan.stay(person, plan.hospital(day + 6), begin, begin + 6 * DAY)
    hour, length = ((10, 7 * HOUR + 30 * MINUTE), (18, 5 * HOUR))[number % 2]
    left = (day + 2) * DAY + hour * HOUR
    plan.stays.leave(stay, left, length)
    # six hours exactly, and back in time
    plan.stays.leave(stay, (day + 4) * DAY + 9 * HOUR, 6 * HOUR)
    plan.send(stay)
    plan.label("leave-too-long", "leave", f"{stay.care.visit}/{time_text(left)}")


def one_bed_two_people(plan: Plan, number: int) -> None:
    """Two persons in one bed for two days."""
    day = plan.first_day("one-bed-two-people", 10)
    hospital, bed = plan.hospital(day + 5, day + 8), plan.bed()
    begin = day * DAY + 9 * HOUR + number * MINUTE
    first = plan.stay(plan.person(), hospital, begin, begin + 5 * DAY, bed=bed)
    second = plan.stay(plan.person(), hospital, begin + 3 * DAY, begin + 8 * DAY, bed=bed)
    plan.send(first)
    plan.send(second)
    plan.label("one-bed-two-people", "stay", second.care.visit, f"{PLANT_WARD}/{bed}")
