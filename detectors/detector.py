"""What a detector is: a pure function of a history, the registry and its terms."""

from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar

from detectors.findings import Finding, Span
from detectors.past import Run
from detectors.terms import RuleTerms
from topics.facts import Fact
from topics.registry import Entry

H = TypeVar("H")


class Detector(Generic[H]):
    """One rule.

    A detector of persons judges a `PersonHistory`, one of another key a `KeyHistory` of that kind. `judge` yields
    every finding **anchored in the span**, each complete: it looks beyond the span as far as it must, and never at
    anything but the history, the registry and the terms.

    Attributes:
        rule_id: `a-b` for the detector in `detectors/a_b.py`.
        key: `person`, or the kind of key whose contributions it judges.
        reads: facts that can change its findings.
        needs: kinds of facts: while none of these stands there is no finding, and time alone makes none; empty: it
            cannot be told by kinds.
        needs_stays: with fewer stays than this there is no finding, and time alone makes none.
        measures: names (or their prefixes) of contributions that can change them, for keys other than persons.
        consults: registry entries that can change its findings.
        limits: the struct of its numbers in the terms.
        says: placeholders that its texts may use.
        uses_references: whether a change of the person's reference values rejudges all facts kept.
        scored: whether it judges by an anomaly model; where none is at hand its findings are left as they stand.
        stays_alone: whether a new visit outside stays, settlement or lines, changes none of its findings.
        outside_stays: whether a new visit that is settled as a stay changes none of its findings.
    """

    rule_id: ClassVar[str]
    key: ClassVar[str] = "person"
    reads: ClassVar[tuple[type[Fact], ...]] = ()
    needs: ClassVar[tuple[type[Fact], ...]] = ()
    needs_stays: ClassVar[int] = 0
    measures: ClassVar[tuple[str, ...]] = ()
    consults: ClassVar[tuple[type[Entry], ...]] = ()
    limits: ClassVar[type]
    says: ClassVar[frozenset[str]]
    uses_references: ClassVar[bool] = False
    scored: ClassVar[bool] = False
    stays_alone: ClassVar[bool] = False
    outside_stays: ClassVar[bool] = False

    def reach(self, limits: Any) -> int:  # noqa: ANN401 - the detector's own limits struct
        """How far from a changed fact's time the anchors lie of findings that the change can touch, seconds.

        Findings whose old window covers the change are judged again besides.
        """
        raise NotImplementedError

    def reach_back(self, limits: Any) -> int:  # noqa: ANN401 - the detector's own limits struct
        """How far before a changed fact's time such anchors lie, where that is less than `reach`."""
        return self.reach(limits)

    def looks(self, limits: Any, *, self_paid: bool) -> int:  # noqa: ANN401, ARG002 - the detector's own limits struct
        """How far before a changed fact facts lie that it looks at for what the change touches, seconds.

        Less where it judges on from what a history's past says (`detectors.past`), or of one without self-pay stays.
        """
        return self.reach_back(limits) + self.reach(limits)

    def runs(self, history: H, terms: RuleTerms, begin: int, until: int) -> list[Run] | None:  # noqa: ARG002 - see below
        """What it must know of the past to judge on after `until`: what lasts beyond `begin`, or may go on.

        None: it reads the facts, as most rules do.
        """
        return None

    def silent(self, history: H) -> bool:  # noqa: ARG002 - most rules cannot tell at a glance
        """Whether it can be seen at a glance that there are no findings, anywhere, and time alone makes none.

        Saves judging, as `needs` and `needs_stays` do, for what these cannot say.
        """
        return False

    def judge(self, history: H, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield every finding anchored in the span."""
        raise NotImplementedError

    def wake(self, history: H, terms: RuleTerms) -> int | None:  # noqa: ARG002 - most rules need no clock
        """The next tick (local second, later than `history.now`) at which findings change by time alone."""
        return None

    def woken(self, limits: Any) -> int | None:  # noqa: ANN401, ARG002 - the detector's own limits struct
        """How far before a wake time anchors lie of findings that it changes, seconds; None: anywhere."""
        return None
