"""From findings to changes of alerts: what stood before is held against what stands now."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from detectors.detector import Detector
from detectors.findings import ALWAYS, Finding, Span, withdrawn
from detectors.model_set import ModelSet
from detectors.past import Run
from detectors.terms import RuleTerms, TermsSet
from monitor.records import AlertChange
from monitor.state import Held, Identity
from topics.alerts import About, encode


class Cause(NamedTuple):
    """The fact that made the engine judge: its identity, its record and the record's time."""

    ref: str
    record: tuple[str, int, int]
    time_ms: int


class Waiting(NamedTuple):
    """A rule whose findings change by time alone, with one version of its terms.

    Attributes:
        rule: its id.
        detector: what judges it.
        terms: of one version.
        silent: tells at a glance that there is nothing to find; None: the rule cannot.
    """

    rule: str
    detector: Detector[Any]
    terms: RuleTerms
    silent: Callable[[Any], bool] | None


class Rules:
    """The detectors of one kind of key with their terms.

    Args:
        detectors: by rule id.
        terms: all versions.

    Attributes:
        terms: all versions of the terms.
        active: detectors that are enabled in some version, by rule id.
        waiting: those of them whose findings change by time alone.
        by_time: these, with every version of their terms.
        longest_reach: of all rules, seconds.
        longest_look_back: from a changed fact to the earliest one that may matter for what it touches, seconds.
        mark: digests of all versions of the terms.
        going_on: the active rules that judge on from what is known of the past; one at most.
    """

    def __init__(self, detectors: Mapping[str, Detector[Any]], terms: TermsSet) -> None:
        self.terms = terms
        self.active: dict[str, Detector[Any]] = {}
        self._reach: dict[str, tuple[int, int]] = {}
        self._looks: dict[tuple[str, bool], int] = {}
        self.mark = "+".join(terms.digests)
        self._only: dict[str, tuple[Callable[..., Iterator[Finding]], RuleTerms]] = {}
        self.by_time: tuple[Waiting, ...] = ()
        for rule, detector in detectors.items():
            versions = [version.rules[rule] for version in terms.versions if rule in version.rules]
            if not versions:
                continue
            limits = [version.limits for version in versions]
            self.active[rule] = detector
            if len(terms.versions) == 1:
                self._only[rule] = detector.judge, versions[0]
            self._reach[rule] = max(map(detector.reach_back, limits)), max(map(detector.reach, limits))
            for paid in (False, True):
                self._looks[rule, paid] = max(detector.looks(each, self_paid=paid) for each in limits)
            if type(detector).wake is not Detector.wake:
                silent = None if type(detector).silent is Detector.silent else detector.silent
                self.by_time += tuple(Waiting(rule, detector, version, silent) for version in versions)
        self.going_on = tuple(
            rule for rule, detector in self.active.items() if type(detector).runs is not Detector.runs
        )
        self.waiting = tuple(dict.fromkeys(one.rule for one in self.by_time))
        self.longest_reach = max(map(max, self._reach.values()), default=0)
        self.longest_look_back = max(map(sum, self._reach.values()), default=0)

    def reach(self, rule: str) -> tuple[int, int]:
        """The longest reach of the rule over all versions of the terms, back and ahead, seconds; 0 without the rule."""
        return self._reach.get(rule, (0, 0))

    def looks(self, rule: str, *, self_paid: bool = True) -> int:
        """How far before a changed fact the rule looks (see `Detector.looks`), over all versions of the terms."""
        return self._looks.get((rule, self_paid), 0)

    def runs(self, history: Any, begin: int, until: int) -> dict[str, list[Run]]:  # noqa: ANN401 - a history
        """What rules must know of the past to judge on (see `Detector.runs`), by id of the terms."""
        return {
            version.terms_id: self.active[rule].runs(history, version.rules[rule], begin, until) or []
            for rule in self.going_on
            for version in self.terms.versions
            if rule in version.rules
        }

    def woken(self, rule: str) -> int | None:
        """How far before a wake time the rule's findings change, over all versions of the terms; None: anywhere."""
        backs = [one.detector.woken(one.terms.limits) for one in self.by_time if one.rule == rule]
        known = [back for back in backs if back is not None]
        return max(known) if len(known) == len(backs) else None

    def judge(self, rule: str, history: Any, span: Span) -> dict[Identity, Finding]:  # noqa: ANN401 - a history
        """All findings of a rule anchored in the span, each under the terms in force at its anchor.

        None for a rule that no version of the terms has: what still stands of it came from other terms.
        """
        found: dict[Identity, Finding] = {}
        only = self._only.get(rule)
        if only is not None:
            judge, of_rule = only
            for finding in judge(history, of_rule, span):
                found[finding.rule, finding.about_kind, finding.about_id, finding.discriminator] = finding
            return found
        if rule not in self.active:
            return found
        judge = self.active[rule].judge
        for terms, part in self.terms.over(rule, span):
            for finding in judge(history, terms, part):
                found[finding.rule, finding.about_kind, finding.about_id, finding.discriminator] = finding
        return found

    def parts(self, rule: str, span: Span, models: ModelSet) -> Iterable[Span]:
        """The parts of a span in which the rule can be judged: of a scored rule those whose model is known."""
        detector = self.active.get(rule)
        return models.parts(span) if detector is not None and detector.scored else (span,)

    def wake(self, history: Any, among: Iterable[Waiting] | None = None) -> int | None:  # noqa: ANN401 - a history
        """The next tick at which any rule, or any of some, must judge by time alone."""
        earliest: int | None = None
        for _, detector, terms, silent in self.by_time if among is None else among:
            if silent is None or not silent(history):
                wake = detector.wake(history, terms)
                if wake is not None and (earliest is None or wake < earliest):
                    earliest = wake
        return earliest


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
    floor: int | None = None,
) -> Iterator[tuple[AlertChange, Held | None, Held | None]]:
    """Hold what stands in the span against what was found; yields (change, finding before, finding after).

    `standing` is brought up to date. Withdrawals come first, then raises and revisions, each by identity. What looks at
    times before `floor`, where facts were forgotten, stays as it is.
    """
    kept_from = ALWAYS.begin if floor is None else floor
    gone = [
        held
        for identity, held in standing.items()
        if held.rule == rule and span.holds(held.anchor) and held.begin >= kept_from and identity not in found
    ]
    if len(gone) > 1:
        gone.sort(key=lambda held: _order(held.identity))
    for held in gone:
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
                severity_before=held.severity,
                institution_before=held.institution,
            ),
            held,
            None,
        )
    for identity in sorted(found, key=_order) if len(found) > 1 else found:
        finding = found[identity]
        if finding.begin < kept_from:
            continue
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
            severity=alert.sev_deg or "",
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
                after.amount,
                "" if before is None else before.severity,
                "" if before is None else before.institution,
                finding.priority,
            ),
            before,
            after,
        )


def _order(identity: Identity) -> tuple[str, ...]:
    return tuple(part or "" for part in identity)
