"""Fee lines as rules see them: net of the lines that cancel them, and only while they are live."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from detectors.findings import Span
from topics.facts import FeeLine

_charged_at = attrgetter("charged_at")


class NetLine(NamedTuple):
    """A live line, net of its cancels.

    Attributes:
        line: as it was uploaded.
        quantity: ten-thousandths, cancelled ones taken off; above 0.
        amount: fen, likewise.
        in_scope: fen of the part within the insurance's scope, likewise; None where the line does not say.
        med_type: of the line, else of its visit's settlement or admission; None: not known yet.
        cancels: identities of the lines that cancel part of it.
    """

    line: FeeLine
    quantity: int
    amount: int
    in_scope: int | None
    med_type: str | None
    cancels: tuple[str, ...]


def net(lines: Sequence[FeeLine], med_type: str | None) -> list[NetLine]:
    """The lines of one visit, net; those of which nothing is left are no lines.

    Args:
        lines: of one visit at one institution, cancelling ones among them.
        med_type: of the visit, for lines that carry none.
    """
    cancelling: dict[str, list[FeeLine]] = {}
    for line in lines:
        if line.cancels is not None:
            cancelling.setdefault(line.cancels, []).append(line)
    found = []
    for line in lines:
        if line.cancels is not None:
            continue
        off = cancelling.get(line.sequence, [])
        quantity = line.count + sum(other.count for other in off)
        if quantity <= 0:
            continue
        in_scope = line.in_scope
        if in_scope is not None:
            in_scope += sum(other.in_scope or 0 for other in off)
        amount = line.amount + sum(other.amount for other in off)
        refs = tuple(sorted(other.ref for other in off))
        found.append(NetLine(line, quantity, amount, in_scope, line.med_type or med_type, refs))
    return found


def shares_by_category(lines: Sequence[FeeLine]) -> dict[str, int]:
    """Amounts (fen) of a visit's standing lines by category, cancels taken off that of the line they cancel.

    The empty category holds lines that state none.
    """
    amounts: dict[str, int] = {}
    category_of = None
    for line in lines:
        category = line.category or ""
        if line.cancels is not None:
            if category_of is None:
                category_of = {other.sequence: other.category or "" for other in lines}
            category = category_of.get(line.cancels, category)
        amounts[category] = amounts.get(category, 0) + line.amount
    return amounts


def by_time(lines: Iterable[NetLine]) -> list[NetLine]:
    """Lines by the time of the charge, ties by identity."""
    return sorted(lines, key=lambda net_line: (net_line.line.charged_at, net_line.line.ref))


def lines_in(lines: Sequence[FeeLine], span: Span) -> Sequence[FeeLine]:
    """The lines charged in a span, of lines by time (`history.all_of(FeeLine)`): as uploaded, live or not."""
    begin = bisect_left(lines, span.begin, key=_charged_at)
    return lines[begin : bisect_right(lines, span.end, lo=begin, key=_charged_at)]
