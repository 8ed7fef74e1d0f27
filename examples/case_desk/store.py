"""Where cases lie: one schema, in SQLite or PostgreSQL.

A batch of records is one transaction: the cases, their history and the position in the partition change together, or
not at all. So it does not matter where the desk is killed, or which records come again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol

from topics.client import Change, amount_of, content_of

_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS desk_cases (
        jr_id TEXT PRIMARY KEY, state TEXT NOT NULL, rule_id TEXT NOT NULL, about TEXT NOT NULL,
        institution TEXT, severity TEXT, amount_fen BIGINT, content TEXT NOT NULL, event TEXT NOT NULL,
        versions BIGINT NOT NULL, decision TEXT, decided_event TEXT)""",
    """CREATE TABLE IF NOT EXISTS desk_history (
        jr_id TEXT NOT NULL, version BIGINT NOT NULL, action TEXT NOT NULL, event TEXT NOT NULL,
        alert_time TEXT NOT NULL, PRIMARY KEY (jr_id, version))""",
    """CREATE TABLE IF NOT EXISTS desk_positions (
        source TEXT NOT NULL, partition_number BIGINT NOT NULL, next_offset BIGINT NOT NULL,
        PRIMARY KEY (source, partition_number))""",
)


class LostPartition(Exception):
    """Another desk has gone on with the partition: this one's records are not to be applied."""


class Case(NamedTuple):
    """One case.

    Attributes:
        jr_id: of its alert.
        state: open, decided, withdrawn.
        rule_id: of its alert.
        about: kind and id.
        institution: fixmedins_code.
        severity: 1 certain to 3 suspicious; None when the alert was withdrawn before it was seen.
        amount_fen: money at stake.
        content: the alert's value, as JSON.
        event: id of the change that brought the content.
        versions: how many changes were applied.
        decision: of a reviewer, until the alert changes.
        decided_event: the content that the reviewer judged.
    """

    jr_id: str
    state: str
    rule_id: str
    about: str
    institution: str | None
    severity: str | None
    amount_fen: int | None
    content: str
    event: str
    versions: int
    decision: str | None
    decided_event: str | None


class Database(Protocol):
    """What both databases do alike; statements use `?`."""

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 - a driver's cursor
        """Run a statement."""

    def transaction(self) -> Any:  # noqa: ANN401 - a context manager of the driver's
        """Everything inside happens together."""

    def close(self) -> None:
        """Close the connection."""


