"""`claims-monitor dlq`: look at quarantined records, mend them, and send them back."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.commands.connect import connected
from monitor.commands.errors import USAGE, broker_errors, fail, quiet_pipe, usage_errors
from monitor.commands.options import BootstrapServers, KafkaConfig, Prefix
from topics.reasons import MEANING
from topics.times import BadTime, format_time, from_record_time, parse_time

if TYPE_CHECKING:
    from monitor.connection import Connection
    from monitor.dead_letters import Filter, Letter, Return

app = typer.Typer(no_args_is_help=True, help="Look at quarantined records, mend them, and send them back.")

LIST_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor dlq list

  claims-monitor dlq list --reason too-late --since "2026-08-01 00:00:00" --limit 0
"""
SHOW_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor dlq show --reason missing-field > letters.ndjson

  claims-monitor dlq show --topic claims.facts.v1 --partition 3 --offset 1207 | jq .
"""
REDRIVE_EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor dlq show --reason bad-code > letters.ndjson   # mend `value` in the file, then

  claims-monitor dlq redrive --from letters.ndjson --dry-run && claims-monitor dlq redrive --from letters.ndjson

  claims-monitor dlq redrive --reason wrong-key --limit 100
"""

_Topic = Annotated[
    list[str] | None, typer.Option("--topic", help="Source topic, without prefix; may be repeated.", show_default=False)
]
_Reason = Annotated[
    list[str] | None, typer.Option("--reason", help="Such as too-late; may be repeated.", show_default=False)
]
_Partition = Annotated[int | None, typer.Option("--partition", min=0, help="Of the source topic.", show_default=False)]
_Offset = Annotated[
    list[int] | None, typer.Option("--offset", help="In the source topic; may be repeated.", show_default=False)
]
_Since = Annotated[
    str | None, typer.Option("--since", help="Record time from yyyy-MM-dd HH:mm:ss on.", show_default=False)
]
_Until = Annotated[
    str | None, typer.Option("--until", help="Record time before yyyy-MM-dd HH:mm:ss.", show_default=False)
]
_Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="At most so many letters. [default: all]", show_default=False)
]


def _filter(
    topic: list[str] | None,
    reason: list[str] | None,
    partition: int | None,
    offset: list[int] | None,
    since: str | None,
    until: str | None,
) -> "Filter":
    from monitor.dead_letters import SOURCES, Filter

    for name in topic or ():
        if name not in SOURCES:
            fail(f"--topic {name}: there are {' and '.join(SOURCES)}", USAGE)
    for name in reason or ():
        if name not in MEANING:
            fail(f"--reason {name}: there are {', '.join(MEANING)}", USAGE)
    with usage_errors(BadTime):
        return Filter(
            frozenset(topic or ()),
            frozenset(reason or ()),
            partition,
            frozenset(offset or ()),
            None if since is None else parse_time(since),
            None if until is None else parse_time(until),
        )


def _read(connection: "Connection", prefix: str, wanted: "Filter", limit: int | None) -> list["Letter"]:
    from monitor.redrive import letters

    async def run() -> list["Letter"]:
        return [letter async for letter in letters(connection, prefix, wanted, limit)]

    with broker_errors(connection, LookupError):
        return asyncio.run(run())


