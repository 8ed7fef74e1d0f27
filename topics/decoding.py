"""Bytes of a record to facts, or the reason why not.

One record gives one fact, or several: a settlement and its lines, or the lines of one upload. One bad line
quarantines the whole record.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from topics import reasons
from topics.facts import (
    PERSON_FACTS,
    Fact,
    FeeLine,
    Settlement,
    Tick,
    Void,
)
from topics.institutions import INSTITUTION_FACTS
from topics.quick import WRONG, LongWay, quick_fields, quick_reader
from topics.reasons import Quarantined
from topics.registry import REGISTRY_ENTRIES, Entry
from topics.times import BadTime, parse_time
from topics.wire import fields_of, reader, wire_struct

MAX_RECORD_BYTES: Final = 1 << 20
"""Default limit of a record's size: 1 MiB."""

_OF_RECORD: Final = ("mdtrt_id", "psn_no", "fixmedins_code", "med_type", "upld_time")
"""Fields of a line that stand once a record, not on each line."""

_line_fields = [field for field in fields_of(FeeLine) if field.wire.name not in _OF_RECORD]
LineWire: Final = msgspec.defstruct(
    "LineWire", [(field.wire.name, field.wire.kind.wire | None, None) for field in _line_fields], gc=False
)
_record_places = tuple(index for index, field in enumerate(fields_of(FeeLine)) if field.wire.name in _OF_RECORD)
_read_line = reader(FeeLine)

FeeLinesWire: Final = msgspec.defstruct(
    "FeeLinesWire",
    [(name, str | None, None) for name in _OF_RECORD] + [("lines", list[LineWire] | None, None)],  # type: ignore[valid-type]
    tag="fee-lines",
    tag_field="type",
    gc=False,
)

_VOID_PARTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "settlement": ("settlement", ("setl_id",)),
    "reversal": ("reversal", ("setl_id",)),
    "fee-lines": ("fee-line", ("fixmedins_code", "mdtrt_id", "feedetl_sn")),
    "admission": ("admission", ("mdtrt_id",)),
    "transfer": ("transfer", ("mdtrt_id", "begntime")),
    "discharge": ("discharge", ("mdtrt_id",)),
    "leave": ("leave", ("mdtrt_id", "leave_begntime")),
    "presence-check": ("presence-check", ("chk_id",)),
    "trauma-filing": ("trauma-filing", ("mdtrt_id",)),
    "self-pay-stay": ("self-pay-stay", ("mdtrt_id",)),
    "enrolment": ("enrolment", ("psn_no",)),
    "death": ("death", ("psn_no",)),
    "card-loss": ("card-loss", ("psn_no", "lost_from")),
    "complaint": ("complaint", ("cmpl_id",)),
    "stock-movement": ("stock-movement", ("stk_id",)),
    "item-change": ("item-change", ("fixmedins_code", "med_list_codg", "change_time")),
}
"""Kind of a void -> kind and identity fields of what it voids."""
_INSTITUTION_KINDS: Final = {fact.kind for fact in INSTITUTION_FACTS}
_void_names = sorted(
    {name for _, names in _VOID_PARTS.values() for name in names} - {"psn_no", "fixmedins_code"} | {"kind"}
)

Decode = Callable[[Any], list[Any]]


def _plain(struct: type[msgspec.Struct]) -> Decode:
    read = reader(struct)
    as_tuple = msgspec.structs.astuple
    return lambda wire: [struct(*read(as_tuple(wire)))]


def _entry(struct: type[Entry]) -> Decode:
    read = reader(struct)
    names = [field.attribute for field in fields_of(struct)]

    def decode(wire: Any) -> list[Any]:  # noqa: ANN401 - a generated struct
        return [struct(**dict(zip(names, read(msgspec.structs.astuple(wire)), strict=True)))]

    return decode


def _lines(wires: Sequence[Any], record: tuple[Any, ...], first_upload: int | None) -> list[FeeLine]:
    """Lines of a record; `record` holds the record's values in the order of `_record_places`."""
    lines = []
    for index, wire in enumerate(wires):
        values = list(msgspec.structs.astuple(wire))
        for place, value in zip(_record_places, record, strict=True):
            values.insert(place, value)
        try:
            line = FeeLine(*[*_read_line(tuple(values)), first_upload])
            _check_signs(line)
        except Quarantined as error:
            raise Quarantined(error.reason, f"lines[{index}].{error.detail}") from None
        lines.append(line)
    return lines


