"""`claims-monitor models`: publish, switch, go back, choose thresholds anew, compare, show the review queue."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from monitor import clock
from monitor.commands.connect import connected
from monitor.commands.errors import USAGE, broker_errors, fail, quiet_pipe, usage_errors
from monitor.commands.options import BootstrapServers, KafkaConfig, Prefix, Terms
from monitor.commands.train import AlertsPerDay, DayAlerts, RegionAlerts, read_samples, regions_of, write
from topics.catalogue import MODELS, REGISTRY
from topics.registry import ScoringModel
from topics.times import UTC_OFFSET, BadTime, format_day, format_time, parse_time

app = typer.Typer(no_args_is_help=True, help="Publish anomaly models, switch between them, and go back.")

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor models publish region.model

  claims-monitor models activate 2026-11-20-3f2a91bc --from "2026-12-01 00:00:00"

  claims-monitor models rollback
"""
_LOOKS = """\
[bold]Examples[/bold]

  claims-monitor models list

  claims-monitor models show region.model
"""
_QUEUE = """\
[bold]Examples[/bold]

  claims-monitor models queue | head -50

  claims-monitor models queue --ndjson | jq -r .about.id
"""
_TRIALS = """\
[bold]Examples[/bold]

  claims-monitor models recalibrate region.model facts.ndjson.zst -o quieter.model --alerts-per-day 20

  claims-monitor models compare region.model quieter.model facts.ndjson.zst

  claims-monitor models shadow 2026-11-20-3f2a91bc --from "2026-12-01 00:00:00"
"""

_Version = Annotated[str, typer.Argument(help="Version of a published model; `none` switches scoring off.")]
_From = Annotated[
    str | None, typer.Option("--from", help="Event time from which it holds, yyyy-MM-dd HH:mm:ss. [default: now]")
]
_Ndjson = Annotated[bool, typer.Option("--ndjson", help="Print the registry entry, for a backtest; write nothing.")]