@app.command("list", epilog=LIST_EXAMPLES)
def list_letters(
    topic: _Topic = None,
    reason: _Reason = None,
    partition: _Partition = None,
    offset: _Offset = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows; 0: all.")] = 20,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """List quarantined records, latest first, and how many there are by topic and reason.

    What they hold is not shown: see `dlq show`.
    """
    wanted = _filter(topic, reason, partition, offset, since, until)
    found = _read(connected(bootstrap_servers, kafka_config), prefix, wanted, None)
    found.sort(key=lambda letter: (letter.time_ms, letter.id), reverse=True)
    shown = found[: limit or None]
    console = Console()
    rows = Table(box=None, pad_edge=False)
    for column in ("record time", "source topic/partition/offset", "reason", "detail"):
        rows.add_column(column, overflow="fold")
    for letter in shown:
        source = "/".join(map(str, letter.source))
        rows.add_row(*map(Text, (_time(letter), source, letter.reason, letter.detail)))
    counts = Table(box=None, pad_edge=False)
    for column in ("records", "topic", "reason", "meaning"):
        counts.add_column(column, overflow="fold", justify="right" if column == "records" else "left")
    for (name, why), count in Counter((letter.source[0], letter.reason) for letter in found).most_common():
        counts.add_row(str(count), name, why, MEANING.get(why, ""))
    with quiet_pipe():
        if not found:
            console.print("no quarantined records" + (" like that" if wanted.restricts else ""))
            return
        console.print(rows)
        if len(found) > len(shown):
            console.print(f"... {len(found) - len(shown)} more; --limit 0 shows all")
        console.print()
        console.print(counts)


def _time(letter: "Letter") -> str:
    return format_time(from_record_time(letter.time_ms))


@app.command(epilog=SHOW_EXAMPLES)
def show(
    topic: _Topic = None,
    reason: _Reason = None,
    partition: _Partition = None,
    offset: _Offset = None,
    since: _Since = None,
    until: _Until = None,
    limit: _Limit = None,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Print quarantined records, one JSON object a line, to be mended and given to `dlq redrive --from`.

    The record stands under `value` where it is JSON, else as `text` or `base64`; put mended JSON under `value`. Lines
    that are taken out of the file are not sent back. The records hold persons' data: keep the file accordingly.
    """
    from monitor.dead_letters import line_of

    wanted = _filter(topic, reason, partition, offset, since, until)
    found = _read(connected(bootstrap_servers, kafka_config), prefix, wanted, limit)
    with quiet_pipe():
        for letter in found:
            sys.stdout.buffer.write(line_of(letter) + b"\n")
        sys.stdout.buffer.flush()


@app.command(epilog=REDRIVE_EXAMPLES)
def redrive(
    file: Annotated[
        Path | None,
        typer.Option("--from", help="Lines of `dlq show`, mended; - for standard input.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All letters there are, where nothing is chosen.")] = False,
    topic: _Topic = None,
    reason: _Reason = None,
    partition: _Partition = None,
    offset: _Offset = None,
    since: _Since = None,
    until: _Until = None,
    limit: _Limit = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Send quarantined records back to their source topics, where they are judged as normal late facts.

    Key and topic are those that the contract asks for. A record that is still no fact stays where it is and is told;
    one whose time is still not admitted comes back as a new letter. Sending one twice does no harm.

    Exit code 1: there were records that cannot be sent; the others were.
    """
    from monitor.redrive import send

    wanted = _filter(topic, reason, partition, offset, since, until)
    if file is None and not wanted.restricts and not everything:
        fail("say which letters: --from FILE, --reason, --topic ..., or --all", USAGE)
    connection = connected(bootstrap_servers, kafka_config)
    if file is None:
        found: Iterable[Letter] = _read(connection, prefix, wanted, limit)
        returns, bad = _returns(found)
    else:
        found = [letter for letter in _mended(file) if wanted.takes(letter)]
        returns, bad = _returns(found[:limit])
    if returns and not dry_run:
        with broker_errors(connection, LookupError):
            asyncio.run(send(connection, prefix, returns))
    word = "would be sent to" if dry_run else "sent to"
    for name, count in sorted(Counter(each.topic for each in returns).items()):
        typer.echo(f"{count} {word} {prefix}{name}")
    if not returns:
        typer.echo("nothing to send")
    if bad:
        fail(f"{bad} cannot be sent: still no facts; they stay where they are")


def _returns(found: Iterable["Letter"]) -> tuple[list["Return"], int]:
    """The letters that can go back, and how many cannot; those are told one by one."""
    from monitor.dead_letters import Returns
    from topics.reasons import Quarantined

    decide = Returns()
    returns, bad = [], 0
    for letter in found:
        try:
            returns.append(decide(letter))
        except Quarantined as why:
            bad += 1
            typer.echo(f"{letter.id}: {why.reason}: {why.detail}", err=True)
    return returns, bad


def _mended(file: Path) -> list["Letter"]:
    from monitor.dead_letters import BadLetterLine, letter_from
    from monitor.ndjson import InputError, open_lines

    found = []
    with usage_errors(InputError), open_lines(str(file)) as (lines, _):
        for number, raw in enumerate(lines, 1):
            if raw.strip():
                try:
                    found.append(letter_from(raw))
                except BadLetterLine as error:
                    fail(f"{file} line {number}: {error}; nothing was sent", USAGE)
    return found
