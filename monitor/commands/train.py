"""`claims-monitor train`: fit the model behind outlier-claim."""

from pathlib import Path
from typing import Annotated

import typer

from detectors.terms import TermsError
from monitor.commands.errors import fail, usage_errors
from monitor.commands.options import Terms
from monitor.commands.progress import facts_progress

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor train facts.ndjson.gz -o region.model

  claims-monitor train facts.ndjson -o region.model --alerts-per-day 50 --seed 7
"""


def train(
    facts: Annotated[str, typer.Argument(help="Past facts, NDJSON: plain, .gz, .zst, or - for standard input.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write.")],
    terms: Terms = None,
    seed: Annotated[int, typer.Option(help="The same facts and seed give the same file, to the byte.")] = 0,
    trees: Annotated[int, typer.Option(min=10, max=1000, help="Trees of the forest.")] = 100,
    hold_out_days: Annotated[int, typer.Option(min=0, help="Last days kept apart to choose the threshold.")] = 7,
    alerts_per_day: Annotated[
        int | None, typer.Option(min=1, help="Wanted alerts a day. [default: 5 in 10,000 settlements]")
    ] = None,
) -> None:
    """Fit an isolation forest on past settlements and write the model file (no pickle)."""
    from detectors.model import Settings
    from monitor.ndjson import InputError, open_lines
    from monitor.samples import Samples
    from monitor.terms_files import load_terms
    from monitor.timeline import BadLine, place
    from monitor.training import TrainingError, described, fit

    def report(bad: BadLine) -> None:
        typer.echo(f"line {bad.line}: {bad.why.reason}: {bad.why.detail}", err=True)

    settings = Settings(seed=seed, trees=trees, hold_out_days=hold_out_days, alerts_per_day=alerts_per_day)
    with usage_errors(TermsError, InputError), open_lines(facts) as (lines, _), facts_progress() as progress:
        task = progress.add_task("reading facts", total=None)
        general = load_terms(terms).general
        samples = Samples(place(progress.track(lines, task_id=task)), general, report)

        def tell(what: str, count: int) -> None:
            progress.update(task, description=what, completed=count, total=count)

        try:
            model = fit(samples, settings, progress=tell)
        except TrainingError as error:
            fail(str(error))
    try:
        output.write_bytes(model.to_bytes())
    except OSError as error:
        fail(f"{output}: {error.strerror}")
    typer.echo(described(model))
    typer.echo(f"written    {output}")
