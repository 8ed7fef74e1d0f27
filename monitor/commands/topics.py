"""`claims-monitor topics`: create the topics, and say how they stand."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from monitor.commands.connect import connected
from monitor.commands.errors import fail
from monitor.commands.options import BootstrapServers, Group, KafkaConfig, Prefix
from topics.catalogue import DEFAULT_GROUP, DEFAULT_PARTITIONS, RecordTime, all_topics

app = typer.Typer(no_args_is_help=True, help="Create the topics, and say how they stand.")


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
    try:
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
    except TopicsError as error:
        fail(str(error))
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
    standing = asyncio.run(describe(connection, [prefix + topic.name for topic in topics]))
    table = Table(title=f"topics at {connection.bootstrap_servers}")
    for column in ("topic", "kind", "key", "partitions", "cleanup", "retention", "record time", "carries"):
        table.add_column(column)
    for topic in topics:
        held = standing.get(prefix + topic.name)
        if held is None:
            table.add_row(prefix + topic.name, topic.kind, topic.key, "[red]missing[/red]", "", "", "", topic.carries)
            continue
        retention = int(held.configs.get("retention.ms", "-1"))
        days = "-" if topic.cleanup == "compact" else "unlimited" if retention < 0 else f"{retention // 86_400_000} d"
        table.add_row(
            prefix + topic.name,
            topic.kind,
            topic.key,
            str(held.partitions),
            held.configs.get("cleanup.policy", "?"),
            days,
            held.configs.get("message.timestamp.type", "?"),
            topic.carries,
        )
    Console().print(table)
