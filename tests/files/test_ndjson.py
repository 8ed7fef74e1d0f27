"""NDJSON files: plain and compressed, damaged ones, and how far they are read."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from monitor.ndjson import InputError, open_lines

LINES = [b'{"type":"tick"}\n'] * 5_000
PACK: dict[str, Callable[[bytes], bytes]] = {
    "ndjson": lambda data: data,
    "ndjson.gz": gzip.compress,
    "ndjson.zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.mark.parametrize("name", PACK)
def test_lines_and_the_part_read(name: str, tmp_path: Path) -> None:
    """All lines come, and at the end all of the file was read, also after the last line."""
    path = tmp_path / f"facts.{name}"
    path.write_bytes(PACK[name](b"".join(LINES)))
    with open_lines(str(path)) as (lines, part):
        assert part() == 0
        assert list(lines) == LINES
        assert part() == 1


@pytest.mark.parametrize("name", ["ndjson.gz", "ndjson.zst"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"facts.{name}"
    path.write_bytes(b"this is not compressed\n")
    with pytest.raises(InputError, match=path.name), open_lines(str(path)) as (lines, _):
        list(lines)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"nowhere\.ndjson: No such file"),
        open_lines(str(tmp_path / "nowhere.ndjson")),
    ):
        pass
