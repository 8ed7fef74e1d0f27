"""`claims-monitor broker`: the embedded Kafka broker."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from monitor.broker.jars import JarsError
from monitor.broker.running import running
from monitor.broker.running import stop as stop_broker
from monitor.broker.server import DEFAULT_DATA, HEAP, BrokerError, EmbeddedBroker
from monitor.commands.errors import fail

app = typer.Typer(no_args_is_help=True, help="A real Apache Kafka from packages: no Docker, no JDK.")

NOT_RUNNING = 3
STOPPED = {-signal.SIGTERM, 128 + signal.SIGTERM}
"""Exit codes of a broker that somebody else stopped, `broker stop` for one."""

BrokerData = Annotated[Path, typer.Option("--data", help="The broker's folder; what was written stays there.")]


@app.command(
    epilog="[bold]Examples[/bold]\n\n  claims-monitor broker start\n\n  "
    "claims-monitor broker start --port 9092 --data /srv/kafka --detach"
)
def start(
    port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="Port to take requests at; 0: the one it had, else a free one."),
    ] = 0,
    data: BrokerData = DEFAULT_DATA,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background.")] = False,
    heap: Annotated[str, typer.Option(help="Most memory for the Java heap.")] = HEAP,
) -> None:
    """Start the broker; it stops with this command (Ctrl-C), or runs on with --detach.

    The first start downloads Apache Kafka (44 MB) from Maven Central. Without a network, set
    CLAIMS_MONITOR_KAFKA_JARS to a folder that holds its jars.
    """

    def tell(text: str) -> None:
        typer.echo(f"{text} ...", err=True)

    broker = EmbeddedBroker(data, port, detach=detach, heap=heap, on_progress=tell)

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # Ctrl-C too: a shell that started this in the background has it ignored
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        broker.start()
        typer.echo(f"ready: {broker.bootstrap_servers}")
        if detach:
            return
        code = broker.wait()
    except (BrokerError, JarsError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        broker.stop()
        return
    if code in STOPPED:
        typer.echo("stopped")
    elif code != 0:
        fail(f"the broker ended with exit code {code}; the end of its log:\n{broker.log_tail()}")


@app.command(epilog="[bold]Example[/bold]  claims-monitor broker stop --data /srv/kafka")
def stop(data: BrokerData = DEFAULT_DATA) -> None:
    """Stop the broker that runs with a data folder."""
    typer.echo("stopped" if stop_broker(data) else f"no broker runs with the data folder {data}")


@app.command(epilog="[bold]Example[/bold]  claims-monitor broker status || claims-monitor broker start --detach")
def status(data: BrokerData = DEFAULT_DATA) -> None:
    """Say whether a broker runs with a data folder, and where; exit code 3 when none does."""
    found = running(data)
    if found is None:
        typer.echo(f"no broker runs with the data folder {data}")
        raise typer.Exit(NOT_RUNNING)
    typer.echo(f"{'running' if found.ready else 'starting'}: {found.bootstrap_servers} (process {found.pid})")
