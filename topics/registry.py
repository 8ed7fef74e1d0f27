"""The registry (`registry.v1`): effective-dated reference data, looked up as of an event time.

An entry holds for valid_from <= t < valid_to (local seconds); of several that hold, the latest valid_from wins.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec

from topics.times import format_time
from topics.wire import (
    BOOL,
    CODES,
    DATE,
    DAYS,
    DEGREES,
    MONEY,
    NAME,
    NUMBER,
    PERIOD,
    PRICE,
    TEXT,
    TIME,
    Wire,
    one_of,
)


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What all entries share: `valid_from` (inclusive) and `valid_to` (exclusive, None: open)."""

    kind: ClassVar[str]

    valid_from: Annotated[int, Wire("valid_from", TIME)]
    valid_to: Annotated[int | None, Wire("valid_to", TIME)] = None

    @property
    def subject(self) -> tuple[str, ...]:
        """What the entry is about: the parts of its key between kind and valid_from."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """The record's key: kind, subject and valid_from joined with `/`."""
        return "/".join((self.kind, *self.subject, format_time(self.valid_from)))


class Institution(Entry, frozen=True, gc=False, kw_only=True):
    """A designated hospital (type 1) or pharmacy (2); coordinates in millionths of a degree."""

    kind: ClassVar[str] = "institution"

    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    name: Annotated[str | None, Wire("fixmedins_name", NAME)] = None
    level: Annotated[str | None, Wire("hosp_lv", TEXT)] = None
    institution_type: Annotated[str | None, Wire("fixmedins_type", TEXT)] = None
    place: Annotated[str | None, Wire("admdvs", TEXT)] = None
    longitude: Annotated[int | None, Wire("lng", DEGREES)] = None
    latitude: Annotated[int | None, Wire("lat", DEGREES)] = None
    beds: Annotated[int | None, Wire("beds", NUMBER)] = None
    departments: Annotated[tuple[str, ...] | None, Wire("departments", CODES)] = None
    target_stay_days: Annotated[int | None, Wire("target_stay_days", DAYS)] = None

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.institution,)


class Agreement(Entry, frozen=True, gc=False, kw_only=True):
    """The designated-institution agreement, or that of one department of the institution."""

    kind: ClassVar[str] = "agreement"

    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    status: Annotated[str, Wire("status", one_of("active", "suspended", "terminated"))]
    department: Annotated[str | None, Wire("department", TEXT)] = None

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.institution,) if self.department is None else (self.institution, self.department)


class Quota(Entry, frozen=True, gc=False, kw_only=True):
    """A period's inpatient fund quota (fen), last year's average inpatient cost and the quota a stay (fen)."""

    kind: ClassVar[str] = "quota"

    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    period: Annotated[str, Wire("period", PERIOD)]
    quota: Annotated[int, Wire("quota_amt", MONEY)]
    base_average: Annotated[int | None, Wire("base_avg_cost", MONEY)] = None
    unit_quota: Annotated[int | None, Wire("unit_quota", MONEY)] = None

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.institution, self.period)


class Physician(Entry, frozen=True, gc=False, kw_only=True):
    """A physician at an institution; `person` links the physician's own insurance number."""

    kind: ClassVar[str] = "physician"

    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    physician: Annotated[str, Wire("dr_codg", TEXT)]
    status: Annotated[str, Wire("status", one_of("registered", "suspended", "cancelled"))]
    department: Annotated[str | None, Wire("department", TEXT)] = None
    person: Annotated[str | None, Wire("psn_no", TEXT)] = None

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.institution, self.physician)


