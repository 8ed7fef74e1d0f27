"""Rows of one's own tables as facts of the contract, by a mapping."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from monitor.importing.checked import Checked, checked
from monitor.importing.mapping import Mapping
from monitor.importing.tables import BadValue, Report, Row, read_table
from monitor.importing.wire_fields import PERSONS_NUMBERS, RECORD_FIELDS, wire_fields
from topics.wire import BIRTH, BOOL, CODES, COUNT, DATE, DAYS, DEGREES, MONEY, NUMBER, PRICE, SIGNED_MONEY, TIME, Kind

_AMOUNTS: Final = (MONEY, SIGNED_MONEY, PRICE)
_NUMBERS: Final = (*_AMOUNTS, COUNT, DAYS, DEGREES, NUMBER)
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_TRUTHS: Final = {"1": True, "true": True, "0": False, "false": False}

_Convert = Callable[[str], Any]


def import_table(
    path: Path, mapping: Mapping, report: Report, on_part: Callable[[float], None] = lambda _part: None
) -> Iterator[Checked]:
    """Read a table and give its rows as facts, in the table's order.

    Args:
        path: a CSV file, plain or .gz.
        mapping: what its columns mean.
        report: told of every row that is left out.
        on_part: told now and then which part of the file (0 to 1) was read.

    Raises:
        TableError: no such file, or a column of the mapping is not in it.
    """
    kinds = wire_fields(mapping.type)
    fields = [(column, name, _converter(name, kinds[name], mapping)) for column, name in mapping.fields()]
    sources = {name: column for column, name, _ in fields}
    constants = {name: _converter(name, kinds[name], mapping)(value) for name, value in mapping.constants.items()}
    rows = read_table(
        path, mapping.columns, report, encoding=mapping.encoding, delimiter=mapping.delimiter, on_part=on_part
    )
    for row in rows:
        try:
            wire = {"type": mapping.type, **constants, **_values(row, fields, mapping)}
            yield checked(_with_lines(wire) if mapping.type == "fee-lines" else wire, sources)
        except BadValue as error:
            report(row.problem(error))


def _values(row: Row, fields: list[tuple[str, str, _Convert]], mapping: Mapping) -> dict[str, Any]:
    found = {}
    for column, name, convert in fields:
        cell = row.cells[column]
        if cell and cell not in mapping.blanks:
            try:
                found[name] = convert(cell)
            except BadValue as error:
                raise BadValue(column, f"{name}: {error}") from None
    return found


def _with_lines(wire: dict[str, Any]) -> dict[str, Any]:
    """One row of lines is one record with one line."""
    record = {name: value for name, value in wire.items() if name == "type" or name in RECORD_FIELDS}
    return record | {"lines": [{name: value for name, value in wire.items() if name not in record}]}


def _converter(name: str, kind: Kind, mapping: Mapping) -> _Convert:
    codes = mapping.codes.get(name)
    plain = _plain_converter(kind, mapping)
    if codes is None:
        return plain

    def convert(cell: str) -> Any:  # noqa: ANN401 - a JSON value
        try:
            return plain(codes[cell])
        except KeyError:
            shown = "a value" if name in PERSONS_NUMBERS else repr(cell[:40])
            raise BadValue(None, f"{shown} is not listed under codes.{name}") from None

    return convert


def _plain_converter(kind: Kind, mapping: Mapping) -> _Convert:
    if kind is TIME and mapping.times:
        return lambda cell: _time(cell, mapping.times)
    if kind in (DATE, BIRTH) and mapping.dates:
        return lambda cell: _parsed(cell, mapping.dates).strftime("%Y-%m-%d")
    if kind in _NUMBERS:
        fen = mapping.money == "fen" and kind in _AMOUNTS
        return lambda cell: _number(cell, fen=fen)
    if kind is BOOL:
        return _truth
    if kind is CODES:
        return lambda cell: [part.strip() for part in cell.split(mapping.separator) if part.strip()]
    return lambda cell: cell


def _time(cell: str, formats: list[str]) -> str:
    moment = _parsed(cell, formats)
    return moment.isoformat() if moment.tzinfo is not None else moment.strftime("%Y-%m-%d %H:%M:%S")


def _parsed(cell: str, formats: list[str]) -> dt.datetime:
    for one in formats:
        try:
            moment = dt.datetime.strptime(cell, one)  # noqa: DTZ007 - local time unless the format has an offset
        except ValueError:
            continue
        if moment.year >= 1000:  # strftime writes earlier years with fewer digits
            return moment
    raise BadValue(None, f"{cell[:40]!r} does not fit {' or '.join(formats)}")


def _number(cell: str, *, fen: bool) -> str:
    digits = cell.replace(",", "") if _THOUSANDS.fullmatch(cell) else cell
    try:
        number = Decimal(digits)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number.adjusted() > 30:  # longer ones would be rounded
        raise BadValue(None, f"{cell[:40]!r} is not a number")
    return f"{number.scaleb(-2):f}" if fen else f"{number:f}"


def _truth(cell: str) -> bool:
    found = _TRUTHS.get(cell.lower())
    if found is None:
        raise BadValue(None, f"{cell[:40]!r} is neither 1 nor 0, true nor false; list it under codes")
    return found
