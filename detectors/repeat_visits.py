"""Repeat visits: many outpatient visits of one person in a short time (M §58(2)).

Within a band, the number of different visits among the person's outpatient settlements with care time in (t-W, t]
reaches the count: at any institutions, or at one institution with the same disease. All settlements of such windows
belong to the burst; such settlements less than W apart are one burst; one finding a burst and band.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import attrgetter, sub
from typing import ClassVar, NamedTuple

import msgspec

from detectors.detector import Detector
from detectors.findings import ALWAYS, MOST_FACTS, Finding, Span
from detectors.history import PersonHistory
from detectors.past import Run
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
    outside_stays = True
    says: ClassVar = frozenset({"visits", "limit", "window", "institutions", "settlements"})

    def reach(self, limits: Limits) -> int:
        """Twice the longest window: a change can join or part bursts that lie a window away on either side."""
        return 2 * max(band.window for band in limits.bands)

    def looks(self, limits: Limits, *, self_paid: bool) -> int:  # noqa: ARG002 - of any person
        """The longest window: earlier bursts that this one may go on are known as runs."""
        return max([band.window for band in limits.bands], default=0)

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a burst and band."""
        past = history.past
        runs = past.runs.get(terms.terms_id, ()) if past is not None else ()
        bands = terms.limits.bands
        fewest = min([band.visits for band in bands], default=0)
        if len(history.all_of(Settlement)) < fewest and not runs:
            return
        if past is None:
            around = _around(history, span, max([band.window for band in bands], default=0))
            times = [one.settled_at if one.begin is None else one.begin for one in around]
            if not any(_dense(times, band) for band in bands):  # leaving some out makes nothing denser
                return
        else:  # whatever the span: what lies before is known as runs
            around = history.settlements_in(Span(past.begin, ALWAYS.end))
        visits = _visits(around, history, fewest)
        since = ALWAYS.begin if past is None else past.until
        for band, burst in _of_bands(visits, bands, runs, since):
            if span.holds(burst.begin):
                yield _finding(burst, band, history, terms)

    def runs(self, history: PersonHistory, terms: RuleTerms, begin: int, until: int) -> list[Run]:
        """The bursts of windows that end before `until`."""
        past = history.past
        runs = past.runs.get(terms.terms_id, ()) if past is not None else ()
        first, since = (ALWAYS.begin, ALWAYS.begin) if past is None else (past.begin, past.until)
        visits = _visits(history.settlements_in(Span(first, until - 1)), history, 0)
        found = [
            burst.run(band)
            for band, burst in _of_bands(visits, terms.limits.bands, runs, since)
            if burst.last >= begin or burst.last > until - 2 * band.window
        ]
        return sorted(found, key=lambda run: (run.band, run.group or (), run.begin, run.first))


def _visits(settlements: Sequence[Settlement], history: PersonHistory, fewest: int) -> Sequence[Settlement]:
    """Those of settlements that count; none of them where they are fewer than so many."""
    general = history.general
    visits = [one for one in settlements if one.med_type in general.outpatient and not is_exempt(one, general)]
    if len(visits) < fewest:
        return []
    return [one for one in visits if not is_series(one, history)] if history.all_of(FeeLine) else visits


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


class _Burst(NamedTuple):
    """A burst: what is known of it from before, its settlements since, and the most visits in a window."""

    before: Run | None
    members: Sequence[Settlement]
    most: int
    group: tuple[str, str] | None

    @property
    def begin(self) -> int:
        """Care time of its first settlement, local second."""
        return self.members[0].care_time if self.before is None else self.before.begin

    @property
    def first(self) -> str:
        """The id of that settlement."""
        return self.members[0].id if self.before is None else self.before.first

    @property
    def institution(self) -> str:
        """Where that was."""
        return self.members[0].institution if self.before is None else self.before.institution

    @property
    def last(self) -> int:
        """Care time of its last settlement, local second."""
        return self.members[-1].care_time if self.members or self.before is None else self.before.last

    @property
    def settlements(self) -> int:
        """How many there are."""
        return len(self.members) + (0 if self.before is None else self.before.settlements)

    @property
    def fund(self) -> int:
        """What the fund paid for them, fen."""
        return sum([one.fund for one in self.members]) + (0 if self.before is None else self.before.fund)

    @property
    def institutions(self) -> set[str]:
        """Where they were."""
        return {one.institution for one in self.members}.union(() if self.before is None else self.before.institutions)

    @property
    def facts(self) -> list[str]:
        """Their identities, of those before the least ones alone."""
        return [*(() if self.before is None else self.before.facts), *(one.ref for one in self.members)]

    def run(self, band: Band) -> Run:
        """What must be known of it to go on from here."""
        if self.before is not None and not self.members:
            return self.before
        return Run(
            band.name,
            self.group,
            self.begin,
            self.first,
            self.institution,
            self.last,
            self.most,
            self.settlements,
            self.fund,
            tuple(sorted(self.institutions)),
            tuple(sorted(self.facts)[:MOST_FACTS]),
        )


