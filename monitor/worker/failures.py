"""Transactions that did not commit, counted in a file: a worker ends with the first one, and its counters with it."""

import contextlib
import logging
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)


class Failures:
    """Counts by stage.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: dict[str, int] = {}
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
            self._counts = msgspec.json.decode(file.read_bytes(), type=dict[str, int])

    def count(self, stage: str) -> int:
        """Failures so far."""
        return self._counts.get(stage, 0)

    def add(self, stage: str) -> None:
        """Note one more; a count that cannot be kept does not hide the failure itself."""
        self._counts[stage] = self.count(stage) + 1
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_bytes(msgspec.json.encode(self._counts))
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file.name, error)
