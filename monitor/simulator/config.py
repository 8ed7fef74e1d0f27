"""What to simulate: size, time span, rates, noise and plants."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from topics.times import DAY, parse_day

_PLANTS_SMALL: Final = {
    "repeat-visits": 6,
    "id-mismatch": 4,
    "quota-progress": 3,
    "id-attributes": 3,
    "impossible-travel": 3,
    "outpatient-during-stay": 3,
    "overlapping-stays": 3,
    "split-stay": 3,
    "drug-oversupply": 4,
    "hang-bed": 3,
    "leave-too-long": 3,
    "price-over-ceiling": 4,
    "one-bed-two-people": 2,
    "trace-code-reused": 3,
    "quota-exhausted": 1,
    "avg-cost-growth": 2,
    "cost-spike": 6,
}


@dataclass(frozen=True)
class SimulationConfig:
    """A region and a span of time.

    Planted institutions and persons come on top of `institutions` and `persons`.

    Attributes:
        institutions: ordinary ones, pharmacies and some far away included; at least 10.
        persons: ordinary insured persons.
        begin: first day, days since 1970-01-01.
        days: length of the span.
        visits: outpatient, emergency and acute pharmacy visits per person and day, on average.
        stays: admissions per person and day, on average.
        chronic_share: share of persons with chronic prescriptions.
        enrolled_share: share of persons with an enrolment fact; the others are known by their facts alone.
        out_of_order: share of facts that arrive up to two hours after others of their time.
        late: share of settlements and fee lines that arrive days late.
        most_late_days: upper bound of that delay, days; must stay under the lateness bound.
        duplicates: share of facts that arrive twice.
        reversals: share of visits whose settlement is reversed.
        corrections: share of visits that are uploaded first with a wrong diagnosis, then corrected.
        voids: share of visits with a second settlement that is voided.
        plants: rule -> how many violations to plant.
        clean: plant nothing, whatever `plants` says.
        until: nothing happens, or arrives, after this local second; None: the end of the last day.
    """

    institutions: int = 20
    persons: int = 2_000
    begin: int = parse_day("2026-07-01")
    days: int = 62
    visits: float = 0.06
    stays: float = 0.0006
    chronic_share: float = 0.2
    enrolled_share: float = 0.95
    out_of_order: float = 0.05
    late: float = 0.01
    most_late_days: int = 20
    duplicates: float = 0.005
    reversals: float = 0.005
    corrections: float = 0.003
    voids: float = 0.001
    plants: Mapping[str, int] = field(default_factory=lambda: MappingProxyType(_PLANTS_SMALL))
    clean: bool = False
    until: int | None = None

    def __post_init__(self) -> None:
        if self.institutions < 10:
            raise ValueError(f"institutions: at least 10 are needed, not {self.institutions}")
        if self.persons < 1 or self.days < 1:
            raise ValueError("persons and days must be at least 1")
        if not 0 <= self.most_late_days <= 30:
            raise ValueError("most_late_days must lie within the lateness bound: 0 to 30")

    @property
    def end(self) -> int:
        """The local second at which the span ends."""
        last = (self.begin + self.days) * DAY
        return last if self.until is None else min(last, self.until)

    @property
    def full_days(self) -> int:
        """Days that lie wholly inside the span; plants keep to them."""
        return self.end // DAY - self.begin


PRESETS: Final[Mapping[str, SimulationConfig]] = MappingProxyType(
    {
        "small": SimulationConfig(),
        "region": SimulationConfig(
            institutions=200,
            persons=100_000,
            days=92,
            plants=MappingProxyType({rule: count * 5 for rule, count in _PLANTS_SMALL.items()}),
        ),
    }
)
"""Named configurations: `small` for demonstrations and tests, `region` for measurements."""


def preset(name: str) -> SimulationConfig:
    """A named configuration.

    Raises:
        ValueError: no preset has that name.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}") from None


def ending_at(config: SimulationConfig, now: int, speed: float | None = None) -> SimulationConfig:
    """Move the span so that it ends now, hours of the day unchanged: what a live demonstration plays.

    Args:
        config: the span to move; its number of days stays.
        now: local second at which playing starts.
        speed: simulated seconds a second, when the caller plays in accelerated time; the span then ends at the
            moment at which playing does. None: the span ends at `now`.
    """
    end = now if speed is None else now + round(config.days * DAY / speed)
    return dataclasses.replace(config, begin=-(-end // DAY) - config.days, until=end)
