"""Tables as CSV files (plain or .gz): rows with their line numbers, and what is wrong with the others."""

import csv
import gzip
import io
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol, cast

_NOT_DECODED: Final = range(0xDC80, 0xDD00)
"""What `surrogateescape` makes of bytes that are not of the encoding."""


class TableError(Exception):
    """A table that cannot be used as a whole; the message names the file and what is wrong."""


class BadValue(ValueError):
    """A row that cannot be used.

    Args:
        column: the column at fault; None where it is the row.
        why: what is wrong, without a person's number.
    """

    def __init__(self, column: str | None, why: str) -> None:
        super().__init__(why)
        self.column = column


class Problem(NamedTuple):
    """A row that was left out, and why."""

    file: str
    line: int
    column: str | None
    why: str

    def __str__(self) -> str:
        """One line for people."""
        column = "" if self.column is None else f", column {self.column}"
        return f"{self.file} line {self.line}{column}: {self.why}"


class Row(NamedTuple):
    """One row: the file's name, the number of its last line, and its cells by column, stripped."""

    file: str
    line: int
    cells: dict[str, str]

    def problem(self, error: BadValue) -> Problem:
        """What is wrong with this row."""
        return Problem(self.file, self.line, error.column, str(error))


Report = Callable[[Problem], None]


class _Reader(Protocol):
    """What `csv.reader` makes; its own type has no public name."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""
        ...

    def __next__(self) -> list[str]: ...


def read_table(
    path: Path,
    columns: Collection[str],
    report: Report,
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    on_part: Callable[[float], None] = lambda _part: None,
) -> Iterator[Row]:
    """Read the rows of a table whose first line names its columns.

    Args:
        path: a CSV file, plain or .gz.
        columns: columns that must be there.
        report: told of every row that cannot be read.
        encoding: of the text; a byte order mark is passed over.
        delimiter: between cells.
        on_part: told now and then which part of the file (0 to 1) was read.

    Raises:
        TableError: no such file, not such a file, or a column is missing.
    """
    try:
        size = path.stat().st_size
        raw = path.open("rb")
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    with raw:
        packed = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        name = "utf-8-sig" if encoding.lower() in {"utf-8", "utf8"} else encoding
        text = io.TextIOWrapper(packed, encoding=name, errors="surrogateescape", newline="")
        reader = csv.reader(text, delimiter=delimiter)
        header = _header(path, reader, columns, encoding)
        for cells in _rows(path, reader, report):
            if reader.line_num % 1000 == 0 and size:
                on_part(raw.tell() / size)
            if not any(cells):
                continue
            try:
                yield Row(path.name, reader.line_num, _by_column(header, cells, encoding))
            except BadValue as error:
                report(Problem(path.name, reader.line_num, error.column, str(error)))
        on_part(1.0)


def _header(path: Path, reader: _Reader, columns: Collection[str], encoding: str) -> list[str]:
    try:
        header = [cell.strip() for cell in next(reader)]
    except StopIteration:
        raise TableError(f"{path}: is empty; its first line should name the columns") from None
    except (csv.Error, gzip.BadGzipFile, EOFError) as error:
        raise TableError(f"{path}: {error}") from None
    if any(_damaged(name) for name in header):
        raise TableError(f"{path}: line 1 is not {encoding}; name the file's encoding, such as gb18030")
    doubled = sorted({name for name in header if header.count(name) > 1 and name in columns})
    if doubled:
        raise TableError(f"{path}: more than one column is called {', '.join(doubled)}")
    missing = [name for name in columns if name not in header]
    if missing:
        raise TableError(f"{path}: no column {', '.join(missing)}; its columns are: {', '.join(header)}")
    return header


def _rows(path: Path, reader: _Reader, report: Report) -> Iterator[list[str]]:
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            report(Problem(path.name, reader.line_num, None, str(error)))
        except (gzip.BadGzipFile, EOFError) as error:
            raise TableError(f"{path}: damaged after line {reader.line_num}: {error}") from None


def _by_column(header: list[str], cells: list[str], encoding: str) -> dict[str, str]:
    if len(cells) != len(header):
        raise BadValue(None, f"{len(cells)} cells, but the first line names {len(header)} columns")
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name, cell in row.items():
        if _damaged(cell):
            raise BadValue(name, f"not {encoding}")
    return row


def _damaged(text: str) -> bool:
    return not text.isascii() and any(ord(letter) in _NOT_DECODED for letter in text)
