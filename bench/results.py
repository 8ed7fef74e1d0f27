"""What the bench found, as a table for people and as JSON."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.latency import Latency, Quantiles
from bench.measured import cores
from bench.told import Difference
from monitor.clock import now_s


class Row(NamedTuple):
    """An engine's run.

    Attributes:
        engine: as people call it.
        settlements: of its topic.
        records: judged (or read) between the two looks at the clock.
        seconds: by the wall clock.
        cpu: CPU seconds of its processes.
        memory: greatest resident memory, MB; 0: not measured.
        anonymous: greatest memory seen that is no file's, MB.
        load: average load of the machine at the end.
        differences: of its alerts from the reference; empty for the loops.
        latencies: by rate; empty where none was measured.
        note: what else is to be said.
    """

    engine: str
    settlements: int
    records: int
    seconds: float
    cpu: float
    memory: int = 0
    anonymous: int = 0
    load: float = 0.0
    differences: Sequence[Difference] = ()
    latencies: Sequence[Latency] = ()
    note: str = ""

    @property
    def rate(self) -> float:
        """Records a second by the wall clock."""
        return self.records / self.seconds

    @property
    def per_core(self) -> float:
        """Records a CPU second."""
        return self.records / self.cpu


HEAD: Final = (
    "engine",
    "settlements",
    "events/s",
    "per CPU s",
    "of raw",
    "of raw, CPU",
    "cores",
    "peak MB",
    "alerts as reference",
)
PRODUCED: Final = 0.95
"""Of a rate, at least so much must have been produced to speak of it."""


def cells(row: Row, raw: Row, rates: Sequence[int]) -> list[str]:
    """A row's columns, beside the raw loop of the same run; latencies at these rates."""
    return [
        row.engine,
        f"{row.settlements:,}",
        f"{row.rate:,.0f}",
        f"{row.per_core:,.0f}",
        f"{row.rate / raw.rate:.3f}",
        f"{row.per_core / raw.per_core:.3f}",
        f"{row.cpu / row.seconds:.2f}",
        f"{row.memory:,}" if row.memory else "",
        agreement(row.differences),
        *(latency_cell(row.latencies, rate) for rate in rates),
    ]


def agreement(differences: Sequence[Difference]) -> str:
    """Whether the alerts are the reference's, and what differs where they are not."""
    if not differences:
        return ""
    wrong = [one for one in differences if not one.equal]
    text = (
        "yes" if not wrong else "; ".join(f"{one.rule}: {one.missing} missing, {one.extra} too many" for one in wrong)
    )
    passing = [
        f"{one.rule}: {one.false} raised in passing that no in-order run raises" for one in differences if one.false
    ]
    return "; ".join([text, *passing])


def latency_cell(latencies: Sequence[Latency], rate: int) -> str:
    """Person stage; stage two after a bar."""
    found = next((one for one in latencies if one.rate == rate), None)
    if found is None:
        return ""
    if found.produced < PRODUCED * rate:
        return f"the bench produced {found.produced:,.0f}/s alone"
    if not found.keeps_up:
        return "does not keep up"
    return " · ".join(_both(one) for one in (found.persons, found.institutions) if one is not None)


def _both(quantiles: Quantiles) -> str:
    return f"{quantiles.p50:,.0f} / {quantiles.p99:,.0f}"


def markdown(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """The table with what must be known to read it."""
    if not rows:
        return ""
    rates = sorted({one.rate for row in rows for one in row.latencies})
    head = [*HEAD, *(f"{rate:,}/s: p50 / p99 ms" for rate in rates)]
    lines = [head, *(cells(row, rows[0], rates) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [f"* {row.engine}: {row.note}" for row in rows if row.note]
    return "\n".join(
        [
            f"`{about['command']}`, {about['date']}, {about['machine']}, load average {about['load']}:",
            "",
            *text,
            *(["", *notes] if notes else []),
        ]
    )


def about(command: str) -> dict[str, Any]:
    """Machine, date and load of this moment."""
    return {
        "command": command,
        "date": datetime.fromtimestamp(now_s(), UTC).date().isoformat(),
        "machine": f"{cores()} cores, {platform.system()}, Python {platform.python_version()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def as_json(rows: Sequence[Row], about: dict[str, Any]) -> dict[str, Any]:
    """All of it."""
    return {
        "about": about,
        "rows": [
            {
                **row._asdict(),
                "differences": [one._asdict() for one in row.differences],
                "latencies": [
                    {
                        **one._asdict(),
                        "persons": one.persons and one.persons._asdict(),
                        "institutions": one.institutions and one.institutions._asdict(),
                    }
                    for one in row.latencies
                ],
            }
            for row in rows
        ],
    }


BEGIN: Final = "<!-- make bench: begin -->"
END: Final = "<!-- make bench: end -->"


def put_into(page: Path, table: str) -> None:
    """Write the table between the marks of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
