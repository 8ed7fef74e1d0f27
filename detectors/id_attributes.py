"""Identity attributes: sex or birth date of a fact contradict its identity number or the person (SQ §10).

They are held against the digits of the fact's own number, and against the person's reference: the enrolled value, else
the most frequent among the person's facts, ties to the earliest, as known until 120 d after the fact. A fact whose
number is a data fault is not compared at all, unknown values are not either. One finding a stay, or a settlement
outside stays.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from detectors.detector import Detector
from detectors.findings import Finding, Span
from detectors.history import PersonHistory, filed_at
from detectors.references import GENDERS, value_at
from detectors.terms import RuleTerms
from topics.facts import Admission, Enrolment, Settlement
from topics.identity import FAULT, birth_day, gender


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule has no numbers."""


class IdAttributes(Detector[PersonHistory]):
    """Judges sex and birth date of settlements and admissions."""

    rule_id = "id-attributes"
    reads = (Settlement, Admission, Enrolment)
    limits = Limits
    says: ClassVar = frozenset({"facts", "genders", "birth_days"})
    uses_references = True

    def reach(self, limits: Limits) -> int:  # noqa: ARG002 - none of its numbers is a time
        """None: a fact touches its own visit alone; the visit's course is judged again with it."""
        return 0

    def silent(self, history: PersonHistory) -> bool:
        """Where all facts say the same, and that is what the digits of the number say."""
        if not history.facts_agree:
            return False
        certnos, genders, births = history.references
        if not certnos:
            return True
        certno = certnos[0][1]
        return (not genders or not _differs(genders[0][1], gender(certno))) and (
            not births or not _differs(births[0][1], birth_day(certno))
        )

    def judge(self, history: PersonHistory, terms: RuleTerms, span: Span) -> Iterator[Finding]:
        """Yield one finding a stay, or a settlement outside stays, with a contradiction."""
        stays = set()
        for settlement in history.settlements_in(span):
            if contradictions(settlement, history):
                if history.is_stay(settlement.visit):
                    stays.add(settlement.visit)
                else:
                    yield _finding(history, ("settlement", settlement.id), [settlement], terms)
        for admission in history.all_of(Admission):
            if span.holds(admission.begin) and contradictions(admission, history):
                stays.add(admission.visit)
        for visit in sorted(stays):
            facts = [fact for fact in history.visit(visit) if isinstance(fact, Settlement | Admission)]
            found = [fact for fact in facts if contradictions(fact, history)]
            found.sort(key=lambda fact: (filed_at(fact), fact.ref))
            if span.holds(filed_at(found[0])):
                yield _finding(history, ("stay", visit), found, terms)


def contradictions(fact: Settlement | Admission, history: PersonHistory) -> list[str]:
    """Names of the fact's attributes that contradict its own number or the person's reference of its time."""
    certno = fact.certno
    if certno == FAULT:
        return []
    references = history.references
    found = []
    if fact.gender in GENDERS:
        of_number = gender(certno) if certno else None
        if _differs(fact.gender, value_at(references.gender, filed_at(fact))) or _differs(fact.gender, of_number):
            found.append("gender")
    if fact.birth_day is not None:
        born = birth_day(certno) if certno else None
        if _differs(fact.birth_day, value_at(references.birth_day, filed_at(fact))) or _differs(fact.birth_day, born):
            found.append("birth_day")
    return found


def _differs(value: str | int | None, known: str | int | None) -> bool:
    return known is not None and known != value


def _finding(
    history: PersonHistory, about: tuple[str, str], found: Sequence[Settlement | Admission], terms: RuleTerms
) -> Finding:
    of_stay = history.visit(about[1]) if about[0] == "stay" else found
    settled = [fact.fund for fact in of_stay if isinstance(fact, Settlement)]
    wrong = [name for fact in found for name in contradictions(fact, history)]
    return terms.finding(
        about=about,
        anchor=filed_at(found[0]),
        window=(filed_at(found[0]), filed_at(found[-1])),
        person=history.person,
        institution=found[0].institution,
        facts=[fact.ref for fact in found],
        observed=len(found),
        limit=0,
        amount=sum(settled) if settled else None,
        says={"facts": len(found), "genders": wrong.count("gender"), "birth_days": wrong.count("birth_day")},
    )
