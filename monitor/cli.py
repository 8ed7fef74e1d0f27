"""The command line `claims-monitor`: every command hangs here; each lives in `monitor/commands/`."""

from importlib import metadata
from typing import Annotated

import typer

from monitor.commands import (
    alerts,
    backtest,
    broker,
    contract,
    demo,
    dlq,
    doctor,
    drill,
    import_facts,
    models,
    page,
    play,
    registry,
    rules,
    simulate,
    subscribe,
    topics,
    train,
    worker,
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals may hold persons' numbers
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Watches medical-insurance settlements as they happen and says what to look at, with reasons.",
    epilog="[bold]Start here[/bold]  claims-monitor demo",
)

app.command(epilog=demo.EXAMPLES)(demo.demo)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
app.command(epilog=drill.EXAMPLES)(drill.drill)
app.command(epilog=backtest.EXAMPLES)(backtest.backtest)
app.command(epilog=simulate.EXAMPLES)(simulate.simulate)
app.command(epilog=page.EXAMPLES)(page.page)
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=play.EXAMPLES)(play.play)
app.command(epilog=alerts.EXAMPLES)(alerts.alerts)
app.command(epilog=subscribe.EXAMPLES)(subscribe.subscribe)
app.add_typer(import_facts.app, name="import")
app.add_typer(worker.app, name="worker")
app.add_typer(registry.app, name="registry")
app.add_typer(models.app, name="models")
app.add_typer(dlq.app, name="dlq")
app.add_typer(rules.app, name="rules")
app.add_typer(topics.app, name="topics")
app.add_typer(contract.app, name="contract")
app.add_typer(broker.app, name="broker")


def _version(show: bool) -> None:
    if show:
        typer.echo(metadata.version("claims-monitor"))
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Root of the command line."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
