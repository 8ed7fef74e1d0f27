"""Registry entries in files people keep: CSV (also .gz), TOML, NDJSON (also .gz, .zst).

* CSV: the first line names wire fields; the kind stands in a column `type`, or is given. Lists are parted by `|`,
  booleans are `true` and `false`, an empty cell is no value.
* TOML: `[[institution]]` tables, one an entry; numbers, booleans, lists and times as TOML writes them.
* NDJSON: the contract's objects, one a line.

CSV and TOML are written by hand: a field that the kind does not have is a fault there. In NDJSON it is ignored, as
the contract says. All values go through the contract's own decoder.
"""

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from monitor.importing.tables import BadValue, Problem, Row, TableError, read_table
from monitor.ndjson import InputError, open_lines
from topics.decoding import Decoder
from topics.reasons import BAD_TIME, Quarantined
from topics.registry import REGISTRY_ENTRIES, Entry
from topics.wire import BOOL, CODES, Field, canonical_json, fields_of

KINDS: Final = {entry.kind: entry for entry in REGISTRY_ENTRIES}
"""Kind -> struct of its entries."""
SUFFIXES: Final = (".csv", ".csv.gz", ".toml", ".ndjson", ".ndjson.gz", ".ndjson.zst")
LIST_SEPARATOR: Final = "|"

_encoder = msgspec.json.Encoder(decimal_format="number")
_decode = Decoder("registry")
_FIRST_WORD: Final = re.compile(r"\w+")
_BOOLEANS: Final = {"true": True, "false": False}

Report = Callable[[Problem], None]


class RegistryFileError(Exception):
    """A file that cannot be used as a whole; the message names it and what is wrong."""


class Placed(NamedTuple):
    """An entry and where it stands: the file's name, and its line from 1."""

    file: str
    line: int
    entry: Entry


def read_entries(paths: Sequence[Path], report: Report, kind: str | None = None) -> list[Placed]:
    """Read the entries of some files; of equal ones the first is kept.

    Args:
        paths: files; their names' endings (`SUFFIXES`) say how they are read.
        report: told of every row that cannot be used; it is left out.
        kind: the kind of all entries, for CSV files without a column `type`.

    Raises:
        RegistryFileError: no such file, not such a file, or an unknown kind or column.
    """
    if kind is not None and kind not in KINDS:
        raise RegistryFileError(f"no kind {kind!r}; there are {', '.join(KINDS)}")
    found: dict[str, Placed] = {}
    for path in paths:
        for placed in _reader(path)(path, report, kind):
            first = found.setdefault(placed.entry.key, placed)
            if first.entry != placed.entry:
                where = f"{first.file} line {first.line}"
                report(Problem(placed.file, placed.line, None, f"another entry than {where}, with the same key"))
    return list(found.values())


def value_of(entry: Entry) -> bytes:
    """The record value of an entry: its JSON object, fields in a fixed order."""
    return f'{{"type":"{entry.kind}",{canonical_json(entry)[1:]}'.encode()


def _reader(path: Path) -> Callable[[Path, Report, str | None], Iterator[Placed]]:
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return _read_csv
    if name.endswith(".toml"):
        return _read_toml
    if name.endswith((".ndjson", ".ndjson.gz", ".ndjson.zst")):
        return _read_ndjson
    raise RegistryFileError(f"{path}: the name should end with one of {', '.join(SUFFIXES)}")


@cache
def _fields(kind: str) -> Mapping[str, Field]:
    return {field.wire.name: field for field in fields_of(KINDS[kind])}


def _entry(value: bytes, kind: str | None) -> Entry:
    """Decode one object; `kind`: what it must be.

    Raises:
        BadValue: the contract does not take it, or it never holds; names the field where there is one.
    """
    try:
        entry: Entry = _decode(value)[0]
    except Quarantined as why:
        word = _FIRST_WORD.match(why.detail)
        known = word is not None and (word[0] == "type" or any(word[0] in _fields(name) for name in KINDS))
        raise BadValue(word[0] if known and word is not None else None, str(why)) from None
    _check_kind(entry.kind, kind)
    if entry.valid_to is not None and entry.valid_to <= entry.valid_from:
        raise BadValue("valid_to", f"{BAD_TIME}: it should lie after valid_from: such an entry never holds")
    return entry


def _check_kind(own: str, asked: str | None) -> None:
    if asked is not None and own != asked:
        raise BadValue("type", f"{own}, but only entries of kind {asked} were asked for")


def _kind_of(value: object) -> str:
    if value not in KINDS:
        raise BadValue("type", f"{str(value)[:40]!r} is none of {', '.join(KINDS)}")
    return str(value)


