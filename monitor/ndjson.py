"""Lines of NDJSON: from a file (plain, .gz, .zst) or standard input (`-`), into a file or standard output."""

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
        yield iter(_standard_input()), lambda: None
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


def _standard_input() -> BinaryIO:
    """Standard input by a file object of its own: a thread that still waits for a line must not hold up the end."""
    try:
        return cast("BinaryIO", open(sys.stdin.fileno(), "rb", closefd=False))
    except OSError:  # none of the system's
        return sys.stdin.buffer


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


@contextmanager
def written_lines(path: Path | None) -> Iterator[BinaryIO]:
    """Open the output; a file gets its name when it is complete. The same lines give the same bytes.

    Raises:
        OSError: it cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as raw:
            if path.suffix == ".gz":
                # a time or a name in the header would differ from run to run
                with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            elif path.suffix == ".zst":
                with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as stream:
                    yield cast("BinaryIO", stream)
            else:
                yield raw
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
