"""From findings to changes of alerts: what stood before is held against what stands now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from detectors.detector import Detector
from detectors.findings import ALWAYS, Finding, Span, withdrawn
from detectors.terms import TermsSet
from monitor.records import AlertChange
from monitor.state import Held, Identity
from topics.alerts import About, encode


class Cause(NamedTuple):
    """The fact that made the engine judge: its identity, its record and the record's time."""

    ref: str
    record: tuple[str, int, int]
    time_ms: int


@dataclass(frozen=True)
class Rules:
    """The detectors of one kind of key with their terms.

    Attributes:
        detectors: by rule id.
        terms: all versions.
    """

    detectors: Mapping[str, Detector[Any]]
    terms: TermsSet
    _reach: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rule, detector in self.detectors.items():
            limits = [version.rules[rule].limits for version in self.terms.versions if rule in version.rules]
            if limits:
                back = max(map(detector.reach_back, limits))
                self._reach[rule] = back, max(map(detector.reach, limits))

    @property
    def active(self) -> Iterator[tuple[str, Detector[Any]]]:
        """Detectors that are enabled in some version of the terms."""
        for rule in self._reach:
            yield rule, self.detectors[rule]

    def reach(self, rule: str) -> tuple[int, int]:
        """The longest reach of the rule over all versions of the terms, back and ahead, seconds."""
        return self._reach[rule]

    @property
    def longest_reach(self) -> int:
        """Of all rules, seconds."""
        return max(map(max, self._reach.values()), default=0)

    def judge(self, rule: str, history: Any, span: Span) -> dict[Identity, Finding]:  # noqa: ANN401 - a history
        """All findings of a rule anchored in the span, each under the terms in force at its anchor."""
        found: dict[Identity, Finding] = {}
        detector = self.detectors[rule]
        for terms, part in self.terms.over(rule, span):
            for finding in detector.judge(history, terms, part):
                found[finding.rule, finding.about_kind, finding.about_id, finding.discriminator] = finding
        return found

    def wake(self, history: Any) -> int | None:  # noqa: ANN401 - a history
        """The next tick at which any rule must judge by time alone."""
        wakes = []
        for rule, detector in self.active:
            for terms, _ in self.terms.over(rule, ALWAYS):
                wake = detector.wake(history, terms)
                if wake is not None:
                    wakes.append(wake)
        return min(wakes, default=None)


def widened(span: Span, rule: str, standing: Iterable[Held]) -> Span:
    """The span, widened by the windows of the rule's standing findings that it touches."""
    begin, end = span
    for held in standing:
        if held.rule == rule and held.begin <= span.end and held.end >= span.begin:
            begin, end = min(begin, held.begin, held.anchor), max(end, held.end, held.anchor)
    return Span(begin, end)


def changes(
    standing: dict[Identity, Held],
    rule: str,
    span: Span,
    found: Mapping[Identity, Finding],
    cause: Cause,
    person: str | None,
) -> Iterator[tuple[AlertChange, Held | None, Held | None]]:
    """Hold what stands in the span against what was found; yields (change, finding before, finding after).

    `standing` is brought up to date. Withdrawals come first, then raises and revisions, each by identity.
    """
    gone = [
        held
        for identity, held in standing.items()
        if held.rule == rule and span.holds(held.anchor) and identity not in found
    ]
    for held in sorted(gone, key=lambda held: _order(held.identity)):
        del standing[held.identity]
        about = About(held.about_kind, held.about_id)
        alert = withdrawn(held.rule, about, held.discriminator, person, held.institution or None)
        yield (
            AlertChange(
                "withdrawn",
                alert,
                encode(alert),
                held.institution,
                held.revision + 1,
                cause.ref,
                cause.record,
                cause.time_ms,
                -held.amount,
            ),
            held,
            None,
        )
    for identity in sorted(found, key=_order):
        finding = found[identity]
        alert = finding.alert()
        value = encode(alert)
        digest = blake2b(value, digest_size=8).digest()
        before = standing.get(identity)
        if before is not None and before.digest == digest:
            continue
        after = Held(
            *identity,
            anchor=finding.anchor,
            begin=finding.begin,
            end=finding.end,
            digest=digest,
            institution=finding.institution or "",
            amount=finding.amount or 0,
            revision=1 if before is None else before.revision + 1,
        )
        standing[identity] = after
        yield (
            AlertChange(
                "raised" if before is None else "revised",
                alert,
                value,
                after.institution,
                after.revision,
                cause.ref,
                cause.record,
                cause.time_ms,
                after.amount - (0 if before is None else before.amount),
            ),
            before,
            after,
        )


def _order(identity: Identity) -> tuple[str, ...]:
    return tuple(part or "" for part in identity)
