"""`claims-monitor backtest`: judge a file of facts without a broker."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import Annotated

import typer

from detectors.terms import TermsError
from monitor.commands.errors import fail, quiet_pipe, usage_errors
from monitor.commands.progress import facts_progress

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor backtest facts.ndjson > alerts.ndjson

  zcat facts.ndjson.gz | claims-monitor backtest - --log

  claims-monitor backtest facts.ndjson.zst --terms city.toml --model region.model

  claims-monitor backtest month.ndjson.zst --jobs 4 > alerts.ndjson
"""

FEW_LINES = 20_000
"""A file with fewer lines is judged by one process: it is done before others have started."""


def backtest(
    facts: Annotated[str, typer.Argument(help="NDJSON, one object a line: plain, .gz, .zst, or - for standard input.")],
    terms: Annotated[Path | None, typer.Option(help="Terms file, or folder of versions; default: built in.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model file, or folder of them, made by train.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Print every raise, revision and withdrawal in order.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Processes that judge; default: one a core, one for a small file."),
    ] = None,
) -> None:
    """Judge a file of facts without a broker and print the standing alerts, one a line, by jr_id.

    The engine is the one that judges live: the same facts give the same bytes, however many processes judge.
    Bad lines are reported on standard error with their number and reason, counted, and never fatal.
    """
    from monitor.backtest import Alone, Backtest
    from monitor.backtest_processes import JudgeFailed, Together
    from monitor.engine import Engine
    from monitor.models import ModelFileError, load_scorer
    from monitor.ndjson import InputError, open_lines
    from monitor.terms_files import load_terms
    from monitor.timeline import place
    from topics.reasons import Quarantined

    bad = 0

    def report(line: int, why: Quarantined) -> None:
        nonlocal bad
        bad += 1
        where = f"line {line}" if line else "a tick that was added"
        print(f"{where}: {why.reason}: {why.detail}", file=sys.stderr)  # noqa: T201 - this is the command's output

    def show(value: bytes) -> None:
        sys.stdout.buffer.write(value + b"\n")

    with ExitStack() as held, usage_errors(TermsError, InputError, ModelFileError), quiet_pipe():
        engine = Engine(load_terms(terms), 1, "contributions", load_scorer(model))
        lines, part = held.enter_context(open_lines(facts))
        first = list(islice(lines, FEW_LINES))
        if jobs is None:
            jobs = len(os.sched_getaffinity(0)) if len(first) == FEW_LINES else 1
        judges = held.enter_context(Together(jobs, terms, model)) if jobs > 1 else Alone(engine)
        run = Backtest(engine, on_bad=report, on_value=show if log else None, judges=judges)
        with facts_progress() as progress:
            task = progress.add_task("facts", total=None)

            def counted() -> Iterator[bytes]:
                for number, line in enumerate(chain(first, lines), 1):
                    if number % 1000 == 0:
                        done = part()
                        total = None if not done else int(number / done)
                        progress.update(task, completed=number, total=total)
                    yield line

            try:
                run.run(place(counted()))
            except JudgeFailed as error:
                fail(str(error))
        if not log:
            for value in run.alerts():
                sys.stdout.buffer.write(value + b"\n")
        sys.stdout.buffer.flush()
    if bad:
        print(f"{bad} bad lines were left out", file=sys.stderr)  # noqa: T201 - this is the command's output
