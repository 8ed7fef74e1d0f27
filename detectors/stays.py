"""Stays: one visit of an inpatient type or with an admission, put together from all of its facts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from detectors.findings import Span
from topics.facts import (
    Admission,
    Discharge,
    FeeLine,
    Leave,
    PersonFact,
    PresenceCheck,
    SelfPayStay,
    Settlement,
    Transfer,
    TraumaFiling,
)
from topics.times import DAY

PARTS: Final[tuple[type[Any], ...]] = (Admission, Discharge, Settlement, Transfer, Leave, PresenceCheck)
"""The kinds of facts that a stay is put together from."""

STAY_FACTS: Final[tuple[type[PersonFact], ...]] = (*PARTS, FeeLine, TraumaFiling, SelfPayStay)
"""All kinds of facts of a visit: what rules about stays read, since any of them keeps an open stay open."""


TRANSFERRED_OUT: Final = "2"
DIED: Final = "5"
"""Ways in which a stay ends (dscg_way)."""


class Place(NamedTuple):
    """Where an inpatient lies; None where nobody said."""

    department: str | None
    ward: str | None
    bed: str | None


@dataclass(frozen=True)
class Stay:
    """One stay.

    Attributes:
        visit: its mdtrt_id.
        person: whose.
        institution: where.
        begin: of the admission, else the settlements' earliest care time; local second.
        end: of the discharge, else of the final settlement; None: open.
        open_until: for an open stay, the time after which it does not count as open any more, whatever ticks say.
        admission: if one stands.
        discharge: if one stands.
        settlements: that stand, by settlement time, ties by id.
        transfers: by begin.
        leaves: by begin.
        checks: presence checks by time.
    """

    visit: str
    person: str
    institution: str
    begin: int
    end: int | None
    open_until: int
    admission: Admission | None
    discharge: Discharge | None
    settlements: Sequence[Settlement]
    transfers: Sequence[Transfer]
    leaves: Sequence[Leave]
    checks: Sequence[PresenceCheck]

    def until(self, now: int) -> int:
        """Its end; for an open stay as far as ticks have come, local second."""
        return self.end if self.end is not None else max(self.begin, min(self.open_until, now))

    def is_open(self, now: int) -> bool:
        """Whether it has no end and still counts as open at a tick."""
        return self.end is None and now <= self.open_until

    @property
    def span(self) -> Span:
        """From its begin to its end; of an open stay for as long as it may count as open."""
        return Span(self.begin, max(self.begin, self.open_until if self.end is None else self.end))

    def excused(self, time: int) -> bool:
        """Whether a leave with papers covers a local second; both its ends count, and one not ended goes on."""
        return any(
            leave.papers and leave.begin <= time and (leave.end is None or time <= leave.end) for leave in self.leaves
        )

    @property
    def settled(self) -> bool:
        """Whether a settlement stands that is not interim."""
        return any(not settlement.interim for settlement in self.settlements)

    @property
    def fund(self) -> int | None:
        """What the fund paid, fen, all settlements added up; None while none is known."""
        return sum(settlement.fund for settlement in self.settlements) if self.settlements else None

    @property
    def total(self) -> int | None:
        """What it cost, fen; None while no settlement is known."""
        return sum(settlement.total for settlement in self.settlements) if self.settlements else None

    @property
    def diagnosis(self) -> str | None:
        """Of the last settlement, else of the discharge, else of the admission."""
        last = self.settlements[-1].diagnosis if self.settlements else None
        of_discharge = self.discharge.diagnosis if self.discharge else None
        return last or of_discharge or (self.admission.diagnosis if self.admission else None)

    @property
    def med_type(self) -> str | None:
        """Of the last settlement, else of the admission."""
        if self.settlements:
            return self.settlements[-1].med_type
        return self.admission.med_type if self.admission else None

    @property
    def way(self) -> str | None:
        """How it ended: dscg_way of the discharge."""
        return self.discharge.way if self.discharge else None

    @property
    def full_days(self) -> range:
        """Local days strictly between first and last day of an ended stay; empty for an open one."""
        return range(0) if self.end is None else range(self.begin // DAY + 1, self.end // DAY)

    def place(self, time: int) -> Place:
        """Department, ward and bed as of a local second: a transfer replaces only the fields it carries."""
        first = self.admission
        department = first.department if first else (self.settlements[0].department if self.settlements else None)
        ward, bed = (first.ward, first.bed) if first else (None, None)
        for transfer in self.transfers:
            if transfer.begin > time:
                break
            department = transfer.department or department
            ward = transfer.ward or ward
            bed = transfer.bed or bed
        return Place(department, ward, bed)

    @property
    def facts(self) -> list[str]:
        """Identities of admission, discharge and settlements: what evidence names of a stay as a whole."""
        refs = [settlement.ref for settlement in self.settlements]
        refs += [fact.ref for fact in (self.admission, self.discharge) if fact is not None]
        return sorted(refs)


def put_together(visit: str, person: str, facts: Iterable[PersonFact], open_stay: int) -> Stay:
    """Put a stay together from its standing facts.

    Args:
        visit: its mdtrt_id.
        person: whose.
        facts: of the kinds `PARTS`, each kind by event time; an admission or a settlement at least.
        open_stay: how long after its begin a stay without an end counts as open, seconds.
    """
    kinds: dict[type[Any], list[Any]] = {kind: [] for kind in PARTS}
    for fact in facts:
        kinds[type(fact)].append(fact)
    admission: Admission | None = next(iter(kinds[Admission]), None)
    discharge: Discharge | None = next(iter(kinds[Discharge]), None)
    settlements: list[Settlement] = kinds[Settlement]
    begin = admission.begin if admission else min(settlement.care_time for settlement in settlements)
    ends = [one.end for one in settlements if not one.interim and one.end is not None]
    return Stay(
        visit=visit,
        person=person,
        institution=(admission or settlements[-1]).institution,
        begin=begin,
        end=discharge.end if discharge else (ends[-1] if ends else None),
        open_until=begin + open_stay,
        admission=admission,
        discharge=discharge,
        settlements=settlements,
        transfers=kinds[Transfer],
        leaves=kinds[Leave],
        checks=kinds[PresenceCheck],
    )
