"""Repeat visits: many outpatient visits of one person in a short time (M §58(2)).

Within a band, the number of different visits among the person's outpatient settlements with care time in (t-W, t]
reaches the count: at any institutions, or at one institution with the same disease. All settlements of such windows
belong to the burst; such settlements less than W apart are one burst; one finding a burst and band.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import sub
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.history import PersonHistory
from detectors.said import length
from detectors.settlements import disease, is_exempt, is_series
from detectors.terms import RuleTerms
from detectors.units import Duration
from topics.facts import FeeLine, Reversal, Settlement
from topics.registry import Item


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One window: `visits` within `window`; `same`: at one institution with one disease."""

    name: str
    window: Duration
    visits: int
    same: bool = False


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bands of the rule."""

    bands: tuple[Band, ...]


class RepeatVisits(Detector[PersonHistory]):
    """Judges bursts of outpatient visits."""

    rule_id = "repeat-visits"
    reads = (Settlement, Reversal, FeeLine)
    consults = (Item,)
    limits = Limits
    says: ClassVar = frozenset({"visits", "limit", "window", "institutions", "settlements"})

    def reach(self, limits: Limits) -> int:
        """Twice the longest window: a change can join or part bursts that lie a window away on either side."""
        return 2 * max(band.window for band in limits.bands)

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a burst and band."""
        bands = terms.limits.bands
        fewest = min([band.visits for band in bands], default=0)
        if len(history.all_of(Settlement)) < fewest:
            return
        general = history.general
        near = _around(history, span, max([band.window for band in bands]))
        times = [one.settled_at if one.begin is None else one.begin for one in near]
        if not any(_dense(times, band) for band in bands):  # leaving some out makes nothing denser
            return
        visits = [one for one in near if one.med_type in general.outpatient and not is_exempt(one, general)]
        if len(visits) < fewest:
            return
        visits = [settlement for settlement in visits if not is_series(settlement, history)]
        times = [settlement.care_time for settlement in visits]
        for band in bands:
            if not _dense(times, band):
                continue
            for group in _groups(visits, band):
                for burst, most in bursts(group, band):
                    if span.holds(burst[0].care_time):
                        yield _finding(burst, most, band, terms)


def _around(history: PersonHistory, span: Span, window: int) -> Sequence[Settlement]:
    """The settlements of the span and those on either side up to a gap of a window, which no burst reaches over."""
    found = history.settlements
    begin, end = history.settlement_places(span)
    while 0 < begin < len(found) and found[begin].care_time - found[begin - 1].care_time < window:
        begin -= 1
    while 0 < end < len(found) and found[end].care_time - found[end - 1].care_time < window:
        end += 1
    return found[begin:end]


def _dense(times: Sequence[int], band: Band) -> bool:
    """Whether any window holds as many settlements as the band wants visits, at care times in ascending order."""
    more = band.visits - 1
    if len(times) <= more:
        return False
    return min(map(sub, times[more:], times), default=band.window) < band.window


def _groups(visits: Sequence[Settlement], band: Band) -> Iterator[Sequence[Settlement]]:
    if not band.same:
        yield visits
        return
    groups: dict[tuple[str, str], list[Settlement]] = defaultdict(list)
    for settlement in visits:
        code = disease(settlement.diagnosis)
        if code is not None:
            groups[settlement.institution, code].append(settlement)
    yield from groups.values()


def bursts(visits: Sequence[Settlement], band: Band) -> Iterator[tuple[list[Settlement], int]]:
    """The bursts among settlements (by care time), each with the most visits seen in one of its windows."""
    burst: list[Settlement] = []
    most = 0
    taken = 0  # settlements before this index are in a burst already
    begin = end = 0
    inside: dict[str, int] = defaultdict(int)
    while end < len(visits):
        now = visits[end].care_time
        while end < len(visits) and visits[end].care_time == now:  # equal times count together
            inside[visits[end].visit] += 1
            end += 1
        while visits[begin].care_time <= now - band.window:  # the window is open on the left
            visit = visits[begin].visit
            inside[visit] -= 1
            if not inside[visit]:
                del inside[visit]
            begin += 1
        if len(inside) < band.visits:
            continue
        members = visits[max(begin, taken) : end]
        taken = end
        if burst and members[0].care_time - burst[-1].care_time >= band.window:
            yield burst, most
            burst, most = [], 0
        burst.extend(members)
        most = max(most, len(inside))
    if burst:
        yield burst, most


def _finding(burst: Sequence[Settlement], most: int, band: Band, terms: RuleTerms) -> Finding:
    first, last = burst[0], burst[-1]
    return terms.finding(
        about=("settlement", first.id),
        discriminator=band.name,
        anchor=first.care_time,
        window=(first.care_time, last.care_time),
        person=first.person,
        institution=first.institution,
        facts=[settlement.ref for settlement in burst],
        observed=most,
        limit=band.visits,
        amount=sum(settlement.fund for settlement in burst),
        says={
            "visits": most,
            "limit": band.visits,
            "window": length(band.window),
            "institutions": len({settlement.institution for settlement in burst}),
            "settlements": len(burst),
        },
    )
