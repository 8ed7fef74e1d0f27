"""Lines of NDJSON from a file (plain, .gz, .zst) or standard input (`-`)."""

import gzip
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard


class InputError(Exception):
    """A file that cannot be read; the message says why and what to do."""


@contextmanager
def open_lines(path: str) -> Iterator[tuple[Iterator[bytes], Callable[[], float | None]]]:
    """Open an NDJSON file; gives its lines and a function that tells the part read so far (0 to 1, None unknown).

    Raises:
        InputError: no such file, or not readable as its name says.
    """
    if path == "-":
        yield iter(sys.stdin.buffer), lambda: None
        return
    file = Path(path)
    try:
        size = file.stat().st_size
        raw = file.open("rb")
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; give an NDJSON file (plain, .gz or .zst), or - for standard input"
        ) from None
    with raw:
        yield (
            _checked(_decompressed(file.suffix, raw), path),
            lambda: raw.tell() / size if size and not raw.closed else 1.0,
        )


def _decompressed(suffix: str, raw: BinaryIO) -> BinaryIO:
    if suffix == ".gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    if suffix == ".zst":
        return cast(
            "BinaryIO",
            io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=False)),
        )
    return raw


def _checked(lines: BinaryIO, path: str) -> Iterator[bytes]:
    try:
        yield from lines
    except (gzip.BadGzipFile, zstandard.ZstdError, EOFError) as error:
        raise InputError(f"{path}: damaged: {error}") from None