def _of_bands(
    visits: Sequence[Settlement], bands: Sequence[Band], runs: Sequence[Run], since: int
) -> Iterator[tuple[Band, _Burst]]:
    """The bursts of every band among settlements (by care time), going on from what is known at a local second."""
    times = [settlement.care_time for settlement in visits]
    for band in bands:
        known = [run for run in runs if run.band == band.name]
        if not known and not _dense(times, band):
            continue
        groups = dict(_groups(visits, band))
        of_group: dict[tuple[str, str] | None, list[Run]] = defaultdict(list)
        for run in known:
            of_group[run.group].append(run)
        for group in [*groups, *(group for group in of_group if group not in groups)]:
            earlier = sorted(of_group.get(group, ()), key=attrgetter("last"))
            latest = earlier.pop() if earlier else None
            for run in earlier:
                yield band, _Burst(run, (), run.most, group)
            for before, members, most in bursts(groups.get(group, ()), band, latest, since):
                yield band, _Burst(before, members, most, group)


def _groups(visits: Sequence[Settlement], band: Band) -> Iterator[tuple[tuple[str, str] | None, Sequence[Settlement]]]:
    if not band.same:
        yield None, visits
        return
    groups: dict[tuple[str, str], list[Settlement]] = defaultdict(list)
    for settlement in visits:
        code = disease(settlement.diagnosis)
        if code is not None:
            groups[settlement.institution, code].append(settlement)
    yield from groups.items()


def bursts(
    visits: Sequence[Settlement], band: Band, before: Run | None = None, since: int = ALWAYS.begin
) -> Iterator[tuple[Run | None, list[Settlement], int]]:
    """The bursts among settlements (by care time), each with the most visits seen in one of its windows.

    Args:
        visits: all settlements less than a window before `since`, and all after it.
        band: whose windows.
        before: the latest burst of windows that end before `since`; the first that is yielded may go on from it.
        since: local second from which on windows end that are looked at.
    """
    burst: list[Settlement] = []
    most = 0 if before is None else before.most
    last = 0 if before is None else before.last
    times = [settlement.care_time for settlement in visits]
    taken = 0 if before is None else bisect_right(times, last)  # those before are in a burst already
    begin = 0
    end = bisect_left(times, since)
    inside: dict[str, int] = defaultdict(int)
    for settlement in visits[:end]:
        inside[settlement.visit] += 1
    while end < len(visits):
        now = times[end]
        while end < len(visits) and times[end] == now:  # equal times count together
            inside[visits[end].visit] += 1
            end += 1
        while times[begin] <= now - band.window:  # the window is open on the left
            visit = visits[begin].visit
            inside[visit] -= 1
            if not inside[visit]:
                del inside[visit]
            begin += 1
        if len(inside) < band.visits:
            continue
        first = max(begin, taken)
        taken = end
        if (burst or before is not None) and times[first] - last >= band.window:
            yield before, burst, most
            before, burst, most = None, [], 0
        burst += visits[first:end]
        last = now
        most = max(most, len(inside))
    if burst or before is not None:
        yield before, burst, most


def _finding(burst: _Burst, band: Band, history: PersonHistory, terms: RuleTerms) -> Finding:
    return terms.finding(
        about=("settlement", burst.first),
        discriminator=band.name,
        anchor=burst.begin,
        window=(burst.begin, burst.last),
        person=history.person,
        institution=burst.institution,
        facts=burst.facts,
        facts_total=burst.settlements,
        observed=burst.most,
        limit=band.visits,
        amount=burst.fund,
        says={
            "visits": burst.most,
            "limit": band.visits,
            "window": length(band.window),
            "institutions": len(burst.institutions),
            "settlements": burst.settlements,
        },
    )
