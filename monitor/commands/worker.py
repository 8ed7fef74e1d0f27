"""`claims-monitor worker`: judge facts as they come."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.connect import connected
from monitor.commands.errors import FAILED, broker_errors, fail
from monitor.commands.options import BootstrapServers, Data, Group, KafkaConfig, ModelFile, Prefix, Terms
from monitor.worker.supervisor import REFUSED, supervise
from topics.catalogue import DEFAULT_GROUP

app = typer.Typer(help="Judge facts as they come; any number of workers share the partitions.")

DEFAULT_DATA = Path(".data/worker")

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor worker --bootstrap-servers kafka1:9092,kafka2:9092 --data /var/lib/claims-monitor

  claims-monitor worker --kafka-config kafka.properties --terms city.toml --model region.model

  claims-monitor worker --terms 2027/ --adopt   [dim]# all workers of the group stopped: other terms from now on[/dim]

  claims-monitor worker resume claims.facts.v1
"""


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
def worker(
    context: typer.Context,
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
    data: Data = DEFAULT_DATA,
    terms: Terms = None,
    model: ModelFile = None,
    prefix: Prefix = "",
    group: Group = DEFAULT_GROUP,
    host: Annotated[str, typer.Option("--http-host", help="Where metrics and health pages listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--http-port", min=0, max=65_535, help="Their port; 0: a free one.")] = 0,
    advertised: Annotated[
        str | None, typer.Option("--http-name", help="Host name by which other workers reach them.")
    ] = None,
    quarantine_limit: Annotated[
        bool, typer.Option(help="Pause a partition when too many of its records are quarantined.")
    ] = True,
    session_timeout: Annotated[
        float,
        typer.Option(
            min=1, help="Seconds of silence after which other workers take over; within the bounds that brokers set."
        ),
    ] = 10.0,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Judge again, with these terms and this model, what was judged with others."),
    ] = False,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Judge facts as they come. A parent process starts the worker again when it fails.

    Ctrl-C and SIGTERM end it cleanly: work under way is finished. Exit code 78: it refused to start, and why.
    """
    if context.invoked_subcommand is not None:
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("kafka").setLevel(logging.WARNING)  # each connection is worth five lines to it
    if not child:
        command = [sys.executable, "-m", "monitor.cli", *sys.argv[1:], "--child"]
        raise typer.Exit(supervise(command))
    raise typer.Exit(
        _run(
            bootstrap_servers,
            kafka_config,
            data,
            terms,
            model,
            prefix,
            group,
            host,
            port,
            advertised,
            quarantine_limit,
            session_timeout,
            adopt,
        )
    )


def _run(
    bootstrap_servers: str | None,
    kafka_config: Path | None,
    data: Path,
    terms: Path | None,
    model: Path | None,
    prefix: str,
    group: str,
    host: str,
    port: int,
    advertised: str | None,
    quarantine_limit: bool,
    session_timeout: float,
    adopt: bool,
) -> int:
    from detectors.terms import TermsError
    from monitor.app import WorkerSettings, build_worker
    from monitor.connection import Connection, ConnectionFailed
    from monitor.delivery.app import run
    from monitor.delivery.stages import DeliverySettings
    from monitor.garbage import collect_rarely
    from monitor.refusal import Refused
    from monitor.worker.listening import PortTaken

    try:
        settings = WorkerSettings(
            connection=Connection.load(bootstrap_servers, kafka_config),
            data=data,
            group=group,
            prefix=prefix,
            terms=terms,
            model=model,
            host=host,
            port=port,
            quarantine=quarantine_limit,
            advertised=advertised,
            # three heartbeats fit into the timeout, so that one lost on the way does not cost the partitions
            delivery=DeliverySettings(session_timeout_s=session_timeout, heartbeat_interval_s=session_timeout / 3),
            adopt=adopt,
        )
        built, url = build_worker(settings)
    except (Refused, TermsError, ConnectionFailed, PortTaken) as error:
        typer.secho(f"claims-monitor: {error}", fg=typer.colors.RED, err=True)
        return REFUSED
    except KeyboardInterrupt:
        return 0
    logging.getLogger(__name__).info("pages at %s (metrics, health, ready)", url)
    collect_rarely()
    code = run(built)
    return REFUSED if isinstance(built.units.failure or built.crash_reason, Refused) else code


@app.command(epilog="[bold]Example[/bold]  claims-monitor worker resume claims.facts.v1")
def resume(
    topic: Annotated[str, typer.Argument(help="A source topic, such as claims.facts.v1.")],
    data: Data = DEFAULT_DATA,
    prefix: Prefix = "",
    group: Group = DEFAULT_GROUP,
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Let all workers go on with a topic that was paused because too many records were quarantined."""
    from monitor.app import ask_worker, shared_token
    from monitor.worker.owners import members

    connection = connected(bootstrap_servers, kafka_config)
    token = shared_token(data)

    async def ask_all() -> list[int]:
        resumed: list[int] = []
        for url in await members(connection, prefix + group):
            status, answer = await ask_worker(url, f"/internal/resume/{prefix}{topic}", token, method="POST")
            if status == 401:
                fail(f"the worker at {url} has another token; set CLAIMS_MONITOR_TOKEN to the workers' own")
            resumed += answer["resumed"]
        return sorted(resumed)

    partitions = asyncio.run(ask_all())
    if not partitions:
        typer.echo(f"no partition of {topic} was paused")
        return
    typer.echo(f"{topic} goes on: partitions {', '.join(map(str, partitions))}")


@app.command(
    epilog="[bold]Examples[/bold]\n\n  claims-monitor worker rebuild --dry-run\n\n  "
    "claims-monitor worker rebuild --yes --data /var/lib/claims-monitor"
)
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped, and drop nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DEFAULT_DATA,
    prefix: Prefix = "",
    group: Group = DEFAULT_GROUP,
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Drop a group's state, changelogs and offsets: workers judge all facts again from the topics' beginning.

    Refused while workers of the group run. Facts, registry and alerts stay: an alert that is raised again replaces
    itself, one whose facts are gone from the topics stands as it is.
    """
    import shutil

    from kafka.errors import KafkaError

    from monitor.rebuilding import RebuildRefused, carry_out, plan
    from monitor.topic_admin import TopicsError

    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, RebuildRefused, TopicsError, KafkaError):
        found = asyncio.run(plan(connection, prefix, group))
        state = data / "state"
        typer.echo(f"offsets of group {found.group} will be deleted")
        for name, partitions in found.topics.items():
            typer.echo(f"{name} ({partitions} partitions) will be deleted and created with {found.partitions}")
        if state.exists():
            typer.echo(f"{state} will be deleted")
        if dry_run:
            return
        if not yes and not typer.confirm("All facts will be judged again. Go on?"):
            raise typer.Exit(FAILED)
        asyncio.run(carry_out(connection, prefix, group, found, typer.echo))
    shutil.rmtree(state, ignore_errors=True)
    typer.echo("done: start the workers; local state that other machines hold is dropped when they start")
