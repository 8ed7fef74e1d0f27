"""quota-progress, quota-exhausted, avg-cost-growth, cost-spike."""

import calendar
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from statistics import median

from tests.naive.standing import DAY, HOUR, INPATIENT, Finding, Standing, fen, seconds


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def _number(date: dt.date) -> int:
    return (date - dt.date(1970, 1, 1)).days


def period_of(period: str) -> tuple[int, int]:
    """First and last day of a quota's period."""
    year = int(period[:4])
    if "Q" in period:
        first_month = int(period[-1]) * 3 - 2
        months = (first_month, first_month + 2)
    elif "-" in period:
        months = (int(period[-2:]), int(period[-2:]))
    else:
        months = (1, 12)
    last = calendar.monthrange(year, months[1])[1]
    return _number(dt.date(year, months[0], 1)), _number(dt.date(year, months[1], last))


def _inpatient_cost(facts: Standing) -> dict[str, dict[int, int]]:
    """Institution -> day -> inpatient fund cost."""
    cost: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one in facts.facts["settlement"]:
        if one["med_type"] in INPATIENT:
            cost[one["fixmedins_code"]][seconds(one["setl_time"]) // DAY] += fen(one["fund_pay_sumamt"])
    return cost


def quota_progress(facts: Standing) -> Iterator[Finding]:
    """Cost through the last known day ahead of the quota's pace."""
    cost = _inpatient_cost(facts)
    for entry in facts.entries("quota"):
        first, last = period_of(entry["period"])
        days = {d: c for d, c in cost[entry["fixmedins_code"]].items() if first <= d <= min(last, facts.now // DAY)}
        if not days:
            continue
        through, length = max(days) - first + 1, last - first + 1
        if through * 4 < length:
            continue
        pace = Fraction(fen(entry["quota_amt"]) * through, length)
        steps = [step for step in (0, 5, 10) if sum(days.values()) > pace * (100 + step) / 100]
        if steps:
            about = f"{entry['fixmedins_code']}/{entry['period']}"
            yield "quota-progress", "institution", about, str(steps[-1])


def quota_exhausted(facts: Standing) -> Iterator[Finding]:
    """Cost of the period over the quota."""
    cost = _inpatient_cost(facts)
    for entry in facts.entries("quota"):
        first, last = period_of(entry["period"])
        total = sum(c for day, c in cost[entry["fixmedins_code"]].items() if first <= day <= last)
        if total > fen(entry["quota_amt"]):
            yield "quota-exhausted", "institution", f"{entry['fixmedins_code']}/{entry['period']}", None


def avg_cost_growth(facts: Standing) -> Iterator[Finding]:
    """A month's average cost of settled stays over last year's."""
    months = defaultdict(list)
    for stay in facts.stays.values():
        if any(one.get("final") != "0" for one in stay.settlements):
            day = seconds(stay.settlements[-1]["setl_time"]) // DAY
            month = _date(day).isoformat()[:7]
            months[stay.institution, month].append(sum(fen(one["medfee_sumamt"]) for one in stay.settlements))
    for (institution, month), costs in months.items():
        first, last = period_of(month)
        for entry in facts.entries("quota"):
            begin, end = period_of(entry["period"])
            if entry["fixmedins_code"] != institution or not (begin <= first and last <= end):
                continue
            if len(costs) < 30 or "base_avg_cost" not in entry:
                continue
            average, base = Fraction(sum(costs), len(costs)), fen(entry["base_avg_cost"])
            steps = [step for step in (5, 10) if average > Fraction(base * (100 + step), 100)]
            if steps:
                yield "avg-cost-growth", "institution", f"{institution}/{month}", str(steps[-1])


def cost_spike(facts: Standing) -> Iterator[Finding]:
    """A day that stands out beside the last days of its kind, or beside the quota."""
    kinds = {one["day"]: one["kind"] for one in facts.entries("calendar")}
    days: dict[str, dict[int, list[dict[str, object]]]] = defaultdict(lambda: defaultdict(list))
    for one in facts.facts["settlement"]:
        days[one["fixmedins_code"]][seconds(one["setl_time"]) // DAY].append(dict(one))
    for institution, by_day in days.items():
        known: dict[bool, list[dict[str, int]]] = {True: [], False: []}
        for day in range(min(by_day), max(by_day) + 1):
            date = _date(day)
            usual = "weekend" if date.weekday() >= 5 else "working"
            working = kinds.get(date.isoformat(), usual) == "working"
            values = _measures(by_day.get(day, []))
            before = known[working][-(20 if working else 8) :]
            if len(before) == (20 if working else 8):
                for measure, floor in _FLOORS.items():
                    if _spikes(values[measure], [one[measure] for one in before], floor):
                        yield "cost-spike", "institution", f"{institution}/{date}", measure
            known[working].append(values)
    cost = _inpatient_cost(facts)
    for entry in facts.entries("quota"):
        first, last = period_of(entry["period"])
        share = Fraction(fen(entry["quota_amt"]), last - first + 1)
        for day, amount in cost[entry["fixmedins_code"]].items():
            if first <= day <= last and amount > 3 * share:
                yield "cost-spike", "institution", f"{entry['fixmedins_code']}/{_date(day)}", "quota"


_FLOORS = {"fund": 1_000_000, "settlements": 30, "persons": 30, "out-of-region": 10, "night": 10}


def _measures(settlements: list[dict[str, object]]) -> dict[str, int]:
    hours = [seconds(str(one["setl_time"])) % DAY // HOUR for one in settlements]
    return {
        "fund": sum(fen(one["fund_pay_sumamt"]) for one in settlements),
        "settlements": len(settlements),
        "persons": len({one["psn_no"] for one in settlements}),
        "out-of-region": sum(
            bool(one.get("insuplc_admdvs") and one.get("mdtrt_admdvs")) and one["insuplc_admdvs"] != one["mdtrt_admdvs"]
            for one in settlements
        ),
        "night": sum(hour >= 22 or hour < 6 for hour in hours),
    }


def _spikes(value: int, before: list[int], floor: int) -> bool:
    middle = Fraction(median([Fraction(one) for one in before]))
    spread = max(Fraction(median([abs(one - middle) for one in before])), middle / 10)
    return value > middle + 5 * Fraction("1.4826") * spread and value > middle * 13 / 10 and value - middle > floor
