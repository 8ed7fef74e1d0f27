"""Writes NDJSON lines to a file (plain, .gz or .zst by its name) or standard output."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard


@contextmanager
def opened(path: Path | None) -> Iterator[BinaryIO]:
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