class Item(Entry, frozen=True, gc=False, kw_only=True):
    """A priced drug, service or material; the ceiling in micro-yuan (0, or 9,999,999 yuan and more: none)."""

    kind: ClassVar[str] = "item"

    item: Annotated[str, Wire("med_list_codg", TEXT)]
    name: Annotated[str | None, Wire("name", NAME)] = None
    generic: Annotated[str | None, Wire("generic", NAME)] = None
    category: Annotated[str | None, Wire("med_chrgitm_type", TEXT)] = None
    ceiling: Annotated[int | None, Wire("pric_uplmt_amt", PRICE)] = None
    gender_limit: Annotated[str | None, Wire("gend_limit", TEXT)] = None
    age_min: Annotated[int | None, Wire("age_min", NUMBER)] = None
    age_max: Annotated[int | None, Wire("age_max", NUMBER)] = None
    restricted: Annotated[bool | None, Wire("restricted", BOOL)] = None
    drug_class: Annotated[str | None, Wire("class_codg", TEXT)] = None
    solvent: Annotated[bool | None, Wire("solvent", BOOL)] = None
    series: Annotated[bool | None, Wire("series", BOOL)] = None
    covered: Annotated[bool | None, Wire("covered", BOOL)] = None
    takeaway: Annotated[bool | None, Wire("takeaway", BOOL)] = None
    max_per_day: Annotated[int | None, Wire("max_per_day", DAYS)] = None
    nursing_grade: Annotated[str | None, Wire("nursing_grade", one_of("special", "1", "2", "3"))] = None
    chronic: Annotated[bool | None, Wire("chronic", BOOL)] = None

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.item,)


class Calendar(Entry, frozen=True, gc=False, kw_only=True):
    """A day's kind, where it is not what its weekday says."""

    kind: ClassVar[str] = "calendar"

    day: Annotated[int, Wire("day", DATE)]
    day_kind: Annotated[str, Wire("kind", one_of("working", "weekend", "holiday"))]

    @property
    def subject(self) -> tuple[str, ...]:
        from topics.times import format_day

        return (format_day(self.day),)


class ScoringModel(Entry, frozen=True, gc=False, kw_only=True):
    """Which version of the anomaly model scores from `valid_from` on; `none`: scoring is off."""

    kind: ClassVar[str] = "model"

    role: Annotated[str, Wire("role", one_of("active", "shadow"))]
    version: Annotated[str, Wire("version", TEXT)]

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.role,)


REGISTRY_ENTRIES: Final[tuple[type[Entry], ...]] = (
    Institution,
    Agreement,
    Quota,
    Physician,
    Item,
    Calendar,
    ScoringModel,
)

E = TypeVar("E", bound=Entry)
_by_start = attrgetter("valid_from")


class Registry:
    """All entries in memory, by subject and in order of valid_from."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Any, ...], list[Entry]] = {}
        self._children: dict[tuple[str, str], set[tuple[Any, ...]]] = {}

    def put(self, entry: Entry) -> bool:
        """Add an entry, or replace the one with the same key; tells whether anything changed."""
        subject = (type(entry), *entry.subject)
        held = self._entries.setdefault(subject, [])
        self._children.setdefault((entry.kind, entry.subject[0]), set()).add(subject)
        for index, old in enumerate(held):
            if old.valid_from == entry.valid_from:
                held[index] = entry
                return old != entry
        insort(held, entry, key=_by_start)
        return True

    def remove(self, key: str) -> bool:
        """Forget the entry with this record key (a tombstone of the topic); tells whether there was one."""
        for held in self._entries.values():
            for index, old in enumerate(held):
                if old.key == key:
                    del held[index]
                    return True
        return False

    def get(self, kind: type[E], *subject: str, at: int) -> E | None:
        """The entry about a subject that holds at a local second; None when there is none."""
        held = self._entries.get((kind, *subject))
        if not held:
            return None
        for index in range(bisect_right(held, at, key=_by_start) - 1, -1, -1):
            entry = held[index]
            if entry.valid_to is None or at < entry.valid_to:
                return entry  # type: ignore[return-value]  # entries are filed under their type
        return None

    def all_of(self, kind: type[E], first: str) -> Iterator[E]:
        """Every entry of a kind whose subject begins with `first` (an institution's quotas), in a stable order."""
        subjects = self._children.get((kind.kind, first))
        if not subjects:
            return
        for subject in sorted(subjects, key=lambda parts: parts[1:]) if len(subjects) > 1 else subjects:
            yield from self._entries[subject]  # type: ignore[misc]

    def knows(self, kind: type[Entry], *subject: str) -> bool:
        """Whether any entry about the subject exists, at whatever time."""
        return bool(self._entries.get((kind, *subject)))

    def __iter__(self) -> Iterator[Entry]:
        for held in self._entries.values():
            yield from held

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))
