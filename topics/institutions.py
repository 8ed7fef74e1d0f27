"""Facts about an institution (`institutions.facts.v1`)."""

from typing import Annotated, ClassVar, Final

from topics.facts import Fact, Void
from topics.times import format_time
from topics.wire import COUNT, FLAG, TEXT, TIME, Wire, one_of


class InstitutionFact(Fact, frozen=True, array_like=True, gc=False):
    """A fact about an institution; every kind declares the field `institution`."""


class Complaint(InstitutionFact, frozen=True, array_like=True, gc=False, tag=31):
    """Somebody complained about an institution."""

    kind: ClassVar[str] = "complaint"

    id: Annotated[str, Wire("cmpl_id", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    complained_at: Annotated[int, Wire("cmpl_time", TIME)]
    subject: Annotated[str, Wire("kind", one_of("refused-patient", "attitude", "overcharge", "other"))]
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.complained_at

    @property
    def ref(self) -> str:
        return "complaint:" + self.id


class StockMovement(InstitutionFact, frozen=True, array_like=True, gc=False, tag=32):
    """Drugs bought (+), returned or scrapped (-), in the smallest charged unit."""

    kind: ClassVar[str] = "stock-movement"

    id: Annotated[str, Wire("stk_id", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    item: Annotated[str, Wire("med_list_codg", TEXT)]
    moved_at: Annotated[int, Wire("move_time", TIME)]
    count: Annotated[int, Wire("cnt", COUNT)]
    opening: Annotated[bool | None, Wire("opening", FLAG)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.moved_at

    @property
    def ref(self) -> str:
        return "stock-movement:" + self.id


class ItemChange(InstitutionFact, frozen=True, array_like=True, gc=False, tag=33):
    """An institution changes a priced item; `filed_at` None: not filed yet."""

    kind: ClassVar[str] = "item-change"

    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    item: Annotated[str, Wire("med_list_codg", TEXT)]
    changed_at: Annotated[int, Wire("change_time", TIME)]
    filed_at: Annotated[int | None, Wire("filed_time", TIME)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.changed_at

    @property
    def ref(self) -> str:
        return f"item-change:{self.institution}/{self.item}/{format_time(self.changed_at)}"


INSTITUTION_FACTS: Final[tuple[type[InstitutionFact], ...]] = (Complaint, StockMovement, ItemChange)

AnyInstitutionFact = Complaint | StockMovement | ItemChange | Void
"""Every fact that an institution's history can hold (a union for the state codec)."""