def _unknown(kind: str, names: Collection[str]) -> BadValue | None:
    strange = [name for name in names if name not in _fields(kind)]
    if not strange:
        return None
    return BadValue(strange[0], f"an entry of kind {kind} has no such field; it has {', '.join(_fields(kind))}")


def _read_csv(path: Path, report: Report, kind: str | None) -> Iterator[Placed]:
    needed = ("valid_from",) if kind is not None else ("type", "valid_from")
    try:
        for row in read_table(path, needed, report):
            _check_header(path, row.cells, kind)
            try:
                yield Placed(row.file, row.line, _entry(_csv_value(row, kind), kind))
            except BadValue as error:
                report(row.problem(error))
    except TableError as error:
        hint = "; give --kind, or a column type" if kind is None and "no column type" in str(error) else ""
        raise RegistryFileError(f"{error}{hint}") from None


def _check_header(path: Path, columns: Collection[str], kind: str | None) -> None:
    kinds = KINDS if kind is None else [kind]
    known = {"type"}.union(*(_fields(name) for name in kinds))
    strange = [column for column in columns if column not in known]
    if strange:
        whose = f"kind {kind}" if kind is not None else "any kind"
        raise RegistryFileError(
            f"{path} line 1, column {strange[0]}: entries of {whose} have no such field; "
            f"they have {', '.join(sorted(known))}"
        )


def _csv_value(row: Row, kind: str | None) -> bytes:
    cells = {name: cell for name, cell in row.cells.items() if cell}
    if kind is not None and "type" not in cells:
        cells["type"] = kind
    own = _kind_of(cells.pop("type", ""))
    _check_kind(own, kind)
    wrong = _unknown(own, cells)
    if wrong is not None:
        raise wrong
    wire: dict[str, object] = {"type": own}
    for name, cell in cells.items():
        sort = _fields(own)[name].wire.kind
        if sort is BOOL:
            if cell.lower() not in _BOOLEANS:
                raise BadValue(name, f"{cell[:40]!r} is neither true nor false")
            wire[name] = _BOOLEANS[cell.lower()]
        elif sort is CODES:
            wire[name] = [code.strip() for code in cell.split(LIST_SEPARATOR) if code.strip()]
        else:
            wire[name] = cell  # the decoder reads numbers from texts exactly
    return _encoder.encode(wire)


def _read_toml(path: Path, report: Report, kind: str | None) -> Iterator[Placed]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text, parse_float=Decimal)
    except OSError as error:
        raise RegistryFileError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RegistryFileError(f"{path}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise RegistryFileError(f"{path}: not TOML: {error}") from None
    lines = text.splitlines()
    for name, tables in content.items():
        headers = [
            number for number, line in enumerate(lines, 1) if re.match(rf"\s*\[\[?\s*{re.escape(name)}\s*\]", line)
        ]
        if name not in KINDS or not isinstance(tables, list):
            line = next(iter(headers), 1)
            why = f"entries stand in tables [[KIND]], where KIND is one of {', '.join(KINDS)}"
            report(Problem(path.name, line, name, why))
            continue
        for index, table in enumerate(tables):
            line = headers[index] if index < len(headers) else 1
            try:
                yield Placed(path.name, line, _entry(_toml_value(name, table), kind))
            except BadValue as error:
                report(Problem(path.name, _line_of_field(lines, line, error.column), error.column, str(error)))


def _toml_value(kind: str, table: object) -> bytes:
    if not isinstance(table, dict):
        raise BadValue(None, f"a table [[{kind}]] is expected")
    wrong = _unknown(kind, table)
    if wrong is not None:
        raise wrong
    return _encoder.encode({"type": kind, **{name: _plain(value) for name, value in table.items()}})


def _plain(value: Any) -> object:  # noqa: ANN401 - whatever TOML holds
    """A TOML value as the contract's JSON has it."""
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S") if value.tzinfo is None else value.isoformat()
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _line_of_field(lines: Sequence[str], header: int, field: str | None) -> int:
    """The line of a field within the table that begins at a line; that line where it has none."""
    for number in range(header + 1, len(lines) + 1):
        line = lines[number - 1].strip()
        if line.startswith("["):
            break
        if field is not None and re.match(rf'"?{re.escape(field)}"?\s*=', line):
            return number
    return header


def _read_ndjson(path: Path, report: Report, kind: str | None) -> Iterator[Placed]:
    try:
        with open_lines(str(path)) as (lines, _):
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield Placed(path.name, number, _entry(line.strip(), kind))
                except BadValue as error:
                    report(Problem(path.name, number, error.column, str(error)))
    except InputError as error:
        raise RegistryFileError(str(error)) from None
