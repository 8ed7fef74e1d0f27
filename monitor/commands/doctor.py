"""`claims-monitor doctor`: says what is wrong with a set-up and what to do."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from monitor.commands.errors import FAILED, USAGE, fail
from monitor.commands.options import BootstrapServers, Data, Group, KafkaConfig, ModelFile, Prefix, Terms
from monitor.commands.worker import DEFAULT_DATA
from topics.catalogue import DEFAULT_GROUP

if TYPE_CHECKING:
    from monitor.doctor.findings import Finding

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor doctor

  claims-monitor doctor --kafka-config kafka.properties --terms city.toml --data /var/lib/claims-monitor

  claims-monitor doctor --json | jq '.findings[] | select(.level == "wrong")'

  claims-monitor doctor --deep   [dim]# also compares local state with the changelogs: reads all of both[/dim]
"""

_MARKS: Final = {"well": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("WRONG", "bold red")}


def doctor(
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
    data: Data = DEFAULT_DATA,
    terms: Terms = None,
    model: ModelFile = None,
    prefix: Prefix = "",
    group: Group = DEFAULT_GROUP,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare local state with the changelogs, value by value.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="List what is well, too, partition by partition.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Look at broker, topics, offsets, lag, clocks, workers, accounts, state, terms, model and disk; change nothing.

    Exit code 0: all is well; 1: something is wrong, and what to do is said; 2: unusable arguments.
    """
    from monitor.app import TOKEN_VARIABLE, shared_token
    from monitor.connection import Connection, ConnectionFailed
    from monitor.doctor.examination import Setup, examine

    try:
        connection = Connection.load(bootstrap_servers, kafka_config)
    except ConnectionFailed as error:
        fail(str(error), USAGE)
    has_token = TOKEN_VARIABLE in os.environ or (data / "token").exists()
    token = shared_token(data) if has_token else None
    report = asyncio.run(examine(Setup(connection, prefix, group, data, terms, model, token, deep)))
    wrong = report.has_wrong()
    if as_json:
        answer = {"well": not wrong, "findings": report.findings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer).decode()) + "\n")
    else:
        _print(report.findings, everything=everything)
    if wrong:
        raise typer.Exit(FAILED)


def _print(findings: "list[Finding]", *, everything: bool) -> None:
    """A line for each check that is well, and one for each finding that is not, with what to do below it."""
    console = Console(highlight=False, soft_wrap=True)
    for check in dict.fromkeys(finding.check for finding in findings):
        of_check = [finding for finding in findings if finding.check == check]
        well = [finding for finding in of_check if finding.level == "well"]
        others = [finding for finding in of_check if finding.level != "well"]
        if len(well) == 1 or everything:
            for finding in well:
                _line(console, finding)
        elif well:
            console.print(
                _marked("well", check), f"{len(well)} looked at, all well" if not others else f"{len(well)} well"
            )
        for finding in others:
            _line(console, finding)
    count = sum(finding.level == "wrong" for finding in findings)
    console.print(f"{count} thing{'s are' if count > 1 else ' is'} wrong" if count else "all is well")


def _line(console: Console, finding: "Finding") -> None:
    where = f"{finding.where}: " if finding.where else ""
    console.print(_marked(str(finding.level), finding.check), Text(where + finding.says))
    if finding.advice:
        console.print(Text(f"{'':17}-> {finding.advice}"))


def _marked(level: str, check: str) -> Text:
    word, style = _MARKS[level]
    return Text(f"{word:5}", style=style) + Text(f" {check:11}", style="not bold")
