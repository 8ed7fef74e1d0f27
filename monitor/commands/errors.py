"""How commands end: errors in one line that says what to do, and their exit codes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

from monitor.connection import Connection

FAILED: Final = 1
USAGE: Final = 2


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print an error and end with an exit code."""
    typer.secho(f"claims-monitor: {message}", fg=typer.colors.RED, err=True)
    raise typer.Exit(code)


@contextmanager
def usage_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors about what the user gave into a message and exit code 2."""
    try:
        yield
    except kinds as error:
        fail(str(error), USAGE)


@contextmanager
def broker_errors(connection: Connection, *kinds: type[Exception]) -> Iterator[None]:
    """Turn what a broker refuses, and errors of the kinds given, into a message and exit code 1."""
    from aiokafka.errors import KafkaError

    try:
        yield
    except kinds as error:
        fail(str(error))
    except KafkaError as error:
        fail(f"the Kafka broker at {connection.bootstrap_servers} says: {error}")


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """End without a fuss when the reader of standard output went away (`| head`)."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(0) from None
