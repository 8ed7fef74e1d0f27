"""What a person was given of a drug, and how long it lasts."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from detectors.findings import Span
from detectors.history import PersonHistory
from detectors.lines import NetLine, lines_in
from topics.facts import FeeLine, Settlement
from topics.registry import Item
from topics.times import DAY

HUNDREDTH_DAY: Final = DAY // 100
"""Seconds."""

ITEM: Final = "item"
CLASS: Final = "class"


class Supply(NamedTuple):
    """The lines of one visit and drug.

    Attributes:
        at: of the earliest line, local second.
        first: identity of that line.
        days: of the longest line, hundredths.
        longest: the line with most days, ties to the earliest, then the smallest sequence.
        long: whether a settlement of the visit is a long prescription.
    """

    at: int
    first: str
    days: int
    longest: NetLine
    long: bool


def supplies(history: PersonHistory, span: Span, *, by_class: bool) -> Iterator[tuple[str, list[Supply]]]:
    """The supplies of each item (`item`) and class (`class`), in order of time, of visits with a line in the span."""
    visits: dict[str, set[str]] = {}
    for line in lines_in(history.all_of(FeeLine), span):
        if line.days:
            visits.setdefault(line.visit, set()).add(line.institution)
    given: dict[tuple[str, str], list[Supply]] = {}
    for visit, institutions in visits.items():
        long = any(isinstance(fact, Settlement) and fact.long_prescription for fact in history.visit(visit))
        of_drug: dict[tuple[str, str], list[NetLine]] = {}
        for institution in institutions:
            for net_line in history.lines(institution, visit):
                if _counts(net_line, history):
                    for drug in _drugs(net_line.line, history, by_class=by_class):
                        of_drug.setdefault(drug, []).append(net_line)
        for drug, lines in of_drug.items():
            given.setdefault(drug, []).append(_supply(lines, long=long))
    for (which, _), series in sorted(given.items()):
        yield which, sorted(series, key=lambda supply: (supply.at, supply.first))


def in_hand(series: Sequence[Supply], window: int) -> Iterator[tuple[int, int, int]]:
    """For each supply, what is in hand before it: (first supply that counts, its own index, seconds in hand)."""
    chain = until = begin = 0  # begin of the chain that is not used up yet, when it will be
    for index, supply in enumerate(series):
        if until <= supply.at:
            chain, until = index, supply.at
        while series[begin].at <= supply.at - window:
            begin += 1
        first, left = chain, until
        if chain < begin:  # the chain is longer than the window: count the supplies in it alone
            first, left = begin, series[begin].at
            for number in range(begin, index):
                if left <= series[number].at:
                    first, left = number, series[number].at
                left += series[number].days * HUNDREDTH_DAY
            if left <= supply.at:
                first, left = index, supply.at
        yield first, index, left - supply.at
        until += supply.days * HUNDREDTH_DAY


def _counts(net_line: NetLine, history: PersonHistory) -> bool:
    if not net_line.line.days:
        return False
    if net_line.line.discharge_drug:
        return True
    return net_line.med_type is not None and net_line.med_type not in history.general.inpatient


def _drugs(line: FeeLine, history: PersonHistory, *, by_class: bool) -> Iterator[tuple[str, str]]:
    yield ITEM, line.item
    item = history.registry.get(Item, line.item, at=line.charged_at) if by_class else None
    if item is not None and item.drug_class:
        yield CLASS, item.drug_class


def _supply(lines: Sequence[NetLine], *, long: bool) -> Supply:
    at, first = min((one.line.charged_at, one.line.ref) for one in lines)
    longest = min(lines, key=lambda one: (-(one.line.days or 0), one.line.charged_at, one.line.sequence, one.line.ref))
    return Supply(at, first, longest.line.days or 0, longest, long)