@app.command(epilog=EXAMPLES)
def publish(
    file: Annotated[Path, typer.Argument(help="Model file made by train or recalibrate.")],
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Check a model file and put it into the topic that all workers read. It scores nothing until it is activated."""
    from monitor.model_topic import publish as put
    from monitor.model_topic import read_models
    from monitor.models import ModelFileError, load_model

    with usage_errors(ModelFileError):
        model = load_model(file)
    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, LookupError):
        held = asyncio.run(read_models(connection, prefix + MODELS))
        if model.version in held.models:
            typer.echo(f"{model.version} is there already")
            return
        asyncio.run(put(connection, prefix + MODELS, model))
    typer.echo(f"{model.version} is published; let it score with `claims-monitor models activate {model.version}`")


@app.command(epilog=EXAMPLES)
def activate(
    version: _Version,
    begin: _From = None,
    ndjson: _Ndjson = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Let a model score from an event time on; workers switch without a restart and judge later facts again."""
    _name("active", version, begin, ndjson, prefix, bootstrap_servers, kafka_config)


@app.command(epilog=_TRIALS)
def shadow(
    version: _Version,
    begin: _From = None,
    ndjson: _Ndjson = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Let a candidate score beside the active model: it counts in the metrics and changes no alert."""
    _name("shadow", version, begin, ndjson, prefix, bootstrap_servers, kafka_config)


def _name(
    role: str,
    version: str,
    begin: str | None,
    ndjson: bool,
    prefix: str,
    bootstrap_servers: str | None,
    kafka_config: Path | None,
) -> None:
    from detectors.model_set import NONE
    from monitor.model_topic import read_models
    from monitor.registry_files import value_of
    from monitor.registry_topic import write_entries

    with usage_errors(BadTime):
        at = int(clock.now_s()) + UTC_OFFSET if begin is None else parse_time(begin)
    entry = ScoringModel(valid_from=at, role=role, version=version)
    if ndjson:
        typer.echo(value_of(entry).decode())
        return
    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, LookupError):
        held = asyncio.run(read_models(connection, prefix + MODELS))
        if version != NONE and version not in held.models:
            why = held.problems.get(version, "it is not published: `claims-monitor models publish FILE`")
            fail(f"{version} cannot score: {why}")
        asyncio.run(write_entries(connection, prefix + REGISTRY, [entry]))
    typer.echo(f"{role} from {format_time(at)}: {version}")


@app.command(epilog=EXAMPLES)
def rollback(
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Take the last switch of the active model back: alerts become those that would stand without it.

    Where no switch is left and workers have no --model, nothing says what to score with: alerts stay as they are until
    a model is activated, or `models activate none`.
    """
    from monitor.model_topic import remove_entry
    from monitor.registry_topic import read_registry

    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, LookupError):
        held = asyncio.run(read_registry(connection, prefix + REGISTRY))
        switches = sorted(
            (one for one in held.entries.values() if isinstance(one, ScoringModel) and one.role == "active"),
            key=lambda one: one.valid_from,
        )
        if not switches:
            fail("there is no switch to take back: the registry names no active model")
        asyncio.run(remove_entry(connection, prefix + REGISTRY, switches[-1].key))
    before = switches[-2].version if len(switches) > 1 else "none named: that of --model, if workers have one"
    typer.echo(f"taken back: {switches[-1].version} from {format_time(switches[-1].valid_from)}")
    typer.echo(f"in force:   {before}")
    if len(switches) == 1:
        begin = format_time(switches[-1].valid_from)
        typer.echo(
            "Workers without --model leave the alerts of outlier claims as they are; to withdraw them: "
            f'claims-monitor models activate none --from "{begin}"'
        )


@app.command("list", epilog=_LOOKS)
def list_models(
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """List published models, and which of them holds from when."""
    from monitor.model_topic import read_models
    from monitor.registry_topic import read_registry

    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, LookupError):
        held = asyncio.run(read_models(connection, prefix + MODELS))
        registry = asyncio.run(read_registry(connection, prefix + REGISTRY))
    switches = sorted(
        (one for one in registry.entries.values() if isinstance(one, ScoringModel)), key=lambda one: one.valid_from
    )
    for version, model in sorted(held.models.items()):
        typer.echo(f"{version}  data {format_day(model.first_day)} to {format_day(model.last_day)}")
    for version, why in sorted(held.problems.items()):
        typer.echo(f"{version}  cannot be used: {why}")
    for one in switches:
        missing = "" if one.version in held.models or one.version == "none" else "  (not published)"
        typer.echo(f"{one.role} from {format_time(one.valid_from)}: {one.version}{missing}")


@app.command(epilog=_LOOKS)
def show(file: Annotated[Path, typer.Argument(help="Model file.")]) -> None:
    """Check a model file and tell what is in it."""
    from monitor.model_summary import described
    from monitor.models import ModelFileError, load_model

    with usage_errors(ModelFileError):
        typer.echo(described(load_model(file)))


@app.command(epilog=_TRIALS)
def recalibrate(
    file: Annotated[Path, typer.Argument(help="Model file whose thresholds are to be replaced.")],
    facts: Annotated[str, typer.Argument(help="Recent facts, as for train.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write.")],
    terms: Terms = None,
    alerts_per_day: AlertsPerDay = None,
    region_alerts: RegionAlerts = None,
    day_alerts_per_10k: DayAlerts = 20,
) -> None:
    """Make a new version with thresholds for another number of alerts; the forests stay. Activate it like any other."""
    from detectors.model import Settings
    from monitor.fitting import TrainingError
    from monitor.model_summary import described
    from monitor.models import ModelFileError, load_model
    from monitor.training import recalibrated

    with usage_errors(ModelFileError):
        model = load_model(file)
    settings = Settings(
        alerts_per_day=alerts_per_day, regions=regions_of(region_alerts), day_alerts_per_10k=day_alerts_per_10k
    )
    with read_samples(facts, terms, settings) as (samples, chosen, tell):
        try:
            other = recalibrated(model, samples, chosen, progress=tell)
        except TrainingError as error:
            fail(str(error))
    write(output, other.to_bytes())
    typer.echo(described(other))
    typer.echo(f"written    {output}")


@app.command(epilog=_TRIALS)
def compare(
    active: Annotated[Path, typer.Argument(help="Model file of today.")],
    candidate: Annotated[Path, typer.Argument(help="Model file of tomorrow.")],
    facts: Annotated[str, typer.Argument(help="Recent facts, as for train.")],
    terms: Terms = None,
) -> None:
    """Score the same facts with two models and show how their alerts differ, before the switch."""
    from detectors.model import Settings
    from monitor.model_comparison import compared
    from monitor.models import ModelFileError, load_model

    with usage_errors(ModelFileError):
        one, other = load_model(active), load_model(candidate)
    if one.version == other.version:
        fail("these are the same model", USAGE)
    with read_samples(facts, terms, Settings()) as (samples, _, _tell):
        lines = compared(one, other, samples)
    for line in lines:
        typer.echo(line)


@app.command(epilog=_QUEUE)
def queue(
    ndjson: Annotated[bool, typer.Option("--ndjson", help="Print the alerts' values, one a line.")] = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Show the standing outlier claims in the order of review, the most worth looking at first.

    Those that the model has put in order by reviewers' dispositions come first (0 to 1, header `review_priority` of the
    alert), then the others by score. Columns: priority, score, settlement, institution, yuan at stake, reasons.
    """
    import sys

    from monitor.review_queue import read_queue

    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, LookupError):
        waiting = asyncio.run(read_queue(connection, prefix))
    with quiet_pipe():
        for one in waiting:
            if ndjson:
                sys.stdout.buffer.write(one.value + b"\n")
                continue
            alert = one.alert
            observed = "" if alert.evidence is None else str(alert.evidence.observed)
            text = "" if alert.vola_cont is None else f"{alert.vola_cont.en} / {alert.vola_cont.zh}"
            columns = (
                one.priority or "-",
                observed,
                alert.about.id,
                alert.fixmedins_code or "-",
                alert.vola_amt or "-",
            )
            typer.echo("  ".join((*columns, text)))
        sys.stdout.buffer.flush()
