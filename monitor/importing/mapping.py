"""Mapping files: what the columns of one's own table are in the contract. `examples/csv` explains one by example."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from monitor.importing.tables import TableError
from monitor.importing.wire_fields import TABLE_TYPES, required_fields, wire_fields


class MappingError(TableError):
    """A mapping file that cannot be used; the message names the file, the key and what is expected."""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file.

    Attributes:
        type: what each row is, a `type` of the contract.
        columns: column -> wire field, or several of them.
        constants: wire field -> value that every row has.
        codes: wire field -> (what the table says -> what the contract says).
        encoding: of the table, such as utf-8 or gb18030.
        delimiter: between cells; one character.
        money: unit of amounts and prices, yuan or fen.
        times: formats of times as of Python's strptime, tried in order; none: as the contract writes them.
        dates: the same for days, such as a date of birth.
        blanks: cells that mean "nothing" besides the empty one.
        separator: between the codes of a cell that holds several.
    """

    type: str
    columns: dict[str, str | list[str]]
    constants: dict[str, str] = {}
    codes: dict[str, dict[str, str]] = {}
    encoding: str = "utf-8"
    delimiter: str = ","
    money: str = "yuan"
    times: list[str] = []
    dates: list[str] = []
    blanks: list[str] = []
    separator: str = ";"

    def fields(self) -> Iterator[tuple[str, str]]:
        """Every (column, wire field)."""
        for column, names in self.columns.items():
            for name in [names] if isinstance(names, str) else names:
                yield column, name


_UNITS: Final = ("yuan", "fen")


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        MappingError: no such file, or one that cannot be used.
    """
    try:
        mapping = msgspec.toml.decode(path.read_bytes(), type=Mapping)
    except OSError as error:
        raise MappingError(f"{path}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}: {error}") from None
    for fault in _faults(mapping):
        raise MappingError(f"{path}: {fault}")
    return mapping


def _faults(mapping: Mapping) -> Iterator[str]:
    if mapping.type not in TABLE_TYPES:
        yield f"type: {mapping.type!r} is none of {', '.join(TABLE_TYPES)}"
        return
    if mapping.money not in _UNITS:
        yield f"money: {mapping.money!r} is none of {', '.join(_UNITS)}"
    if len(mapping.delimiter) != 1:
        yield f"delimiter: {mapping.delimiter!r} is not one character"
    try:
        "".encode(mapping.encoding)
    except LookupError:
        yield f"encoding: {mapping.encoding!r} is not known; utf-8 and gb18030 are"
    known = wire_fields(mapping.type)
    given = [(f"columns.{column}", name) for column, name in mapping.fields()]
    given += [(f"constants.{name}", name) for name in mapping.constants]
    for where, name in [*given, *((f"codes.{name}", name) for name in mapping.codes)]:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]}?" if close else f"; it has {', '.join(sorted(known))}"
            yield f"{where}: a {mapping.type} has no field {name!r}{hint}"
    names = [name for _, name in given]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the field {name} is given more than once"
    missing = [name for name in required_fields(mapping.type) if name not in names]
    if missing:
        yield f"no column and no constant gives {', '.join(missing)}; a {mapping.type} needs it"
