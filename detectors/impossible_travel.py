"""Impossible travel: too far from where the person was seen last (N).

A fact that needs presence (an outpatient or emergency settlement by care time, an admission, a presence check that
found the person) and the latest earlier one at another institution lie farther apart than 120 km/h allow in the time
between and half an hour. Both institutions' coordinates are known. A care time or admission at midnight exactly gives
only the day and is left out. Facts of one second count in the order of their identities. About the settlement, else the
stay, which has one finding for the earliest such fact.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import ALWAYS, Finding, Span
from detectors.geography import distance_mm, longest_travel, too_far
from detectors.history import PersonHistory
from detectors.said import length
from detectors.sights import Sight, elsewhere, sights
from detectors.terms import RuleTerms
from detectors.units import Duration, Speed
from topics.facts import Admission, PresenceCheck, Settlement
from topics.registry import Institution
from topics.times import HOUR

_KM = 1_000_000  # millimetres


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of the rule.

    Attributes:
        speed: of the fastest travel.
        allowance: added to the time between.
        pharmacy: whether buying at a pharmacy needs presence too.
    """

    speed: Speed
    allowance: Duration
    pharmacy: bool


class ImpossibleTravel(Detector[PersonHistory]):
    """Judges each sight of a person against the latest one elsewhere."""

    rule_id = "impossible-travel"
    reads = (Settlement, Admission, PresenceCheck)
    consults = (Institution,)
    limits = Limits
    outside_stays = True
    says: ClassVar = frozenset({"distance", "limit", "time"})

    def reach(self, limits: Limits) -> int:
        """After this time every place on earth can be reached."""
        return longest_travel(limits.speed)

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - whatever its numbers
        """None: a fact does not touch those before it."""
        return 0

    def silent(self, history: PersonHistory) -> bool:
        """Where the person was never at two institutions."""
        kinds: tuple[Sequence[Settlement | Admission | PresenceCheck], ...] = (
            history.all_of(Settlement),
            history.all_of(Admission),
            history.all_of(PresenceCheck),
        )
        seen = None
        for facts in kinds:
            for one in facts:
                if one.institution != seen:
                    if seen is not None:
                        return False
                    seen = one.institution
        return True

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a settlement or stay; of a stay its earliest fact at fault is the anchor."""
        told: set[tuple[str, str]] = set()
        longest = longest_travel(terms.limits.speed)
        for sight, before in elsewhere(_sights(history, terms.limits, span)):
            seconds = sight.time - before.time + terms.limits.allowance
            if sight.about in told or seconds > longest:
                continue
            place = history.registry.get(Institution, sight.institution, at=sight.time)
            distance = distance_mm(place, history.registry.get(Institution, before.institution, at=before.time))
            if distance is not None and too_far(distance, seconds, terms.limits.speed):
                told.add(sight.about)
                if span.holds(sight.time):
                    yield _finding(history, sight, before, distance, terms)


def _sights(history: PersonHistory, limits: Limits, span: Span) -> list[Sight]:
    types = history.general.outpatient | history.general.emergency
    if limits.pharmacy:
        types |= history.general.pharmacy
    # a stay's earliest fact at fault may lie anywhere, a settlement depends on a few days before it alone
    of_stays = bool(history.all_of(Admission)) or bool(history.all_of(PresenceCheck))
    if of_stays:
        return sights(history, types, ALWAYS)
    needed = Span(span.begin - longest_travel(limits.speed), span.end)
    if len({one.institution for one in history.settlements_in(needed)}) < 2:  # nearly always
        return []
    return sights(history, types, needed)


def _finding(history: PersonHistory, sight: Sight, before: Sight, distance: int, terms: RuleTerms) -> Finding:
    limits: Limits = terms.limits
    between = sight.time - before.time
    farthest = limits.speed * (between + limits.allowance) // (HOUR * 1000)
    observed, limit = -(-distance // _KM), farthest
    kind, number = sight.about
    settled = [
        fact
        for fact in (history.visit(number) if kind == "stay" else [history.live(sight.ref)])
        if isinstance(fact, Settlement)
    ]
    return terms.finding(
        about=sight.about,
        anchor=sight.time,
        window=(before.time, sight.time),
        person=history.person,
        institution=sight.institution,
        facts=[before.ref, sight.ref],
        observed=observed,
        limit=limit,
        amount=sum(settlement.fund for settlement in settled) if settled else None,
        says={"distance": observed, "limit": limit, "time": length(between)},
    )
