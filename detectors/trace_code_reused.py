"""Trace code reused: one pack's code on the lines of several visits (N).

Live outpatient, emergency and pharmacy lines and discharge drugs with the same code, of two or more visits; a line
that was cancelled is none, so a pack given back may be sold again. Not where a line says that the pack was split.
The finding is about each line but the earliest, and its discriminator is the code: each pack is a finding of its own,
with its share of the line's money, held by the one key that knows all of the pack's lines.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.panes import KeyHistory
from detectors.terms import RuleTerms
from detectors.trace_codes import KIND, LINES, CodedLine, read
from detectors.units import Duration


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines at most `window` apart, on more than `visits`."""

    window: Duration
    visits: int


class TraceCodeReused(Detector[KeyHistory]):
    """Judges the lines with a code."""

    rule_id = "trace-code-reused"
    key = KIND
    measures = (LINES,)
    limits = Limits
    says: ClassVar = frozenset({"visits", "limit", "lines"})

    def reach(self, limits: Limits) -> int:
        """Lines as far apart as the window matter to each other."""
        return limits.window

    def judge(self, history: KeyHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a line but the earliest."""
        lines = _live(history)
        if len(lines) < 2:
            return
        for line in lines:
            if span.holds(line.at):
                near = [one for one in lines if abs(one.at - line.at) <= terms.limits.window]
                if _reused(line, near, terms.limits):
                    yield _finding(terms, history.key, line, near)

    def wake(self, history: KeyHistory, terms: RuleTerms) -> int | None:  # noqa: ARG002 - any limits
        """When a line of a stay still open ceases to be live."""
        ends = (line.live_until for line in map(read, history.things(LINES)))
        return min((end + 1 for end in ends if end is not None and end >= history.now), default=None)


def _live(history: KeyHistory) -> list[CodedLine]:
    lines = [
        line for line in map(read, history.things(LINES)) if line.live_until is None or history.now <= line.live_until
    ]
    return sorted(lines, key=lambda line: (line.at, line.name))


def _reused(line: CodedLine, near: Sequence[CodedLine], limits: Limits) -> bool:
    if near[0] is line or any(one.split for one in near):
        return False
    return len({one.visit for one in near}) > limits.visits


def _finding(terms: RuleTerms, code: str, line: CodedLine, near: Sequence[CodedLine]) -> Finding:
    visits = len({one.visit for one in near})
    return terms.finding(
        about=("fee-line", line.name),
        discriminator=code,
        anchor=line.at,
        window=(near[0].at, max(near[-1].at, line.at)),
        person=line.person,
        institution=line.institution,
        facts=["fee-line:" + one.name for one in near],
        observed=visits,
        limit=terms.limits.visits,
        amount=line.fund,
        says={"visits": visits, "limit": terms.limits.visits, "lines": len(near)},
    )
