"""How commands reach a broker: settings read, and somebody found who answers."""

import asyncio
from pathlib import Path

import typer

from monitor.commands.errors import USAGE, fail
from monitor.connection import Connection, ConnectionFailed, wait_for_broker

PATIENCE_S = 10.0


def connected(
    bootstrap_servers: str | None, kafka_config: Path | None, patience: float | None = PATIENCE_S
) -> Connection:
    """The connection, once a broker answers; ends the command with a message when none does in time."""
    try:
        connection = Connection.load(bootstrap_servers, kafka_config)
    except ConnectionFailed as error:
        fail(str(error), USAGE)
    try:
        asyncio.run(wait_for_broker(connection, patience, lambda text: typer.echo(text, err=True)))
    except ConnectionFailed as error:
        fail(str(error))
    return connection
