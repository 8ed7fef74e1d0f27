"""`claims-monitor backtest`: judge a file of facts without a broker."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from detectors.terms import TermsError
from monitor.commands.errors import quiet_pipe, usage_errors
from monitor.commands.progress import facts_progress

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor backtest facts.ndjson > alerts.ndjson

  zcat facts.ndjson.gz | claims-monitor backtest - --log

  claims-monitor backtest facts.ndjson.zst --terms city.toml --model region.model
"""


def backtest(
    facts: Annotated[str, typer.Argument(help="NDJSON, one object a line: plain, .gz, .zst, or - for standard input.")],
    terms: Annotated[Path | None, typer.Option(help="Terms file, or folder of versions; default: built in.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model file, or folder of them, made by train.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Print every raise, revision and withdrawal in order.")] = False,
) -> None:
    """Judge a file of facts without a broker and print the standing alerts, one a line, by jr_id.

    The engine is the one that judges live: the same facts give the same bytes. Bad lines are reported on
    standard error with their number and reason, counted, and never fatal.
    """
    from monitor.backtest import Backtest
    from monitor.engine import Engine
    from monitor.models import ModelFileError, load_scorer
    from monitor.ndjson import InputError, open_lines
    from monitor.records import AlertChange
    from monitor.terms_files import load_terms
    from monitor.timeline import place
    from topics.reasons import Quarantined

    bad = 0

    def report(line: int, why: Quarantined) -> None:
        nonlocal bad
        bad += 1
        where = f"line {line}" if line else "a tick that was added"
        print(f"{where}: {why.reason}: {why.detail}", file=sys.stderr)  # noqa: T201 - this is the command's output

    def show(change: AlertChange) -> None:
        sys.stdout.buffer.write(change.value + b"\n")

    with usage_errors(TermsError, InputError, ModelFileError), quiet_pipe():
        engine = Engine(load_terms(terms), 1, "contributions", load_scorer(model))
        run = Backtest(engine, on_change=show if log else None, on_bad=report)
        with open_lines(facts) as (lines, part), facts_progress() as progress:
            task = progress.add_task("facts", total=None)

            def counted() -> Iterator[bytes]:
                for number, line in enumerate(lines, 1):
                    if number % 1000 == 0:
                        done = part()
                        total = None if not done else int(number / done)
                        progress.update(task, completed=number, total=total)
                    yield line

            run.run(place(counted()))
        if not log:
            for value in run.alerts():
                sys.stdout.buffer.write(value + b"\n")
        sys.stdout.buffer.flush()
    if bad:
        print(f"{bad} bad lines were left out", file=sys.stderr)  # noqa: T201 - this is the command's output
