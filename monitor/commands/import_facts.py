"""`claims-monitor import`: facts from tables that others wrote."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.commands.errors import USAGE, fail, quiet_pipe, usage_errors
from monitor.commands.progress import facts_progress

if TYPE_CHECKING:
    from monitor.importing.checked import Checked
    from monitor.importing.tables import Problem

app = typer.Typer(no_args_is_help=True, help="Turn tables that others wrote into facts (NDJSON).")

SYNTHEA_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor import synthea examples/synthea | claims-monitor backtest -

  claims-monitor import synthea output/csv -o facts.ndjson.zst
"""
CSV_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor import csv settlements.csv --mapping settlements.toml -o facts.ndjson.gz

  claims-monitor import csv settlements.csv lines.csv -m settlements.toml -m lines.toml --sort -o facts.ndjson

An example mapping with its table stands in examples/csv.
"""

_SHOWN = 100
"""Bad rows told one by one; a wrong format in a long table would else fill the screen."""

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="NDJSON file (plain, .gz or .zst); without it standard output."),
]


class _Account:
    """Counts what was written and tells what was left out."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.bad = 0

    def report(self, problem: "Problem") -> None:
        self.bad += 1
        if self.bad <= _SHOWN:
            typer.echo(str(problem), err=True)

    def told(self) -> None:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.kinds.items()))
        typer.echo(f"{self.kinds.total():,} facts and registry entries" + (f" ({kinds})" if kinds else ""), err=True)
        if self.bad > _SHOWN:
            typer.echo(f"... and {self.bad - _SHOWN:,} more bad rows", err=True)
        if self.bad:
            typer.echo(f"{self.bad:,} bad rows were left out", err=True)


@app.command(epilog=SYNTHEA_EXAMPLES)
def synthea(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of Synthea's CSV files, plain or .gz.")],
    output: Output = None,
) -> None:
    """Read a Synthea export: institutions, physicians, enrolments, settlements with lines, stays and deaths.

    Dollars are read as yuan, times as they are (UTC). Facts come in order of event time, the registry first; the same
    export gives the same bytes. Rows that cannot be used are reported on standard error, counted and left out.
    """
    from monitor.importing.synthea import import_synthea
    from monitor.importing.tables import TableError

    account = _Account()
    with usage_errors(TableError), facts_progress() as progress:
        tables: dict[str, int] = {}

        def show(table: str, part: float) -> None:
            if table not in tables:
                tables[table] = progress.add_task(table, total=100)
            progress.update(tables[table], completed=int(part * 100))  # type: ignore[arg-type]

        found = import_synthea(folder, account.report, show)
    _write(found, output, account)


@app.command("csv", epilog=CSV_EXAMPLES)
def own_csv(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV tables, plain or .gz.")],
    mapping: Annotated[
        list[Path],
        typer.Option("--mapping", "-m", help="What the columns mean (TOML): one for all tables, or one a table."),
    ],
    sort: Annotated[
        bool, typer.Option("--sort", help="Sort all facts by event time, in memory. [default: the tables' order]")
    ] = False,
    output: Output = None,
) -> None:
    """Read one's own tables: a mapping file says which column is which field of the contract.

    Rows that cannot be used are reported on standard error with file, line and column, counted and left out.
    """
    from monitor.importing.mapping import load_mapping
    from monitor.importing.own_tables import import_table
    from monitor.importing.tables import TableError

    if len(mapping) not in (1, len(files)):
        fail(f"{len(files)} tables and {len(mapping)} mappings: give one mapping for all, or one a table", USAGE)
    account = _Account()
    with usage_errors(TableError), facts_progress() as progress:
        mappings = [load_mapping(path) for path in mapping]

        def rows() -> Iterator["Checked"]:
            for number, path in enumerate(files):
                task = progress.add_task(path.name, total=100)
                yield from import_table(
                    path,
                    mappings[number % len(mappings)],
                    account.report,
                    lambda part, task=task: progress.update(task, completed=int(part * 100)),  # type: ignore[misc]
                )

        _write(sorted(rows(), key=lambda one: (one.at, one.kind, one.line)) if sort else rows(), output, account)


def _write(found: Iterable["Checked"], output: Path | None, account: _Account) -> None:
    from monitor.ndjson import written_lines

    with _written(output), quiet_pipe(), written_lines(output) as file:
        for one in found:
            file.write(one.line + b"\n")
            account.kinds[one.kind] += 1
    account.told()


@contextmanager
def _written(output: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fail(f"{output or 'standard output'}: {error.strerror}")
