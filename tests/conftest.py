"""Fixtures: one embedded broker for each test process, and names that no other test uses."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis  # noqa: F401 - loaded now: pytest parses its source, and CPython 3.11 fails if a finalizer does, too
import pytest

from monitor.broker.server import EmbeddedBroker

_numbers = itertools.count(1)

TESTS = Path(__file__).parent
TOGETHER = ("end_to_end",)
"""Folders whose tests stay in one test process: what they share takes longer to make than they take to run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one test process, so that each makes what they share once."""
    for item in items:
        path = item.path.relative_to(TESTS)
        group = path.parts[0] if path.parts[0] in TOGETHER else str(path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A real Kafka broker, started when the first test asks for it."""
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """A prefix for topics and groups that no other test uses."""
    return f"t{next(_numbers)}-{uuid.uuid4().hex[:6]}."


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[[str, list[bytes]], Path]:
    """Write NDJSON lines into a file of the test's own folder."""

    def write(name: str, lines: list[bytes]) -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write
