"""Drug oversupply: more days of a drug in hand than a person can use (SQ §31, §53(4)).

At a dispensing, days in hand over all institutions are before it more than `before`, or after it more than `after`
(`after_long` with a long prescription); of the item, and of its class. Lines of one visit and item, or class, are one
supply of the longest prd_days; each supply starts when the one before runs out, in order of time. Supplies of the
last `window` count. Lines without known days, and inpatient lines that are not discharge drugs, are left out.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.history import PersonHistory
from detectors.lines import NetLine
from detectors.stays import STAY_FACTS
from detectors.supplies import HUNDREDTH_DAY, Supply, in_hand, supplies
from detectors.terms import RuleTerms
from detectors.units import Duration
from detectors.units import Supply as Days
from topics.facts import FeeLine, Reversal
from topics.money import DAYS_PLACES, half_up, shown
from topics.registry import Item


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Most days in hand `before` and `after` a dispensing, and how far back supplies count."""

    before: Days
    after: Days
    after_long: Days
    window: Duration
    by_class: bool


class _Excess(NamedTuple):
    """Hundredths of days in hand; `limit`: the one passed, `observed`: what passed it."""

    before: int
    after: int
    observed: int
    limit: int


class DrugOversupply(Detector[PersonHistory]):
    """Judges each dispensing against what the person still has."""

    rule_id = "drug-oversupply"
    reads = (*STAY_FACTS, Reversal)  # lines, their settlements, and whether a stay is open
    needs = (FeeLine,)
    consults = (Item,)
    limits = Limits
    says: ClassVar = frozenset({"before", "after", "days", "observed", "limit", "drug_zh", "drug_en", "supplies"})

    def reach(self, limits: Limits) -> int:
        """A supply counts for later ones as far as the window."""
        return limits.window

    def reach_back(self, limits: Limits) -> int:  # noqa: ARG002 - any limits
        """A supply says nothing about earlier ones."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a supply of an item, and of a class."""
        limits: Limits = terms.limits
        around = Span(span.begin - limits.window, span.end)
        for which, series in supplies(history, around, by_class=limits.by_class):
            for first, index, before in in_hand(series, limits.window):
                supply = series[index]
                if span.holds(supply.at):
                    excess = _excess(supply, before, limits)
                    if excess is not None:
                        yield _finding(history, terms, which, series[first : index + 1], excess)

    def wake(self, history: PersonHistory, terms: RuleTerms) -> int | None:  # noqa: ARG002 - any limits
        """When lines cease to be live."""
        return history.lines_wake


def _excess(supply: Supply, before: int, limits: Limits) -> _Excess | None:
    most = limits.after_long if supply.long else limits.after
    after = before + supply.days * HUNDREDTH_DAY
    held, had = half_up(after, HUNDREDTH_DAY), half_up(before, HUNDREDTH_DAY)
    if after > most * HUNDREDTH_DAY:
        return _Excess(had, held, held, most)
    if before > limits.before * HUNDREDTH_DAY:
        return _Excess(had, held, had, limits.before)
    return None


def _finding(history: PersonHistory, terms: RuleTerms, which: str, chain: Sequence[Supply], excess: _Excess) -> Finding:
    supply = chain[-1]
    longest: NetLine = supply.longest
    line = longest.line
    before, after, observed, limit = (shown(days, DAYS_PLACES) for days in excess)
    return terms.finding(
        about=("fee-line", line.ref.partition(":")[2]),
        discriminator=which,
        anchor=supply.at,
        window=(chain[0].at, max(supply.at, line.charged_at)),
        person=history.person,
        institution=line.institution,
        facts=[one.longest.line.ref for one in chain],
        observed=observed,
        limit=limit,
        amount=history.fund_share(longest.amount, None, line.visit),
        says={
            "before": before,
            "after": after,
            "days": shown(supply.days, DAYS_PLACES),
            "observed": observed,
            "limit": limit,
            "drug_zh": "同一药品" if which == "item" else "同一小类药品",
            "drug_en": "one drug" if which == "item" else "one class of drugs",
            "supplies": len(chain),
        },
    )
