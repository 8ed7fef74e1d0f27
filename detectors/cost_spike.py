"""Cost spike: a day of an institution stands out beside its last days of the same kind (supervision).

A day's fund cost, settlements, persons, settlements from out of the region, or settlements by night lies above
median + `deviations` x `scale` x MAD of the last `working` (`weekend`) days of its kind, above `times` x median and
by more than a floor; holidays are compared with weekends; MAD is at least `least` of the median. Silent days count
0 from the first settlement on. Measure `quota`: a day's inpatient fund cost over `share` x quota / days of the period.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from detectors.calendar import is_worked
from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.institution_days import FUND, INPATIENT_FUND, KIND, NIGHT, OUT_OF_REGION, PERSONS, SETTLEMENTS
from detectors.panes import KeyHistory
from detectors.spikes import Baseline, Spike, daily_share, finding, spike
from detectors.terms import RuleTerms
from detectors.units import Duration, Factor, Share, Yuan
from topics.registry import Calendar, Quota
from topics.times import DAY


class Floors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"out_of_region": OUT_OF_REGION}):
    """By how much a measure must exceed the median."""

    fund: Yuan
    settlements: int
    persons: int
    out_of_region: int
    night: int


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands out, beside how many days, which lie at most `window` back."""

    deviations: Factor
    scale: Factor
    least: Share
    times: Factor
    working: int
    weekend: int
    window: Duration
    floors: Floors
    share: Factor


class CostSpike(Detector[KeyHistory]):
    """Judges an institution's days."""

    rule_id = "cost-spike"
    key = KIND
    measures = (FUND, SETTLEMENTS, PERSONS, OUT_OF_REGION, NIGHT, INPATIENT_FUND)
    consults = (Calendar, Quota)
    limits = Limits
    says: ClassVar = frozenset({"day", "measure_zh", "measure_en", "value", "limit", "usual_zh", "usual_en"})

    def reach(self, limits: Limits) -> int:
        """A day is a measure for later ones as far as the window."""
        return limits.window

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - any limits
        """A day says nothing about earlier ones."""
        return 0

    def judge(self, history: KeyHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a day and measure; never of days that ticks have not come to."""
        limits: Limits = terms.limits
        floors = {
            FUND: limits.floors.fund,
            SETTLEMENTS: limits.floors.settlements,
            PERSONS: limits.floors.persons,
            OUT_OF_REGION: limits.floors.out_of_region,
            NIGHT: limits.floors.night,
        }
        worked: dict[int, bool] = {}
        for day in history.days_from(-(-span.begin // DAY), min(span.end, history.now) // DAY):
            pane = history.panes[day]
            quota = daily_share(history, day, pane.get(INPATIENT_FUND, 0), limits.share)
            if quota is not None:
                yield finding(history, terms, day, quota)
            high = [name for name, floor in floors.items() if pane.get(name, 0) > floor]
            days = _days_before(history, day, limits, worked) if high else None
            if days is None:
                continue
            baseline = Baseline(limits.deviations, limits.scale, limits.least, limits.times)
            for name in high:
                before = [history.panes[one].get(name, 0) if one in history.panes else 0 for one in days]
                found: Spike | None = spike(name, pane[name], before, floors[name], baseline)
                if found is not None:
                    yield finding(history, terms, day, found)

    def wake(self, history: KeyHistory, terms: RuleTerms) -> int | None:  # noqa: ARG002 - any limits
        """The begin of the next day that has settlements already but is not reached by the clock."""
        coming = history.next_day(SETTLEMENTS, history.now // DAY + 1)
        return None if coming is None else coming * DAY

    def woken(self, limits: Limits) -> int:  # noqa: ARG002 - any limits
        """The days reached are judged, and none before them."""
        return 0


def _days_before(history: KeyHistory, day: int, limits: Limits, worked: dict[int, bool]) -> list[int] | None:
    """The last days of the day's kind before it; None without enough of them since the first settlement."""
    known = history.first_day(SETTLEMENTS) if history.floor is None else history.floor // DAY
    first = day if known is None else known
    kind = _kind(history, day, worked)
    number = limits.working if kind else limits.weekend
    days: list[int] = []
    one = day
    while len(days) < number:
        one -= 1
        if one < first or (day - one) * DAY > limits.window:
            return None
        if _kind(history, one, worked) is kind:
            days.append(one)
    return days


def _kind(history: KeyHistory, day: int, worked: dict[int, bool]) -> bool:
    kind = worked.get(day)
    if kind is None:
        kind = worked[day] = is_worked(history, day)
    return kind
