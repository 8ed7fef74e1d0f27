"""Price over ceiling: a line charged above what the item may cost (SQ §53(6), CF §27).

The price is held against the line's own ceiling, else the registry's as of the time; 0, or 9,999,999 and more, is no
ceiling. Lines wholly outside the insurance's scope are left out. At stake is (price - ceiling) x net count.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.history import PersonHistory
from detectors.lines import lines_in
from detectors.said import amount, grouped
from detectors.stays import STAY_FACTS
from detectors.terms import RuleTerms
from topics.facts import FeeLine, Reversal
from topics.money import COUNT_UNIT, FEN, NO_CEILING, PRICE_PLACES, PRICE_UNIT, half_up, shown
from topics.registry import Item

_FEN: Final = PRICE_UNIT * COUNT_UNIT // FEN
"""A fen in units of price x count."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None of its own: ceilings stand on lines and in the registry."""


class PriceOverCeiling(Detector[PersonHistory]):
    """Judges the price of each line."""

    rule_id = "price-over-ceiling"
    reads = (*STAY_FACTS, Reversal)  # lines, their settlements, and whether a stay is open
    needs = (FeeLine,)
    consults = (Item,)
    limits = Limits
    says: ClassVar = frozenset({"price", "ceiling", "excess"})

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """A fact touches lines of its own visit alone."""
        return 0

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a line."""
        over: dict[tuple[str, str], dict[str, int]] = {}
        for line in lines_in(history.all_of(FeeLine), span):
            ceiling = _ceiling(line, history)
            if ceiling is not None and line.price > ceiling:
                over.setdefault((line.institution, line.visit), {})[line.sequence] = ceiling
        for (institution, visit), ceilings in over.items():
            for net_line in history.lines(institution, visit):
                line = net_line.line
                ceiling = ceilings.get(line.sequence)
                if ceiling is None or (net_line.in_scope is not None and net_line.in_scope <= 0):
                    continue
                excess = half_up((line.price - ceiling) * net_line.quantity, _FEN)
                price, limit = shown(line.price, PRICE_PLACES), shown(ceiling, PRICE_PLACES)
                yield terms.finding(
                    about=("fee-line", line.ref.partition(":")[2]),
                    anchor=line.charged_at,
                    window=(line.charged_at, line.charged_at),
                    person=history.person,
                    institution=institution,
                    facts=[line.ref, *net_line.cancels],
                    observed=price,
                    limit=limit,
                    amount=history.fund_share(excess, None, visit),
                    says={"price": grouped(price), "ceiling": grouped(limit), "excess": amount(excess)},
                )

    def wake(self, history: PersonHistory, terms: RuleTerms) -> int | None:  # noqa: ARG002 - any limits
        """When lines cease to be live."""
        return history.lines_wake


def _ceiling(line: FeeLine, history: PersonHistory) -> int | None:
    ceiling = line.ceiling
    if ceiling is None:
        item = history.registry.get(Item, line.item, at=line.charged_at)
        ceiling = item.ceiling if item is not None else None
    return ceiling if ceiling is not None and 0 < ceiling < NO_CEILING else None
