"""`claims-monitor play`: write a file of facts into Kafka."""

import logging
import sys
from typing import Annotated

import typer

from monitor.commands.connect import connected
from monitor.commands.errors import fail, usage_errors
from monitor.commands.options import BootstrapServers, KafkaConfig, Prefix
from monitor.commands.progress import facts_progress

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor topics create --record-time create && claims-monitor play facts.ndjson.gz

  claims-monitor play - --rate 500 < facts.ndjson

  tail -f facts.ndjson | claims-monitor play -
"""


def play(
    facts: Annotated[str, typer.Argument(help="NDJSON, one object a line: plain, .gz, .zst, or - for standard input.")],
    rate: Annotated[float | None, typer.Option(min=0.1, help="Facts a second. [default: as fast as possible]")] = None,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Write facts into Kafka, with `_recv` as record time, and ticks where the file has none.

    The topics should have been created with --record-time create; without `_recv` a line's record time is the
    greatest event time so far. Bad lines are reported and left out.
    Brokers that go away are waited for; each fact is written once. Lines on standard input are written as they come.
    """
    from monitor.chatter import quieten
    from monitor.ndjson import InputError, open_lines
    from monitor.player import Played, PlayError, play_lines
    from monitor.timeline import BadLine

    logging.basicConfig(level=logging.WARNING, format="claims-monitor: %(message)s", stream=sys.stderr)
    quieten()

    def report(bad: BadLine) -> None:
        typer.echo(f"line {bad.line}: {bad.why.reason}: {bad.why.detail}", err=True)

    connection = connected(bootstrap_servers, kafka_config)
    with usage_errors(InputError), open_lines(facts) as (lines, part), facts_progress() as progress:
        task = progress.add_task("facts", total=None)

        def show(played: Played) -> None:
            done = part()
            progress.update(task, completed=played.facts, total=int(played.facts / done) if done else None)

        try:
            played = play_lines(
                lines,
                connection,
                prefix=prefix,
                rate=rate,
                trickling=facts == "-",
                on_bad=report,
                on_progress=show,
            )
        except PlayError as error:
            fail(str(error))
    print(f"{played.facts} facts and {played.ticks} ticks written, {played.bad} bad lines left out", file=sys.stderr)  # noqa: T201
