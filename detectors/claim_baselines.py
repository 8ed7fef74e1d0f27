"""What is usual among settlements: medians and spreads by peer group, frozen in the model file.

A peer group is a kind of care (med_type), a disease, a level of institution and a band of age. A settlement is compared
with the narrowest of its groups that had enough settlements: kind, disease, level and age; kind, disease and level;
kind and disease; kind; all. An unknown disease or level, or an unknown age, leaves out the groups that need it.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log
from typing import Final, NamedTuple

import msgspec

from detectors.lines import shares_by_category
from detectors.settlements import disease
from detectors.units import PPM
from topics.facts import FeeLine, Settlement
from topics.identity import birth_day
from topics.money import FEN
from topics.registry import Institution, Registry
from topics.times import DAY, HOUR

SMALLEST_GROUP: Final = 30
"""Settlements that a group needs for figures of its own."""

LOG_YUAN: Final = log(FEN)
_AGES: Final = (6, 18, 45, 65)
_YEAR_DAYS: Final = 365.2425
_SCALE: Final = 1.4826
_LEAST_SPREAD: Final = 0.05
"""Of logarithms of amounts: groups whose bills are all alike would make every other one an outlier."""

DRUGS: Final = frozenset({"09", "10", "11"})
EXAMS: Final = frozenset({"03", "04"})
MATERIALS: Final = frozenset({"08"})


class Usual(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of a peer group: median total and median cost a day (fen), spread of the total's logarithm (ppm)."""

    total: int
    spread: int
    per_day: int


class UsualLines(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of a kind of care: typical shares of drugs, exams and materials (ppm), and lines a day (thousandths)."""

    drugs: int = 0
    exams: int = 0
    materials: int = 0
    lines: int = 0


class Baselines(msgspec.Struct, frozen=True):
    """What is usual, frozen when a model is fitted.

    Attributes:
        peers: group (see `groups`) -> its figures; "" stands for all settlements and is always there.
        lines: kind of care -> typical shares of lines; "" for all, always there.
        own_share: typical share of own expense in the total cost, parts per million.
        settled: typical time of settlement, seconds since local midnight.
    """

    peers: dict[str, Usual]
    lines: dict[str, UsualLines]
    own_share: int
    settled: int

    def usual(self, names: Iterable[str]) -> Usual:
        """Figures of the first group that is known."""
        peers = self.peers
        for name in names:
            found = peers.get(name)
            if found is not None:
                return found
        return peers[""]

    def usual_lines(self, med_type: str) -> UsualLines:
        """Typical shares of lines of a kind of care."""
        return self.lines.get(med_type) or self.lines[""]


class Bill(NamedTuple):
    """What the lines of a visit say; shares of their sum, lines a day of the visit."""

    drugs: float
    exams: float
    materials: float
    lines: float


def level_of(settlement: Settlement, registry: Registry) -> str:
    """The level of the institution at the time of care; empty: not known."""
    institution = registry.get(Institution, settlement.institution, at=settlement.care_time)
    return (institution.level or "") if institution is not None else ""


def age_band(settlement: Settlement) -> str:
    """The band of the person's age at the time of care, by the settlement alone; empty: not known."""
    born = settlement.birth_day
    if born is None and settlement.certno:
        born = birth_day(settlement.certno)
    if born is None:
        return ""
    return str(bisect_right(_AGES, (settlement.care_time // DAY - born) / _YEAR_DAYS))


def groups(settlement: Settlement, level: str, age: str) -> Iterator[str]:
    """Names of the settlement's peer groups, the narrowest first."""
    kind = settlement.med_type
    name = disease(settlement.diagnosis)
    if name:
        if level:
            if age:
                yield f"{kind}/{name}/{level}/{age}"
            yield f"{kind}/{name}/{level}"
        yield f"{kind}/{name}"
    yield kind


def stay_days(settlement: Settlement) -> float:
    """Days from begin to end; to the settlement without an end; 0 without a begin or with an end before it."""
    if settlement.begin is None:
        return 0.0
    end = settlement.settled_at if settlement.end is None else settlement.end
    return max(end - settlement.begin, 0) / DAY


def log_fen(fen: float) -> float:
    """Natural logarithm of an amount; below one yuan it counts as one."""
    return log(fen) if fen > FEN else LOG_YUAN


def bill_of(lines: Sequence[FeeLine], days: float) -> Bill | None:
    """Shares of a visit's standing lines, cancels taken off; None without lines or when nothing is left of them."""
    if not lines:
        return None
    amounts = shares_by_category(lines)
    whole = sum(amounts.values())
    if whole <= 0:
        return None
    drugs = exams = materials = 0
    for category, amount in amounts.items():
        if category in DRUGS:
            drugs += amount
        elif category in EXAMS:
            exams += amount
        elif category in MATERIALS:
            materials += amount
    return Bill(drugs / whole, exams / whole, materials / whole, len(lines) / max(days, 1.0))


def fit_baselines(seen: Iterable[tuple[Settlement, Registry, Sequence[FeeLine]]]) -> Baselines:
    """Find out what is usual; the order of the settlements does not matter.

    Args:
        seen: standing settlements, each with the registry and the standing lines of its visit.

    Raises:
        ValueError: there are no settlements.
    """
    totals: dict[str, array[int]] = {}
    per_day: dict[str, array[int]] = {}
    bills: dict[str, list[Bill]] = {}
    own, settled = array("q"), array("q")
    for settlement, registry, lines in seen:
        days = stay_days(settlement)
        for name in (*groups(settlement, level_of(settlement, registry), age_band(settlement)), ""):
            totals.setdefault(name, array("q")).append(settlement.total)
            per_day.setdefault(name, array("q")).append(int(settlement.total / max(days, 1.0)))
        settled.append(settlement.settled_at % DAY)
        if settlement.own_expense is not None and settlement.total > 0:
            own.append(settlement.own_expense * PPM // settlement.total)
        bill = bill_of(lines, days)
        if bill is not None:
            bills.setdefault(settlement.med_type, []).append(bill)
            bills.setdefault("", []).append(bill)
    if not settled:
        raise ValueError("no settlements to find out from what is usual")
    known = array("q", (second for second in settled if second))
    return Baselines(
        peers={
            name: _usual(values, per_day[name])
            for name, values in sorted(totals.items())
            if not name or len(values) >= SMALLEST_GROUP
        },
        lines=_usual_lines(bills),
        own_share=median(own) if own else 0,
        settled=median(known) if known else 12 * HOUR,
    )


def _usual(totals: Sequence[int], per_day: Sequence[int]) -> Usual:
    middle = median(totals)
    base = log_fen(middle)
    apart = sorted(abs(log_fen(total) - base) for total in totals)
    spread = max(apart[(len(apart) - 1) // 2] * _SCALE, _LEAST_SPREAD)
    return Usual(middle, round(spread * PPM), median(per_day))


def _usual_lines(bills: Mapping[str, Sequence[Bill]]) -> dict[str, UsualLines]:
    found = {"": UsualLines()}
    for name, several in sorted(bills.items()):
        if name and len(several) < SMALLEST_GROUP:
            continue
        drugs, exams, materials, lines = (
            sorted(column)[(len(several) - 1) // 2] for column in zip(*several, strict=True)
        )
        found[name] = UsualLines(round(drugs * PPM), round(exams * PPM), round(materials * PPM), round(lines * 1_000))
    return found


def median(values: Sequence[int]) -> int:
    """The lower median: a value that occurs, not a mean of two."""
    return sorted(values)[(len(values) - 1) // 2]
