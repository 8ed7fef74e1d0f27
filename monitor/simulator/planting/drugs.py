"""Plants about drugs: too many days in hand, one pack sold twice."""

from monitor.simulator import items
from monitor.simulator.bills import Charge
from monitor.simulator.planting.plan import Plan
from topics.times import DAY, HOUR, MINUTE


def drug_oversupply(plan: Plan, number: int) -> None:
    """A month's supply with weeks in hand: of the same drug, or of another of its class."""
    begin = plan.first_day("drug-oversupply", 8) * DAY + 9 * HOUR
    person = plan.person()
    first, other = items.CHRONIC["I10"][:2]
    second = other if number % 2 else first
    settled = None
    for visit, item in enumerate((first, second)):
        at = begin + visit * 6 * DAY
        charges = [
            Charge(items.REGISTRATIONS[0], 1, at),
            Charge(item, 1, at + 5 * MINUTE, 30, (plan.numbers.trace(item),)),
        ]
        settled = plan.visit(person, plan.hospital(), at, diagnosis="I10", med_type="14", charges=charges)
        if visit:
            about = f"{settled.care.institution.code}/{settled.care.visit}/2"
            plan.label("drug-oversupply", "fee-line", about, "class")
            if item is first:
                plan.label("drug-oversupply", "fee-line", about, "item")


def trace_code_reused(plan: Plan, number: int) -> None:
    """One pack's code on the lines of two, or three, persons' visits."""
    item = items.ACUTE[number % len(items.ACUTE)]
    begin = plan.first_day("trace-code-reused", 8) * DAY + 10 * HOUR
    code = plan.numbers.trace(item)
    for visit in range(2 + number % 2):
        at = begin + visit * 3 * DAY
        charges = [Charge(items.REGISTRATIONS[0], 1, at), Charge(item, 1, at + 5 * MINUTE, 5, (code,))]
        settled = plan.visit(plan.person(), plan.hospital(), at, charges=charges)
        if visit:
            about = f"{settled.care.institution.code}/{settled.care.visit}/2"
            plan.label("trace-code-reused", "fee-line", about, code)
