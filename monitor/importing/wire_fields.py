"""The wire fields of every type that a table can give, with their kinds."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from topics.facts import PERSON_FACTS, Fact, FeeLine, Void
from topics.institutions import INSTITUTION_FACTS
from topics.registry import REGISTRY_ENTRIES, Entry
from topics.wire import TEXT, TIME, Kind, fields_of

_ALL: Final[tuple[type[Fact] | type[Entry], ...]] = (*PERSON_FACTS, *INSTITUTION_FACTS, *REGISTRY_ENTRIES)
_STRUCTS: Final = {"fee-lines" if struct is FeeLine else struct.kind: struct for struct in _ALL}
TABLE_TYPES: Final = tuple(sorted(_STRUCTS))
"""Types that a row of a table can be. Ticks are not among them: a file without ticks is given its own."""

RECEIVED: Final = "_recv"
"""Field of an NDJSON line that stands for the Kafka record time."""
PERSONS_NUMBERS: Final = frozenset({"psn_no", "certno", "certno_seen"})
"""Fields whose values never stand in a message."""
RECORD_FIELDS: Final = ("mdtrt_id", "psn_no", "fixmedins_code", "med_type", "upld_time", RECEIVED)
"""Fields of `fee-lines` that stand once a record, not on each line."""


@cache
def wire_fields(table_type: str) -> Mapping[str, Kind]:
    """Wire field -> kind of one of `TABLE_TYPES`."""
    struct = _STRUCTS[table_type]
    found = {field.wire.name: field.wire.kind for field in fields_of(struct)}
    if struct is Void:  # it carries the identity of whatever it voids
        for other in (*PERSON_FACTS, *INSTITUTION_FACTS):
            found |= {field.wire.name: field.wire.kind for field in fields_of(other) if field.required}
        found["kind"] = TEXT
    found[RECEIVED] = TIME
    return found


@cache
def required_fields(table_type: str) -> tuple[str, ...]:
    """Wire fields without which no row of the type is admitted."""
    struct = _STRUCTS[table_type]
    required = [field.wire.name for field in fields_of(struct) if field.required]
    if struct is FeeLine:
        required.append("upld_time")
    return tuple([*required, "kind"] if struct is Void else required)
