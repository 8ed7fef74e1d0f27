"""How far an engine of the bench is, in a file that the bench looks at: no engine tells it in the way of another.

Standard library alone: engines in environments of their own use it.
"""

import os
import threading
from pathlib import Path
from time import sleep
from typing import Final

EVERY_S: Final = 0.1


class Progress:
    """Counts settlements of both steps; a thread writes the counts down ten times a second."""

    def __init__(self, folder: Path) -> None:
        self.persons = 0
        self.institutions = 0
        self._file = folder / f"progress-{os.getpid()}"
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        while True:
            new.write_text(f"{self.persons} {self.institutions}", encoding="ascii")
            new.replace(self._file)
            sleep(EVERY_S)


def seen(folder: Path) -> tuple[int, int]:
    """Settlements judged for persons and for institutions, by all processes that write into a folder."""
    found = [file.read_text(encoding="ascii").split() for file in folder.glob("progress-*") if not file.suffix]
    return sum(int(persons) for persons, _ in found), sum(int(institutions) for _, institutions in found)
