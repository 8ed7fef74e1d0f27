"""How a fact's fields look on the wire: one marker a field, from which codecs are made.

A struct declares `attribute: Annotated[int, Wire("setl_time", TIME)]`. From these markers come the struct that
msgspec decodes the JSON into, the conversion into the fact (exact numbers, local seconds), and the canonical
JSON that decides between two versions of a fact.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as declared
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from topics import money, reasons
from topics.identity import normal_certno
from topics.reasons import Quarantined
from topics.times import BadTime, format_day, format_time, parse_day, parse_time, period_days

S = TypeVar("S", bound=msgspec.Struct)

LONGEST_CODE: Final = 120
"""Bytes (UTF-8) of an identifier or code: several of them make a key of the state."""


@dataclass(frozen=True)
class Kind:
    """How one sort of value travels.

    Attributes:
        name: for schemas and documentation.
        wire: the type msgspec decodes.
        read: wire value -> value in the code; raises `Quarantined` without the field's name. None: as it is.
        write: value in the code -> JSON text.
        schema: JSON Schema of the values to send; what is read leniently (blanks, exponents) is not in it.
    """

    name: str
    wire: Any
    read: Callable[[Any], Any] | None
    write: Callable[[Any], str]
    schema: Mapping[str, Any] = declared(compare=False)


@dataclass(frozen=True)
class Wire:
    """The wire name and kind of a field."""

    name: str
    kind: Kind


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return msgspec.json.encode(value).decode()


def _number(places: int, *, signed: bool) -> Kind:
    def read(value: Decimal) -> int:
        try:
            number = money.scaled(value, places)
        except money.OverPrecise as error:
            raise Quarantined(reasons.OVER_PRECISE, str(error)) from None
        except money.BadNumber as error:
            raise Quarantined(reasons.BAD_NUMBER, str(error)) from None
        if number < 0 and not signed:
            raise Quarantined(reasons.NEGATIVE, f"{money.shown(number, places)} is below 0")
        return number

    name = f"number with at most {places} decimals" + ("" if signed else ", not negative")
    decimals = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    schema: dict[str, Any] = {
        "type": ["number", "string"],
        "pattern": f"^{'-?' if signed else ''}[0-9]{{1,{money.MOST_DIGITS}}}{decimals}$",
        "exclusiveMaximum": 10**money.MOST_DIGITS,
    }
    schema |= {"exclusiveMinimum": -(10**money.MOST_DIGITS)} if signed else {"minimum": 0}
    return Kind(name, Decimal, read, lambda value: money.shown(value, places), schema)


_DAY_PATTERN: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK_PATTERN: Final = "[0-9]{2}:[0-9]{2}:[0-9]{2}"
_TIME_PATTERN: Final = (
    rf"^{_DAY_PATTERN}( {_CLOCK_PATTERN}|T{_CLOCK_PATTERN}(\.[0-9]{{1,9}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}}))$"
)


def _timed(name: str, parse: Callable[[str], int], write: Callable[[int], str], pattern: str) -> Kind:
    def read(value: str) -> int:
        try:
            return parse(value)
        except BadTime as error:
            raise Quarantined(reasons.BAD_TIME, str(error)) from None

    return Kind(name, str, read, lambda value: _json(write(value)), {"type": "string", "pattern": pattern})


def _read_flag(value: str) -> bool:
    return value == "1"


def _read_period(value: str) -> str:
    try:
        period_days(value)
    except BadTime as error:
        raise Quarantined(reasons.BAD_TIME, str(error)) from None
    return value


def one_of(*codes: str) -> Kind:
    """A code that must be one of a few."""

    def read(value: str) -> str:
        if value not in codes:
            raise Quarantined(reasons.BAD_CODE, f"{value[:40]!r} is none of {', '.join(codes)}")
        return value

    return Kind("one of " + ", ".join(codes), str, read, _json, {"type": "string", "enum": list(codes)})


def _read_diagnosis(value: str) -> str | None:
    return value.upper().replace(".", "").strip() or None


def _read_codes(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if len(value.encode()) > LONGEST_CODE:
            raise Quarantined(reasons.TOO_LONG, f"a code has more than {LONGEST_CODE} bytes")
    return values


_CODE: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1, "maxLength": LONGEST_CODE}
_WORDS: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1}
_ONLY_DAY: Final = f"^{_DAY_PATTERN}$"

TEXT: Final = Kind("code of at most 120 bytes", str, None, _json, _CODE)
NAME: Final = Kind("text for people", str, None, _json, _WORDS)
TIME: Final = _timed("time yyyy-MM-dd HH:mm:ss", parse_time, format_time, _TIME_PATTERN)
DATE: Final = _timed("day yyyy-MM-dd", parse_day, format_day, _ONLY_DAY)
BIRTH: Final = _timed(
    "day of birth yyyy-MM-dd", lambda text: parse_day(text[:10], 1880), format_day, f"^{_DAY_PATTERN}"
)
MONEY: Final = _number(money.FEN_PLACES, signed=False)
SIGNED_MONEY: Final = _number(money.FEN_PLACES, signed=True)
PRICE: Final = _number(money.PRICE_PLACES, signed=False)
COUNT: Final = _number(money.COUNT_PLACES, signed=True)
DAYS: Final = _number(money.DAYS_PLACES, signed=False)
DEGREES: Final = _number(6, signed=True)
NUMBER: Final = _number(0, signed=False)
FLAG: Final = Kind(
    'flag, "1" is yes', str, _read_flag, lambda value: '"1"' if value else '"0"', {"type": "string", "enum": ["0", "1"]}
)
BOOL: Final = Kind("true or false", bool, None, _json, {"type": "boolean"})
CERTNO: Final = Kind("identity number", str, normal_certno, _json, {"type": "string"})
DIAGNOSIS: Final = Kind("ICD-10 code", str, _read_diagnosis, _json, _WORDS)
CODES: Final = Kind(
    "list of codes", tuple[str, ...], _read_codes, _json, {"type": "array", "items": {**_CODE, "minLength": 0}}
)
PERIOD: Final = Kind(
    "period 2026, 2026Q3 or 2026-11",
    str,
    _read_period,
    _json,
    {"type": "string", "pattern": "^[0-9]{4}(Q[1-4]|-(0[1-9]|1[0-2]))?$"},
)


@dataclass(frozen=True)
class Field:
    """One declared field: attribute, wire name, kind, and whether the contract requires it."""

    attribute: str
    wire: Wire
    required: bool


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The declared fields of a struct in the order of its constructor."""
    hints = get_type_hints(struct, include_extras=True)
    found = []
    for info in msgspec.structs.fields(struct):
        hint = hints[info.name]
        marks = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Wire)]
        if marks:
            found.append(Field(info.name, marks[0], not _optional(get_args(hint)[0])))
    return tuple(found)


