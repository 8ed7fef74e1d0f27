"""`claims-monitor registry`: load reference data from files, and look up what holds."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor import clock
from monitor.commands.connect import connected
from monitor.commands.errors import FAILED, USAGE, broker_errors, fail, quiet_pipe, usage_errors
from monitor.commands.options import BootstrapServers, KafkaConfig, Prefix
from topics.catalogue import REGISTRY
from topics.registry import REGISTRY_ENTRIES, Entry, Registry
from topics.times import UTC_OFFSET, BadTime, format_time, parse_time
from topics.wire import TIME, Kind, fields_of

if TYPE_CHECKING:
    from monitor.registry_topic import Held

app = typer.Typer(no_args_is_help=True, help="Load institutions, quotas, items ... and look up what holds.")

_KINDS = ", ".join(entry.kind for entry in REGISTRY_ENTRIES)
_KindOption = Annotated[str | None, typer.Option("--kind", help=f"One of {_KINDS}.", show_default=False)]
_HIDDEN = "(on record)"

LOAD_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor registry load institutions.csv --kind institution

  claims-monitor registry load quotas.toml items.ndjson.gz --dry-run
"""

SHOW_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor registry show quota/H0001/2026Q3 --as-of "2026-08-01 00:00:00"

  claims-monitor registry show institution/H0001 --history
"""

LIST_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor registry list --kind quota

  claims-monitor registry list --ndjson > registry.ndjson
"""


@app.command(epilog=LOAD_EXAMPLES)
def load(
    files: Annotated[list[Path], typer.Argument(help="CSV, TOML or NDJSON, as their names end (.gz too).")],
    kind: _KindOption = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Write the good rows even if others are bad.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare; write nothing.")] = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Load entries from files; only what is new or changed is written, and nothing when a row is bad.

    Entries that come after the facts they concern are no problem: workers judge those facts again.
    """
    from monitor.importing.tables import Problem
    from monitor.registry_files import RegistryFileError, read_entries
    from monitor.registry_topic import differences, write_entries

    bad = 0

    def report(problem: Problem) -> None:
        nonlocal bad
        bad += 1
        typer.echo(str(problem), err=True)

    with usage_errors(RegistryFileError):
        entries = [placed.entry for placed in read_entries(files, report, kind)]
    if bad and not skip_bad:
        fail(f"{bad} bad rows, nothing was written; correct them, or leave them out with --skip-bad", FAILED)
    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, LookupError):
        held = asyncio.run(_read(connection_of=(bootstrap_servers, kafka_config), topic=prefix + REGISTRY))
        found = differences(entries, held)
        if not dry_run:
            asyncio.run(write_entries(connection, prefix + REGISTRY, [*found.new, *found.changed]))
    left_out = f", {bad} bad rows left out" if bad else ""
    nothing = " (nothing was written)" if dry_run else ""
    typer.echo(f"{len(found.new)} new, {len(found.changed)} changed, {found.unchanged} unchanged{left_out}{nothing}")
