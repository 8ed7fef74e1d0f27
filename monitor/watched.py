"""What the metrics show of places and institutions: a bounded choice out of all that is known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final, Protocol

from monitor.institution_looks import Look
from monitor.totals import Standing
from topics.money import FEN
from topics.times import DAY

TOP: Final = 20
"""Institutions that a worker names, by each of: money, quota, growth."""
PLACES: Final = 150
"""Places (region and level) that a worker names; the rest is `other`."""

Place = tuple[str, str]
OTHER: Final[Place] = ("other", "other")
_PLACES_FOR_LOOKS: Final = 50
"""So many looks pass before an institution's place is asked for again."""


class Looks(Protocol):
    """Where looks come from (`monitor.worker.institutions`)."""

    def looks(self) -> Iterable[tuple[str, Look]]:
        """All institutions, as last looked at."""

    def place(self, institution: str, at: int) -> Place:
        """Region and level as of a local second."""


@dataclass
class Seen:
    """Values by labels: places as (region, level), institutions as (institution, region, level[, period])."""

    alerts: dict[tuple[str, ...], float] = field(default_factory=dict)
    stake: dict[tuple[str, ...], float] = field(default_factory=dict)
    new: dict[tuple[str, ...], float] = field(default_factory=dict)
    new_money: dict[tuple[str, ...], float] = field(default_factory=dict)
    institutions: dict[tuple[str, ...], float] = field(default_factory=dict)
    silent: dict[tuple[str, ...], float] = field(default_factory=dict)
    top_stake: dict[tuple[str, ...], float] = field(default_factory=dict)
    top_alerts: dict[tuple[str, ...], float] = field(default_factory=dict)
    quota_used: dict[tuple[str, ...], float] = field(default_factory=dict)
    quota_elapsed: dict[tuple[str, ...], float] = field(default_factory=dict)
    week: dict[tuple[str, ...], float] = field(default_factory=dict)
    week_before: dict[tuple[str, ...], float] = field(default_factory=dict)


class Watched:
    """Chooses what is shown.

    Args:
        standing: what stands in this process's partitions.
        looks: what was seen of institutions.
    """

    def __init__(self, standing: Standing, looks: Looks) -> None:
        self._standing = standing
        self._looks = looks
        self._places: dict[str, Place] = {}
        self._asked = 0

    def seen(self) -> Seen:
        """The choice of this moment."""
        looks = dict(self._looks.looks())
        places = self._known(self._standing.institutions.keys() | looks.keys())
        named = _named(places)
        seen = Seen()
        self._stakes(seen, places, named)
        for institution, look in looks.items():
            place = named[places[institution]]
            seen.institutions[place] = seen.institutions.get(place, 0) + 1
            seen.silent[place] = seen.silent.get(place, 0) + look.silent
        _quotas(seen, looks, places)
        _growth(seen, looks, places)
        return seen

    def _known(self, institutions: Iterable[str]) -> Mapping[str, Place]:
        """The places of institutions; the registry is asked anew now and then, since it may change."""
        self._asked += 1
        if self._asked % _PLACES_FOR_LOOKS == 0:
            self._places.clear()
        at = self._standing.today * DAY
        for institution in institutions:
            if institution not in self._places:
                self._places[institution] = self._looks.place(institution, at)
        return self._places

    def _stakes(self, seen: Seen, places: Mapping[str, Place], named: Mapping[Place, Place]) -> None:
        today = self._standing.today
        for institution, total in self._standing.institutions.items():
            place = named[places[institution]]
            new = total.new if total.day == today else 0
            new_amount = total.new_amount if total.day == today else 0
            seen.alerts[place] = seen.alerts.get(place, 0) + total.alerts
            seen.stake[place] = seen.stake.get(place, 0) + total.amount
            seen.new[place] = seen.new.get(place, 0) + new
            seen.new_money[place] = seen.new_money.get(place, 0) + new_amount
        for money in (seen.stake, seen.new_money):
            for key, fen in money.items():
                money[key] = fen / FEN
        most = nlargest(TOP, self._standing.institutions.items(), key=lambda held: (held[1].amount, held[0]))
        for institution, total in most:
            if total.alerts:
                named_as = (institution, *places[institution])
                seen.top_stake[named_as] = total.amount / FEN
                seen.top_alerts[named_as] = total.alerts


def _named(places: Mapping[str, Place]) -> Mapping[Place, Place]:
    """The place that each place is shown as: itself, or `other` beyond the largest ones."""
    sizes: dict[Place, int] = {}
    for place in places.values():
        sizes[place] = sizes.get(place, 0) + 1
    shown = set(nlargest(PLACES - 1, sizes, key=lambda place: (sizes[place], place)))
    return {place: place if place in shown or len(sizes) <= PLACES else OTHER for place in sizes}


def _quotas(seen: Seen, looks: Mapping[str, Look], places: Mapping[str, Place]) -> None:
    uses = [(look.quota.pressure, institution, look.quota) for institution, look in looks.items() if look.quota]
    for _, institution, quota in nlargest(TOP, uses):
        key = (institution, *places[institution], quota.period)
        seen.quota_used[key] = quota.used / quota.quota
        seen.quota_elapsed[key] = quota.passed / quota.days


def _growth(seen: Seen, looks: Mapping[str, Look], places: Mapping[str, Place]) -> None:
    grown = [
        (look.week - look.week_before, institution, look)  # in money: a doubled trifle is no news
        for institution, look in looks.items()
        if look.week_before > 0
    ]
    for _, institution, look in nlargest(TOP, grown):
        key = (institution, *places[institution])
        seen.week[key] = look.week / FEN
        seen.week_before[key] = look.week_before / FEN
