"""Facts to train on, from NDJSON, CSV or Parquet: lines of the contract, whatever the file."""

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from monitor.ndjson import InputError, open_lines

_ROWS: Final = 10_000
_TYPE: Final = "settlement"


@contextmanager
def open_facts(path: str) -> Iterator[tuple[Iterator[bytes], Callable[[], float | None]]]:
    """Open a file of facts; gives its lines as NDJSON and a function that tells the part read so far.

    A table (`.csv`, `.csv.gz`, `.parquet`) has a column for each field of the contract, named as there, and a row for
    each fact; without a column `type` the rows are settlements. Empty cells are absent fields.

    Raises:
        InputError: no such file, or not readable as its name says.
    """
    name = path.lower()
    if name.endswith((".csv", ".csv.gz")):
        with _open(Path(path)) as raw:
            size = Path(path).stat().st_size or 1
            packed = gzip.GzipFile(fileobj=raw) if name.endswith(".gz") else raw
            reader = csv.DictReader(io.TextIOWrapper(packed, encoding="utf-8-sig", newline=""))
            yield _checked(map(_line, reader), path), lambda: raw.tell() / size
    elif name.endswith(".parquet"):
        lines, part = _parquet(path)
        yield _checked(lines, path), part
    else:
        with open_lines(path) as opened:
            yield opened


def _open(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _checked(lines: Iterable[bytes], path: str) -> Iterator[bytes]:
    try:
        yield from lines
    except (csv.Error, UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise InputError(f"{path}: damaged, or not a table in UTF-8: {error}") from None


def _parquet(path: str) -> tuple[Iterator[bytes], Callable[[], float | None]]:
    try:
        from pyarrow import parquet
        from pyarrow.lib import ArrowException
    except ImportError:
        raise InputError(f"{path}: Parquet needs another package: pip install 'claims-monitor[parquet]'") from None
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from None
    whole = file.metadata.num_rows or 1
    done = 0

    def lines() -> Iterator[bytes]:
        nonlocal done
        for batch in file.iter_batches(batch_size=_ROWS):
            for row in batch.to_pylist():
                yield _line(row)
            done += batch.num_rows

    return lines(), lambda: done / whole


def _line(row: Mapping[str, Any]) -> bytes:
    fields = {name: _value(value) for name, value in row.items() if name and value is not None and value != ""}
    return msgspec.json.encode({"type": _TYPE} | fields)


def _value(value: Any) -> Any:  # noqa: ANN401 - what a table holds
    """A cell as the contract writes it: times and days as texts, exact decimals, whole numbers without a fraction."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        try:
            return msgspec.json.decode(value)  # lines of a settlement, in a cell
        except msgspec.DecodeError:
            return value
    return value