def _check_signs(line: FeeLine) -> None:
    numbers = (
        ("cnt", line.count),
        ("det_item_fee_sumamt", line.amount),
        ("inscp_scp_amt", line.in_scope or 0),
    )
    for name, number in numbers:
        if line.cancels is None and number < 0:
            raise Quarantined(reasons.NEGATIVE, f"{name} is below 0 on a line that cancels nothing")
        if line.cancels is not None and number > 0:
            raise Quarantined(reasons.NOT_NEGATIVE, f"{name} is above 0 on a line that cancels another")


_settlement_width = len(fields_of(Settlement))
_make_settlement = reader(Settlement)


def _settlement(wire: Any) -> list[Any]:  # noqa: ANN401 - a generated struct
    values = msgspec.structs.astuple(wire)
    settlement = Settlement(*_make_settlement(values[:_settlement_width]))
    if not wire.lines:
        return [settlement]
    record = (wire.mdtrt_id, wire.psn_no, wire.fixmedins_code, wire.med_type, wire.upld_time)
    return [settlement, *_lines(wire.lines, record, None)]


def _fee_lines(wire: Any) -> list[Any]:  # noqa: ANN401 - a generated struct
    for name in ("mdtrt_id", "psn_no", "fixmedins_code", "upld_time", "lines"):
        if not getattr(wire, name):
            raise Quarantined(reasons.MISSING_FIELD, f"{name} is required")
    try:
        uploaded = parse_time(wire.upld_time)
    except BadTime as error:
        raise Quarantined(reasons.BAD_TIME, f"upld_time: {error}") from None
    record = (wire.mdtrt_id, wire.psn_no, wire.fixmedins_code, wire.med_type, wire.upld_time)
    return list(_lines(wire.lines, record, uploaded))


_read_void = reader(Void)
_normal_time = {"begntime", "leave_begntime", "lost_from", "change_time"}


def _void(wire: Any) -> list[Any]:  # noqa: ANN401 - a generated struct
    parts = _VOID_PARTS.get(wire.kind or "")
    if parts is None:
        raise Quarantined(
            reasons.BAD_CODE if wire.kind else reasons.MISSING_FIELD,
            f"kind: {str(wire.kind)[:40]!r} is none of {', '.join(_VOID_PARTS)}",
        )
    kind, names = parts
    identity = []
    for name in names:
        value = getattr(wire, name)
        if not value:
            raise Quarantined(reasons.MISSING_FIELD, f"{name} is required to void a {wire.kind}")
        identity.append(_same_time(name, value) if name in _normal_time else value)
    key_name = "fixmedins_code" if kind in _INSTITUTION_KINDS else "psn_no"
    if not getattr(wire, key_name):
        raise Quarantined(reasons.MISSING_FIELD, f"{key_name} is required to void a {wire.kind}")
    times = _read_void((wire.void_time, wire.psn_no, wire.fixmedins_code, wire.upld_time))
    person = None if kind in _INSTITUTION_KINDS else times[1]
    return [Void(f"{kind}:{'/'.join(identity)}", times[0], person, times[2], times[3])]


def _same_time(name: str, value: str) -> str:
    """An identity's time in its one form."""
    from topics.times import format_time

    try:
        return format_time(parse_time(value))
    except BadTime as error:
        raise Quarantined(reasons.BAD_TIME, f"{name}: {error}") from None


def _structs() -> tuple[dict[type[msgspec.Struct], Decode], dict[str, frozenset[type[msgspec.Struct]]]]:
    decoders: dict[type[msgspec.Struct], Decode] = {}
    families: dict[str, set[type[msgspec.Struct]]] = {
        "person": set(),
        "institution": set(),
        "registry": set(),
    }

    def add(wire: type[msgspec.Struct], decode: Decode, *names: str) -> None:
        decoders[wire] = decode
        for name in names:
            families[name].add(wire)

    add(wire_struct(Settlement, "settlement", lines=(list[LineWire] | None, None)), _settlement, "person")  # type: ignore[valid-type]
    add(FeeLinesWire, _fee_lines, "person")
    void = wire_struct(Void, "void", **dict.fromkeys(_void_names, (str | None, None)))
    add(void, _void, "person", "institution")
    add(wire_struct(Tick, "tick"), _plain(Tick), "person", "institution")
    for fact in PERSON_FACTS:
        if fact not in (Settlement, FeeLine, Void):
            add(wire_struct(fact, fact.kind), _plain(fact), "person")
    for about_institution in INSTITUTION_FACTS:
        add(wire_struct(about_institution, about_institution.kind), _plain(about_institution), "institution")
    for entry in REGISTRY_ENTRIES:
        add(wire_struct(entry, entry.kind), _entry(entry), "registry")
    return decoders, {name: frozenset(structs) for name, structs in families.items()}


