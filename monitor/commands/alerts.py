"""`claims-monitor alerts`: the standing alerts, as backtest prints them."""

import asyncio
import sys
from typing import Annotated

import typer

from monitor.commands.connect import connected
from monitor.commands.errors import fail, quiet_pipe
from monitor.commands.options import BootstrapServers, KafkaConfig, Prefix

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor alerts | jq -r .rule_id | sort | uniq -c

  claims-monitor alerts --follow --bootstrap-servers kafka:9092
"""


def alerts(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with every change as it comes.")] = False,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Print the standing alerts, one a line, by jr_id: the same bytes as backtest of the same facts.

    Only what is committed is read. With --follow every raise, revision and withdrawal comes after them.
    """
    from monitor.connection import Connection
    from monitor.standing_alerts import AlertsReader
    from topics.catalogue import ALERTS

    async def run(connection: Connection) -> None:
        reader = AlertsReader(connection, prefix + ALERTS)
        await reader.start()
        try:
            await reader.read_to_end()
            for jr_id in sorted(reader.standing):
                sys.stdout.buffer.write(reader.standing[jr_id] + b"\n")
            sys.stdout.buffer.flush()
            if follow:
                async for value in reader.follow():
                    sys.stdout.buffer.write(value + b"\n")
                    sys.stdout.buffer.flush()
        finally:
            await reader.stop()

    connection = connected(bootstrap_servers, kafka_config)
    with quiet_pipe():
        try:
            asyncio.run(run(connection))
        except LookupError as error:
            fail(str(error))
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