class Sqlite:
    """Cases in a file."""

    def __init__(self, path: str) -> None:
        self._base = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._base.execute("PRAGMA journal_mode=WAL")

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 - see the protocol
        """Run a statement."""
        return self._base.execute(statement, tuple(values))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin with the write lock, so that nobody changes what is read inside."""
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._base.close()


class Postgres:
    """Cases in PostgreSQL; needs psycopg."""

    def __init__(self, address: str) -> None:
        import psycopg

        self._base = psycopg.connect(address, autocommit=True)

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 - see the protocol
        """Run a statement."""
        return self._base.execute(statement.replace("?", "%s").encode(), tuple(values))

    def transaction(self) -> Any:  # noqa: ANN401 - see the protocol
        """A transaction of psycopg."""
        return self._base.transaction()

    def close(self) -> None:
        """Close the connection."""
        self._base.close()


def opened(database: str) -> Database:
    """The database of an address `postgresql://...`, else of a SQLite file."""
    return Postgres(database) if database.startswith(("postgresql://", "postgres://")) else Sqlite(database)


class Desk:
    """The cases, as the alerts say."""

    def __init__(self, database: Database) -> None:
        self._base = database
        with database.transaction():
            for table in _TABLES:
                database.execute(table)

    # ------------------------------------------------------------------ following the alerts

    def position(self, source: str, partition: int) -> int | None:
        """The offset to go on at; None: nothing was read yet."""
        row = self._base.execute(
            "SELECT next_offset FROM desk_positions WHERE source = ? AND partition_number = ?", (source, partition)
        ).fetchone()
        return None if row is None else int(row[0])

    def take(self, source: str, partition: int, begin: int, changes: Sequence[tuple[int, Change]], end: int) -> None:
        """Apply records of a partition, all or none.

        Args:
            source: cluster and topic that the offsets belong to.
            partition: its number.
            begin: where this desk believes the partition was read to.
            changes: (offset, change), ascending.
            end: the offset after the last record read, alert or not.

        Raises:
            LostPartition: the position is not `begin`: another desk has gone on with the partition.
        """
        with self._base.transaction():
            self._base.execute(
                "INSERT INTO desk_positions VALUES (?, ?, ?) ON CONFLICT (source, partition_number) DO NOTHING",
                (source, partition, begin),
            )
            moved = self._base.execute(
                "UPDATE desk_positions SET next_offset = ? WHERE source = ? AND partition_number = ? "
                "AND next_offset = ?",
                (end, source, partition, begin),
            )
            if moved.rowcount != 1:
                raise LostPartition(f"partition {partition} of {source} is not at {begin} any more")
            for offset, change in changes:
                if offset >= begin:
                    self._apply(change)

    def _apply(self, change: Change) -> None:
        """One change of one alert; the order is that of its partition, so the last word stands."""
        alert = change.alert
        held = self.case(alert.jr_id)
        if held is not None and content_of(held.event) == change.content:
            return
        withdrawn = alert.status == "withdrawn"
        version = 1 if held is None else held.versions + 1
        if held is not None and withdrawn:
            # the last content stays for the reader; a withdrawn alert's value is but its identity
            content, severity, amount = held.content, held.severity, held.amount_fen
        else:
            content, severity, amount = change.value.decode(), alert.sev_deg, amount_of(alert.vola_amt)
        about = f"{alert.about.kind} {alert.about.id}"
        self._base.execute(
            "INSERT INTO desk_cases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL) "
            "ON CONFLICT (jr_id) DO UPDATE SET "
            "state = excluded.state, institution = excluded.institution, severity = excluded.severity, "
            "amount_fen = excluded.amount_fen, content = excluded.content, event = excluded.event, "
            "versions = excluded.versions",
            (
                alert.jr_id,
                "withdrawn" if withdrawn else "open",
                alert.rule_id,
                about,
                alert.fixmedins_code,
                severity,
                amount,
                content,
                change.event,
                version,
            ),
        )
        self._base.execute(
            "INSERT INTO desk_history VALUES (?, ?, ?, ?, ?)",
            (alert.jr_id, version, change.action, change.event, change.headers.get("ce_time", "")),
        )

    # ------------------------------------------------------------------ reviewers

    def decide(self, jr_id: str, event: str, decision: str) -> bool:
        """Keep a reviewer's decision about the content that they saw; False: it has changed, or is withdrawn."""
        done = self._base.execute(
            "UPDATE desk_cases SET state = 'decided', decision = ?, decided_event = ? "
            "WHERE jr_id = ? AND event = ? AND state <> 'withdrawn'",
            (decision, event, jr_id, event),
        )
        return bool(done.rowcount == 1)

    def case(self, jr_id: str) -> Case | None:
        """The case of an alert."""
        row = self._base.execute(f"SELECT {_COLUMNS} FROM desk_cases WHERE jr_id = ?", (jr_id,)).fetchone()  # noqa: S608 - our own columns
        return None if row is None else Case(*row)

    def cases(self, state: str | None = None) -> list[Case]:
        """All cases, or those in a state, by jr_id."""
        where, values = ("", ()) if state is None else (" WHERE state = ?", (state,))
        rows = self._base.execute(f"SELECT {_COLUMNS} FROM desk_cases{where} ORDER BY jr_id", values).fetchall()  # noqa: S608 - as above
        return [Case(*row) for row in rows]

    def history(self, jr_id: str) -> list[str]:
        """What happened to an alert, in order."""
        rows = self._base.execute("SELECT action FROM desk_history WHERE jr_id = ? ORDER BY version", (jr_id,))
        return [str(row[0]) for row in rows.fetchall()]


_COLUMNS: Final = ", ".join(Case._fields)