_decoders, _families = _structs()
TYPES: Final = frozenset(wire.__struct_config__.tag for wire in _decoders)
"""Every value of the `type` field that the contract knows."""
_union: Any = None
for _struct in _decoders:
    _union = _struct if _union is None else _union | _struct
_decoder = msgspec.json.Decoder(_union)


_QuickLine: Final = msgspec.defstruct("QuickLine", quick_fields(_line_fields), kw_only=True, gc=False)
_quick_line = quick_reader(_line_fields)
_quick_settlement = quick_reader(fields_of(Settlement))
_LONG_WAY: Final = (*WRONG, Quarantined, UnicodeDecodeError, msgspec.MsgspecError, RecursionError)


def _quick_lines(wires: Sequence[Any], record: tuple[Any, ...], first_upload: int | None) -> list[Any]:
    """As `_lines`, with the record's values read already."""
    visit, person, institution, med_type, uploaded = record
    lines = []
    for wire in wires:
        sequence, charged, item, count, price, amount, *more = _quick_line(msgspec.structs.astuple(wire))
        own = (sequence, visit, person, institution, charged, item, count, price, amount)
        values = (*own, med_type, uploaded, *more, first_upload)
        line = FeeLine(*values)
        _check_signs(line)
        lines.append(line)
    return lines


def _quickly_settlement(wire: Any) -> list[Any]:  # noqa: ANN401 - a generated struct
    *values, wires = msgspec.structs.astuple(wire)
    settlement = Settlement(*_quick_settlement(values))
    if not wires:
        return [settlement]
    record = (settlement.visit, settlement.person, settlement.institution, settlement.med_type, settlement.uploaded_at)
    return [settlement, *_quick_lines(wires, record, None)]


_upload_fields = [field for field in fields_of(FeeLine) if field.wire.name in _OF_RECORD]
_read_upload = quick_reader(_upload_fields)


def _quickly_lines(wire: Any) -> list[Any]:  # noqa: ANN401 - a generated struct
    *values, wires = msgspec.structs.astuple(wire)
    record = _read_upload(values)
    uploaded = record[-1]
    if not wires or uploaded is None:
        raise LongWay
    return _quick_lines(wires, tuple(record), uploaded)


def _quickly(struct: type[msgspec.Struct]) -> Decode:
    read = quick_reader(fields_of(struct))
    as_tuple = msgspec.structs.astuple
    return lambda wire: [struct(*read(as_tuple(wire)))]


def _quick_structs() -> dict[type[msgspec.Struct], Decode]:
    """The quick structs of persons' facts, each with what makes the fact of it."""
    found: dict[type[msgspec.Struct], Decode] = {}
    special: dict[Any, Decode] = {Settlement: _quickly_settlement, FeeLine: _quickly_lines}
    facts: tuple[type[Fact], ...] = (*PERSON_FACTS, Tick)
    for fact in facts:
        if fact is Void:
            continue
        spec = quick_fields(_upload_fields if fact is FeeLine else fields_of(fact))
        if fact in special:
            spec.append(("lines", list[_QuickLine] | None, None))  # type: ignore[valid-type]
        tag = "fee-lines" if fact is FeeLine else fact.kind
        name = f"Quick{fact.__name__}"
        struct = msgspec.defstruct(name, spec, tag=tag, tag_field="type", gc=False, kw_only=True)
        found[struct] = special.get(fact) or _quickly(fact)
    return found


_quick_decoders = _quick_structs()
_quick_union: Any = None
for _struct in _quick_decoders:
    _quick_union = _struct if _quick_union is None else _quick_union | _struct
_quick_decoder = msgspec.json.Decoder(_quick_union)


