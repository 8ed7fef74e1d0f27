"""`claims-monitor demo`: everything at once, on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.errors import fail

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor demo

  claims-monitor demo --seconds 60

  claims-monitor demo --facts facts.ndjson.gz

  claims-monitor demo --with-prometheus
"""


def demo(
    seconds: Annotated[
        int | None, typer.Option(min=10, help="End by itself after so many seconds. [default: until Ctrl-C]")
    ] = None,
    facts: Annotated[Path | None, typer.Option(help="Play this file instead of a simulation.", exists=True)] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the live page; a free one if taken.")] = 8610,
    lang: Annotated[str | None, typer.Option(help="zh or en. [default: by the locale]")] = None,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 0,
    with_prometheus: Annotated[
        bool,
        typer.Option("--with-prometheus", help="Start Prometheus and Alertmanager (found on PATH) with the rules too."),
    ] = False,
) -> None:
    """Start a broker, a worker and a simulator, and watch: a screen here, a live page in the browser.

    Needs no Docker, no JDK and no server; leaves nothing behind. Planted violations are counted as they are caught.
    """
    from monitor.broker.jars import JarsError
    from monitor.broker.server import BrokerError
    from monitor.demo.run import DemoSettings, run_demo
    from monitor.demo.watchers import WatchersMissing

    try:
        run_demo(
            DemoSettings(seconds=seconds, facts=facts, port=port, lang=lang, seed=seed, with_prometheus=with_prometheus)
        )
    except (BrokerError, JarsError, WatchersMissing) as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
