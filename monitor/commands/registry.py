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
from topics.wire import fields_of

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
    from monitor.registry_topic import differences, read_registry, write_entries

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
        held = asyncio.run(read_registry(connection, prefix + REGISTRY))
        found = differences(entries, held)
        if not dry_run:
            asyncio.run(write_entries(connection, prefix + REGISTRY, [*found.new, *found.changed]))
    left_out = f", {bad} bad rows left out" if bad else ""
    nothing = "; nothing was written" if dry_run else ""
    typer.echo(f"{len(found.new)} new, {len(found.changed)} changed, {found.unchanged} unchanged{left_out}{nothing}")


@app.command(epilog=SHOW_EXAMPLES)
def show(
    key: Annotated[str, typer.Argument(help="kind/part/part, or its beginning: quota/H0001/2026Q3, quota/H0001.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Local time yyyy-MM-dd HH:mm:ss. [default: now]", show_default=False)
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="All entries, those that do not hold too.")] = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Show the entries about something that hold at a time, or with --history all there are.

    Exit code 1: there are none.
    """
    with usage_errors(BadTime):
        at = int(clock.now_s()) + UTC_OFFSET if as_of is None else parse_time(as_of)
    _known_kind(key.partition("/")[0])
    held = _held(prefix, bootstrap_servers, kafka_config)
    found = [entry for _, entry in sorted(held.entries.items()) if _under(entry, key)]
    if not found:
        fail(f"the registry holds nothing under {key}", FAILED)
    registry = Registry()
    for entry in found:
        registry.put(entry)
    console = Console()
    shown = 0
    with quiet_pipe():
        for entry in found:
            holds = registry.get(type(entry), *entry.subject, at=at) is entry
            if holds or history:
                console.print(_table(entry, "holds" if holds and history else ""))
                shown += 1
    if not shown:
        many = "1 entry does" if len(found) == 1 else f"{len(found)} entries do"
        fail(f"nothing under {key} holds at {format_time(at)}; {many} at other times: see --history", FAILED)


@app.command("list", epilog=LIST_EXAMPLES)
def list_entries(
    kind: _KindOption = None,
    ndjson: Annotated[bool, typer.Option("--ndjson", help="As objects, one a line, such as `load` reads.")] = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """List all entries, or those of one kind, by key."""
    from monitor.registry_files import value_of

    if kind is not None:
        _known_kind(kind)
    held = _held(prefix, bootstrap_servers, kafka_config)
    found = [entry for _, entry in sorted(held.entries.items()) if kind is None or entry.kind == kind]
    with quiet_pipe():
        if ndjson:
            for entry in found:
                sys.stdout.buffer.write(value_of(entry) + b"\n")
            sys.stdout.buffer.flush()
            return
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column in ("entry", "from", "to"):
            table.add_column(column, overflow="fold")
        table.add_column("values", overflow="fold", ratio=1)
        for entry in found:
            values = ", ".join(f"{name} {value}" for name, value in _values(entry))
            period = (format_time(entry.valid_from), "" if entry.valid_to is None else format_time(entry.valid_to))
            table.add_row(*map(Text, ("/".join((entry.kind, *entry.subject)), *period, values)))
        console = Console()
        console.print(table)
        console.print(f"{len(found)} entries")


def _known_kind(kind: str) -> None:
    if kind not in {entry.kind for entry in REGISTRY_ENTRIES}:
        fail(f"no kind {kind!r}; there are {_KINDS}", USAGE)


def _held(prefix: str, bootstrap_servers: str | None, kafka_config: Path | None) -> "Held":
    from monitor.registry_topic import read_registry

    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, LookupError):
        held = asyncio.run(read_registry(connection, prefix + REGISTRY))
    if held.unreadable:
        typer.echo(f"{held.unreadable} records of {prefix}{REGISTRY} hold no entry of the contract", err=True)
    return held


def _under(entry: Entry, key: str) -> bool:
    """Whether an entry's key is this one, or begins with its parts."""
    return entry.key == key or f"{entry.key}/".startswith(f"{key.rstrip('/')}/")


def _table(entry: Entry, mark: str) -> Table:
    to = "on" if entry.valid_to is None else f"until {format_time(entry.valid_to)}"
    title = f"{'/'.join((entry.kind, *entry.subject))}  from {format_time(entry.valid_from)} {to}"
    table = Table(
        title=Text(f"{title}  [{mark}]" if mark else title), title_justify="left", show_header=False, box=box.SIMPLE
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _values(entry):
        table.add_row(name, Text(value))
    return table


def _values(entry: Entry) -> list[tuple[str, str]]:
    """The fields of an entry but its time and subject, as the wire names and writes them; no person's number."""
    found = []
    for field in fields_of(type(entry)):
        value = getattr(entry, field.attribute)
        if value is None or field.wire.name in {"valid_from", "valid_to"}:
            continue
        if isinstance(value, str) and value in entry.subject:
            continue
        if field.wire.name == "psn_no":
            text = _HIDDEN
        elif isinstance(value, tuple):
            text = ", ".join(value)
        else:
            text = field.wire.kind.write(value).strip('"') if not isinstance(value, str) else value
        found.append((field.wire.name, text))
    return found
