"""`claims-monitor train`: fit the model behind outlier-claim and outlier-institution."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detectors.terms import TermsError
from monitor.commands.errors import USAGE, fail, usage_errors
from monitor.commands.options import Terms
from monitor.commands.progress import facts_progress

if TYPE_CHECKING:
    from detectors.model import Settings
    from monitor.ranking import Trial
    from monitor.samples import Samples

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor train facts.ndjson.gz -o region.model

  claims-monitor train facts.parquet -o region.model --alerts-per-day 50 --region-alerts 320500=20

  claims-monitor train facts.ndjson.zst -o region.model --dispositions decided.ndjson --report region.html
"""

AlertsPerDay = Annotated[
    int | None,
    typer.Option(min=1, help="Wanted alerts on settlements a day and region. [default: 5 in 10,000 settlements]"),
]
RegionAlerts = Annotated[
    list[str] | None,
    typer.Option("--region-alerts", help="REGION=N: another number for one region (its admdvs); may be repeated."),
]
DayAlerts = Annotated[
    int, typer.Option("--day-alerts-per-10k", min=0, help="Wanted alerts on 10,000 institution-days.")
]


def train(
    facts: Annotated[
        str, typer.Argument(help="Past facts: NDJSON (.gz, .zst; - for standard input), .csv, .csv.gz or .parquet.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write.")],
    terms: Terms = None,
    seed: Annotated[int, typer.Option(help="The same facts and seed give the same file, to the byte.")] = 0,
    trees: Annotated[int, typer.Option(min=10, max=1000, help="Trees of the forest.")] = 100,
    hold_out_days: Annotated[int, typer.Option(min=0, help="Last days kept apart to choose the thresholds.")] = 7,
    alerts_per_day: AlertsPerDay = None,
    region_alerts: RegionAlerts = None,
    day_alerts_per_10k: DayAlerts = 20,
    dispositions: Annotated[
        Path | None,
        typer.Option(help="What reviewers decided (dispositions.v1, one a line): may order the review queue."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML report on the model. [default: beside the model, with .html]")
    ] = None,
) -> None:
    """Fit isolation forests on past settlements and institution-days; write the model file (no pickle) and a report.

    With --dispositions, what reviewers decided orders the review queue if that beats the plain score on institutions
    held out; alerts stay as they are.
    """
    from detectors.model import Settings
    from monitor.fitting import TrainingError
    from monitor.model_summary import described
    from monitor.ndjson import InputError
    from monitor.ranking import BadDispositions, read_dispositions
    from monitor.report.page import report as page
    from monitor.training import train as fit

    settings = Settings(
        seed=seed,
        trees=trees,
        hold_out_days=hold_out_days,
        alerts_per_day=alerts_per_day,
        regions=regions_of(region_alerts),
        day_alerts_per_10k=day_alerts_per_10k,
    )
    with usage_errors(InputError, BadDispositions):
        decided = None if dispositions is None else read_dispositions(dispositions)
    told = output.with_name(output.stem + ".html") if report is None else report
    if told == output:
        fail(f"{output} would be both the model and the report: name one otherwise", USAGE)
    with read_samples(facts, terms, settings) as (samples, chosen, tell):
        try:
            trained = fit(samples, chosen, dispositions=decided, progress=tell)
        except TrainingError as error:
            fail(str(error))
        tell("report", 0, 1)
        html = page(trained)
    model = trained.model
    write(output, model.to_bytes())
    write(told, html.encode())
    typer.echo(described(model))
    if trained.trial is not None and trained.trial.ranker is None:
        typer.echo(f"queue      by score: {_not_ranked(trained.trial)}")
    typer.echo(f"written    {output}, report {told}")


def _not_ranked(trial: "Trial") -> str:
    if trial.why_not:
        return f"{trial.confirmed} confirmed and {trial.dismissed} dismissed alerts; {trial.why_not}"
    return (
        f"the dispositions' order has average precision {trial.precision:.3f} on held-out institutions, the score "
        f"{trial.precision_plain:.3f}; it must gain more than twice the standard error ({trial.error:.3f})"
    )


def regions_of(given: list[str] | None) -> dict[str, int]:
    """Wanted alerts by region, as options give them."""
    found = {}
    for each in given or []:
        region, _, number = each.partition("=")
        if not region or not number.isdecimal():
            fail(f"--region-alerts {each}: give REGION=N, for example 320500=20", USAGE)
        found[region] = int(number)
    return found


@contextmanager
def read_samples(
    facts: str, terms: Path | None, settings: "Settings"
) -> Iterator[tuple["Samples", "Settings", Callable[[str, int, int], None]]]:
    """Read facts under a progress bar; gives what to train on, the settings with the terms' gate, and the bar."""
    import msgspec

    from monitor.ndjson import InputError
    from monitor.samples import Samples
    from monitor.terms_files import load_terms
    from monitor.timeline import BadLine, place
    from monitor.training_input import open_facts

    def bad(line: BadLine) -> None:
        typer.echo(f"line {line.line}: {line.why.reason}: {line.why.detail}", err=True)

    with usage_errors(TermsError, InputError), open_facts(facts) as (lines, part), facts_progress() as progress:
        task = progress.add_task("reading facts", total=None)
        loaded = load_terms(terms)

        def counted() -> Iterator[bytes]:
            for number, line in enumerate(lines, 1):
                if number % 1000 == 0:
                    done = part()
                    progress.update(task, completed=number, total=int(number / done) if done else None)
                yield line

        samples = Samples(place(counted()), loaded.general, bad)
        rule = loaded.versions[-1].rules.get("outlier-institution")
        if rule is not None:
            settings = msgspec.structs.replace(settings, least_settlements=rule.limits.least)

        def tell(what: str, done: int, whole: int) -> None:
            progress.update(task, description=what, completed=done, total=whole)

        yield samples, settings, tell


def write(path: Path, content: bytes) -> None:
    """Write a file under its name when it is complete; an error ends the command."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
