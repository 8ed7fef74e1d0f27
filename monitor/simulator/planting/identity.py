"""Plants about identity: another's number, or attributes that contradict the number."""

from monitor.simulator.persons import strangers_certno
from monitor.simulator.planting.plan import Plan
from topics.times import DAY, HOUR


def id_mismatch(plan: Plan, number: int) -> None:
    """Care under the card of a person whose enrolled identity number is another."""
    person = plan.person()
    # same birth and sex, so that nothing but the number differs
    stranger = strangers_certno(len(plan.persons) - 1, person.birth, person.gender)
    day = plan.first_day("id-mismatch", 7)
    begin = day * DAY + 9 * HOUR
    if number % 3 == 2:
        stay = plan.stay(person, plan.hospital(day + 5), begin, begin + 5 * DAY)
        for _, fact in stay.events:
            if fact["type"] == "admission":
                fact["certno"] = stranger
        plan.send(stay)
        plan.label("id-mismatch", "stay", stay.care.visit)
    else:
        settled = plan.visit(person, plan.hospital(), begin)
        settled.fact["certno"] = stranger
        plan.label("id-mismatch", "settlement", str(settled.fact["setl_id"]))


def id_attributes(plan: Plan, number: int) -> None:
    """A sex, or a birth date, that contradicts the identity number."""
    begin = plan.first_day("id-attributes", 1) * DAY + 9 * HOUR
    person = plan.person()
    settled = plan.visit(person, plan.hospital(), begin)
    if number % 2:
        settled.fact["gend"] = "2" if person.gender == "1" else "1"
    else:
        settled.fact["brdy"] = f"{int(person.birth[:4]) - 3}{person.birth[4:8]}28"
    plan.label("id-attributes", "settlement", str(settled.fact["setl_id"]))
