"""What a subscriber remembers: how far it has read, what it was told, and how long its file was then."""

import sqlite3
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Final

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS source (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL, length INTEGER);
CREATE TABLE IF NOT EXISTS positions (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS told (jr_id TEXT PRIMARY KEY, event TEXT NOT NULL) WITHOUT ROWID;
"""


class StateUnusable(Exception):
    """A state file that cannot be used; the message says what to do."""


class Memory:
    """One SQLite database; nothing is kept before `keep`.

    Args:
        path: the file; None: in memory, forgotten at the end.
        identity: of what is read and by which filter; a file of another is refused.

    Raises:
        StateUnusable: the file is of another subscription, or cannot be used.
    """

    def __init__(self, path: Path | None, identity: str) -> None:
        name = ":memory:" if path is None else str(path)
        try:
            self._base = sqlite3.connect(name, isolation_level=None, timeout=0.5)
            self._base.execute("PRAGMA journal_mode=WAL")
            # another subscriber with the same file would deliver everything twice
            self._base.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._base.executescript(_TABLES)
            self._base.execute("BEGIN IMMEDIATE")
            held = self._base.execute("SELECT identity FROM source").fetchone()
            if held is None:
                self._base.execute("INSERT INTO source VALUES (1, ?, NULL)", (identity,))
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            raise StateUnusable(f"the state file {name} cannot be used: {error}") from None
        if held is not None and held[0] != identity:
            self.close()
            raise StateUnusable(
                f"{name} is the state of another subscription ({held[0]}), not of {identity}; give another --state"
            )
        self._base.execute("BEGIN")
        self.told: MutableMapping[str, str] = _ToldTable(self._base)

    def positions(self) -> dict[int, int]:
        """Partition -> offset to go on at."""
        return dict(self._base.execute("SELECT partition, next FROM positions").fetchall())

    def length(self) -> int | None:
        """Bytes of the output file at the last `keep`; None before the first."""
        found: int | None = self._base.execute("SELECT length FROM source").fetchone()[0]
        return found

    def keep(self, positions: Mapping[int, int], length: int | None = None) -> None:
        """Keep how far was read and what was told by then, in one transaction."""
        self._base.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions.items())
        self._base.execute("UPDATE source SET length = ?", (length,))
        self._base.execute("COMMIT")
        self._base.execute("BEGIN")

    def close(self) -> None:
        """Close; what was not kept is forgotten."""
        self._base.close()


class _ToldTable(MutableMapping[str, str]):
    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def __getitem__(self, jr_id: str) -> str:
        row = self._base.execute("SELECT event FROM told WHERE jr_id = ?", (jr_id,)).fetchone()
        if row is None:
            raise KeyError(jr_id)
        return str(row[0])

    def __setitem__(self, jr_id: str, event: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (jr_id, event))

    def __delitem__(self, jr_id: str) -> None:
        self._base.execute("DELETE FROM told WHERE jr_id = ?", (jr_id,))

    def __iter__(self) -> Iterator[str]:
        return (str(row[0]) for row in self._base.execute("SELECT jr_id FROM told ORDER BY jr_id").fetchall())

    def __len__(self) -> int:
        return int(self._base.execute("SELECT count(*) FROM told").fetchone()[0])