class Decoder:
    """Decodes the records of one topic family: `person`, `institution`, `registry`, or `any` of them.

    Args:
        family: which types belong into the topic; another is quarantined as `wrong-topic`.
        max_bytes: larger records are quarantined as `too-large`.
    """

    def __init__(self, family: str, max_bytes: int = MAX_RECORD_BYTES) -> None:
        self._family = family
        self._quick = family in {"person", "any"}
        self._max_bytes = max_bytes
        self._decoders = {
            struct: decode for struct, decode in _decoders.items() if family == "any" or struct in _families[family]
        }

    def __call__(self, value: bytes | None) -> list[Any]:
        """The facts (or the registry entry) of one record.

        Raises:
            Quarantined: with the reason and the field at fault.
        """
        if value is None:
            raise Quarantined(reasons.NOT_AN_OBJECT, "the record has no value")
        if len(value) > self._max_bytes:
            raise Quarantined(reasons.TOO_LARGE, f"{len(value)} bytes, at most {self._max_bytes} are allowed")
        if self._quick:
            try:
                if not value.isascii():
                    value.decode("utf-8")
                wire = _quick_decoder.decode(value)
                return _quick_decoders[type(wire)](wire)
            except _LONG_WAY:
                pass  # which alone knows the reasons
        return self._long_way(value)

    def _long_way(self, value: bytes) -> list[Any]:
        try:
            if not value.isascii():
                value.decode("utf-8")
            wire = _decoder.decode(value)
        except UnicodeDecodeError as error:
            raise Quarantined(reasons.BAD_UTF8, f"at byte {error.start}") from None
        except RecursionError:
            raise Quarantined(reasons.TOO_DEEP, "nested too deeply") from None
        except msgspec.ValidationError as error:
            raise _wrong(str(error)) from None
        except msgspec.DecodeError as error:
            raise Quarantined(reasons.BROKEN_JSON, str(error)) from None
        decode = self._decoders.get(type(wire))
        if decode is None:
            raise Quarantined(reasons.WRONG_TOPIC, f"type {type(wire).__struct_config__.tag!r}")
        facts = decode(wire)
        if isinstance(facts[0], Void) and self._family not in {"any", family_of(facts[0])}:
            raise Quarantined(reasons.WRONG_TOPIC, f"void of a {facts[0].target.partition(':')[0]}")
        return facts


def _wrong(message: str) -> Quarantined:
    """The reason behind a message of msgspec."""
    what, _, path = message.partition(" - at `")
    path = path.rstrip("`").removeprefix("$").removeprefix(".")
    if path == "type" and what.startswith("Invalid value"):
        return Quarantined(reasons.UNKNOWN_TYPE, what)
    if "missing required field `type`" in what:
        return Quarantined(reasons.MISSING_FIELD, "type is required")
    if "Invalid decimal" in what or "out of range" in what:
        return Quarantined(reasons.BAD_NUMBER, f"{path}: {what}")
    if not path and what.startswith("Expected `object`"):
        return Quarantined(reasons.NOT_AN_OBJECT, what)
    return Quarantined(reasons.WRONG_TYPE, f"{path}: {what}" if path else what)


class _Received(msgspec.Struct, gc=False):
    received: Any = msgspec.field(name="_recv", default=None)


_received_decoder = msgspec.json.Decoder(_Received)


def received_at(value: bytes) -> int | None:
    """The `_recv` time of an NDJSON line as a local second; None when it carries none.

    Call it after `Decoder` took the line: what is no JSON object is not reported here.

    Raises:
        Quarantined: `_recv` is not a time.
    """
    if b'"_recv"' not in value:
        return None
    received = _received_decoder.decode(value).received
    if received is None:
        return None
    if not isinstance(received, str):
        raise Quarantined(reasons.WRONG_TYPE, "_recv: a time is expected")
    try:
        return _recv(received)
    except BadTime as error:
        raise Quarantined(reasons.BAD_TIME, f"_recv: {error}") from None


@lru_cache(maxsize=1024)
def _recv(text: str) -> int:
    return parse_time(text)


def family_of(fact: Fact | Entry) -> str:
    """`person`, `institution` or `registry`: the topic family a decoded object belongs to.

    Ticks belong to both fact topics and count as `person` here.
    """
    if isinstance(fact, Entry):
        return "registry"
    if isinstance(fact, INSTITUTION_FACTS) or (isinstance(fact, Void) and fact.person is None):
        return "institution"
    return "person"