def _optional(hint: Any) -> bool:  # noqa: ANN401 - a type expression
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def wire_struct(struct: type[msgspec.Struct], tag: str, **more: tuple[Any, Any]) -> type[msgspec.Struct]:
    """Make the struct that decodes a fact's JSON object.

    Args:
        struct: the fact's struct.
        tag: value of the `type` field.
        more: further wire fields (name -> type, default), such as the lines of a settlement.
    """
    # a required field that is absent is reported by the reader, so that null, blank and absent are one reason
    spec: list[Any] = [(field.wire.name, field.wire.kind.wire | None, None) for field in fields_of(struct)]
    spec += [(name, kind, default) for name, (kind, default) in more.items()]
    return msgspec.defstruct(f"{struct.__name__}Wire", spec, tag=tag, tag_field="type", gc=False, kw_only=True)


def reader(struct: type[S]) -> Callable[[tuple[Any, ...]], list[Any]]:
    """Make the function that turns wire values (in the order of `fields_of`) into constructor arguments.

    The function raises `Quarantined` with the wire name of the field at fault.
    """
    fields = fields_of(struct)
    required = [index for index, field in enumerate(fields) if field.required]
    codes = [index for index, field in enumerate(fields) if field.wire.kind is TEXT]
    faulty = {index for index, field in enumerate(fields) if field.wire.kind is CERTNO}
    readers = [(index, field.wire.kind.read) for index, field in enumerate(fields) if field.wire.kind.read is not None]

    def read(values: tuple[Any, ...]) -> list[Any]:
        out = list(values)
        for index in required:
            value = values[index]
            if value is None or value == "":
                raise Quarantined(reasons.MISSING_FIELD, f"{fields[index].wire.name} is required")
        for index in codes:
            value = values[index]
            if value is not None and len(value) > LONGEST_CODE // 4 and len(value.encode()) > LONGEST_CODE:
                raise Quarantined(reasons.TOO_LONG, f"{fields[index].wire.name} has more than {LONGEST_CODE} bytes")
        if "" in values:  # a blank is no value; CERTNO alone reads it as a data fault
            out = [None if value == "" else value for value in values]
        for index, convert in readers:
            value = values[index]
            if value is not None and (value != "" or index in faulty):
                try:
                    out[index] = convert(value)
                except Quarantined as error:
                    raise Quarantined(error.reason, f"{fields[index].wire.name}: {error.detail}") from None
        return out

    return read


def canonical_json(fact: msgspec.Struct) -> str:
    """The fact's known fields as canonical JSON: sorted names, no spaces, numbers without trailing zeros.

    Two notations of one fact (100.50 and "100.5", a time with another offset) have one canonical form.
    """
    present = []
    for field in fields_of(type(fact)):
        value = getattr(fact, field.attribute)
        if value is not None:
            present.append((field.wire.name, field.wire.kind.write(value)))
    return "{" + ",".join(f'"{name}":{text}' for name, text in sorted(present)) + "}"


def fields_present(fact: msgspec.Struct) -> int:
    """How many of the fact's declared fields are not null."""
    return sum(getattr(fact, field.attribute) is not None for field in fields_of(type(fact)))
