"""Identity mismatch: the identity number of a fact is not the person's own (SQ §10, note 4).

The person's reference is the enrolled number, else the most frequent among the person's facts, ties to the earliest,
as known until 120 d after the fact (`corrections` in the terms' general numbers).
A number that is a data fault is counted elsewhere and never compared.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.history import PersonHistory
from detectors.references import Steps, value_at
from detectors.terms import RuleTerms
from topics.facts import Admission, Enrolment, Reversal, Settlement


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`stay_tier`: the tier where a stay was taken on another's number."""

    stay_tier: str


class IdMismatch(Detector[PersonHistory]):
    """Judges the identity numbers of settlements and admissions."""

    rule_id = "id-mismatch"
    reads = (Settlement, Admission, Reversal, Enrolment)
    limits = Limits
    says: ClassVar = frozenset({"differing", "facts"})
    uses_references = True

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """A fact touches its own visit alone; the visit's course is judged again with it."""
        return 0

    def silent(self, history: PersonHistory) -> bool:
        """Where all facts show the same number."""
        return history.facts_agree

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a stay, or a settlement outside stays, with a differing number."""
        references = history.references.certno
        if not references:
            return
        # nearly everybody's number never changes
        only = references[0][1] if len(references) == 1 else None
        differing: dict[tuple[str, str], list[Settlement | Admission]] = defaultdict(list)
        for settlement in history.settlements:
            if settlement.certno and settlement.certno != only and _differs(settlement, references):
                of_stay = history.is_stay(settlement.visit)
                about = ("stay", settlement.visit) if of_stay else ("settlement", settlement.id)
                differing[about].append(settlement)
        for admission in history.all_of(Admission):
            if admission.certno and admission.certno != only and _differs(admission, references):
                differing["stay", admission.visit].append(admission)
        for about, found in differing.items():
            anchor = min(_time(fact) for fact in found)
            if span.holds(anchor):
                yield _finding(history, terms, about, anchor, found)


def _differs(fact: Settlement | Admission, references: Steps) -> bool:
    reference = value_at(references, _time(fact))
    return reference is not None and reference != fact.certno


def _time(fact: Settlement | Admission) -> int:
    return fact.care_time if isinstance(fact, Settlement) else fact.at


def _finding(
    history: PersonHistory,
    terms: RuleTerms,
    about: tuple[str, str],
    anchor: int,
    found: Sequence[Settlement | Admission],
) -> Finding:
    of_stay = about[0] == "stay"
    settled = [fact for fact in (history.visit(about[1]) if of_stay else found) if isinstance(fact, Settlement)]
    first = min(found, key=lambda fact: (_time(fact), fact.ref))
    return terms.finding(
        about=about,
        anchor=anchor,
        window=(anchor, max(_time(fact) for fact in found)),
        person=history.person,
        institution=first.institution,
        facts=[fact.ref for fact in found],
        observed=len(found),
        limit=0,
        amount=sum(settlement.fund for settlement in settled) if settled else None,
        says={"differing": len(found), "facts": len(found)},
        tier=terms.limits.stay_tier if of_stay else None,
    )
