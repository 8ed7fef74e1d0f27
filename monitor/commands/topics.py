"""`claims-monitor topics`: create the topics, say how they stand, and who needs which rights."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from monitor.commands.connect import connected
from monitor.commands.errors import USAGE, broker_errors, fail
from monitor.commands.options import BootstrapServers, Group, KafkaConfig, Prefix
from topics.catalogue import DEFAULT_GROUP, DEFAULT_PARTITIONS, RecordTime, all_topics

if TYPE_CHECKING:
    from monitor.topic_admin import Standing

app = typer.Typer(no_args_is_help=True, help="Create the topics, say how they stand, and who needs which rights.")

DAY_MS = 86_400_000


@app.command(
    epilog="[bold]Examples[/bold]\n\n  claims-monitor topics create --partitions 16 --replication-factor 3\n\n  "
    "claims-monitor topics create --record-time create --prefix replay."
)
def create(
    record_time: Annotated[
        str, typer.Option(help="append: the broker stamps facts (live); create: producers do (replays, tests).")
    ] = "append",
    partitions: Annotated[int, typer.Option(min=1, help="Of every topic but the registry.")] = DEFAULT_PARTITIONS,
    replication_factor: Annotated[int, typer.Option(min=1, help="Copies of each partition.")] = 1,
    prefix: Prefix = "",
    group: Group = DEFAULT_GROUP,
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Create the topics that do not exist yet; one that differs is reported and nothing is changed."""
    from monitor.topic_admin import TopicsError
    from monitor.topic_admin import create as create_topics

    time: RecordTime
    if record_time == "append":
        time = "append"
    elif record_time == "create":
        time = "create"
    else:
        fail(f"--record-time {record_time!r}: append or create", 2)
    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection, TopicsError):
        made = asyncio.run(
            create_topics(
                connection,
                all_topics(group),
                prefix=prefix,
                record_time=time,
                partitions=partitions,
                replication_factor=replication_factor,
            )
        )
    typer.echo("\n".join(f"created {name}" for name in made) or "all topics exist already")


@app.command("list", epilog="[bold]Example[/bold]  claims-monitor topics list --bootstrap-servers kafka:9092")
def list_topics(
    prefix: Prefix = "",
    group: Group = DEFAULT_GROUP,
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """List the topics, what each carries, and how it stands at the broker."""
    from monitor.topic_admin import describe

    topics = all_topics(group)
    connection = connected(bootstrap_servers, kafka_config)
    with broker_errors(connection):
        standing = asyncio.run(describe(connection, [prefix + topic.name for topic in topics]))
    table = Table(title=f"topics at {connection.bootstrap_servers}", title_justify="left", box=None, pad_edge=False)
    # names and figures stay whole at 80 columns; only what a topic carries, below its name, may be folded
    table.add_column("topic", overflow="fold", min_width=min(44, max(len(prefix + topic.name) for topic in topics)))
    for column in ("parts", "cleanup", "keeps", "time"):
        table.add_column(column, no_wrap=True)
    for topic in topics:
        name = prefix + topic.name
        table.add_row(f"{name}\n[dim]{topic.carries}[/dim]", *_shown(standing.get(name)))
    console = Console()
    console.print(table)
    console.print("keeps: how long records stay\ntime: the broker's clock (append) or the producer's (create)")


def _shown(held: "Standing | None") -> tuple[str, str, str, str]:
    """Partitions, cleanup, retention and record time."""
    if held is None:
        return "[red]missing[/red]", "", "", ""
    cleanup = held.configs.get("cleanup.policy", "?")
    retention = int(held.configs.get("retention.ms", "-1"))
    days = "for ever" if cleanup == "compact" or retention < 0 else f"{retention // DAY_MS} d"
    time = "append" if held.configs.get("message.timestamp.type") == "LogAppendTime" else "create"
    return str(held.partitions), cleanup, days, time


@app.command(
    epilog="[bold]Examples[/bold]\n\n  claims-monitor topics acls worker --principal User:monitor\n\n  "
    "claims-monitor topics acls subscriber --principal User:desk --consumer-group case-desk | sh"
)
def acls(
    role: Annotated[str, typer.Argument(help="producer, worker, subscriber or operator.")],
    principal: Annotated[
        str | None, typer.Option(help="Who gets the rights. [default: User:claims-ROLE]", show_default=False)
    ] = None,
    consumer_group: Annotated[
        str | None, typer.Option(help="Consumer group of a subscriber; `claims-monitor subscribe` uses none.")
    ] = None,
    admin: Annotated[
        str, typer.Option(help="How kafka-acls.sh reaches the brokers.")
    ] = "--bootstrap-server localhost:9092",
    prefix: Prefix = "",
    group: Group = DEFAULT_GROUP,
) -> None:
    """Print the kafka-acls.sh commands that give a role its rights; nothing is changed."""
    from topics.acls import ROLES, acls_of, command_of

    chosen = next((one for one in ROLES if one == role), None)
    if chosen is None:
        fail(f"{role!r}: one of {', '.join(ROLES)}", USAGE)
    if consumer_group is not None and chosen != "subscriber":
        fail("--consumer-group goes with the role subscriber", USAGE)
    who = principal or f"User:claims-{chosen}"
    if not who.partition(":")[2]:
        fail(f"--principal {who!r}: a kind and a name, as User:desk", USAGE)
    for acl in acls_of(chosen, prefix=prefix, group=group, consumers=consumer_group):
        typer.echo(command_of(acl, who, admin))
