"""`claims-monitor drill`: a real fault for every alerting rule, until each is seen to fire."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.errors import FAILED, fail

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor drill

  claims-monitor drill --within 600 --lang zh

  claims-monitor drill --picture drill.svg
"""


def drill(
    within: Annotated[int, typer.Option(min=1, help="Seconds in which every rule must have fired.")] = 600,
    lang: Annotated[str | None, typer.Option(help="zh or en. [default: by the locale]")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write the table at the end as an SVG.", dir_okay=False)] = None,
) -> None:
    """Make a real fault for each of Prometheus's alerting rules, and see each fire and reach Alertmanager.

    Starts a broker, workers, Prometheus and Alertmanager of its own (the last two found on PATH), and leaves nothing
    behind; your own set-up is not touched. The rules are those of production, only their waiting times are shorter.
    Exit code 1: a rule did not fire.
    """
    from monitor.broker.jars import JarsError
    from monitor.broker.server import BrokerError
    from monitor.demo.watchers import WatchersMissing
    from monitor.drill.run import DrillSettings, run_drill

    try:
        missed = run_drill(DrillSettings(within=within, lang=lang, picture=picture))
    except (BrokerError, JarsError, WatchersMissing) as error:
        fail(str(error))
    if missed:
        fail(f"these rules did not fire: {', '.join(case.name for case in missed)}", FAILED)
