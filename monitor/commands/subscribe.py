"""`claims-monitor subscribe`: alerts as they change, printed or forwarded, each once."""

import logging
import os
import signal
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from monitor.chatter import quieten
from monitor.commands.connect import PATIENCE_S, connected
from monitor.commands.errors import USAGE, fail, quiet_pipe, usage_errors
from monitor.commands.options import BootstrapServers, KafkaConfig, Prefix

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.connection import Connection
    from monitor.subscribing.outlets import Outlet
    from monitor.subscribing.shapes import Shape
    from monitor.subscribing.subscriber import Begin, Subscriber
    from topics.client import Wanted

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor subscribe --format text --severity 1 --at-least 10000

  claims-monitor subscribe --standing --rule repeat-visits | jq .about

  claims-monitor subscribe --state desk.state --output alerts.ndjson

  claims-monitor subscribe --state hook.state --webhook https://desk.example/alerts --institution H11010100012

  claims-monitor subscribe --every-change --begin latest --command './notify.sh' --state notify.state
"""

TOKEN_VARIABLE = "CLAIMS_MONITOR_WEBHOOK_TOKEN"  # noqa: S105 - the name of a variable, no secret


def subscribe(
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule; may be repeated.")] = None,
    severity: Annotated[
        list[str] | None,
        typer.Option(help="Only 1 (certain), 2 (highly suspicious) or 3 (suspicious); may be repeated."),
    ] = None,
    institution: Annotated[
        list[str] | None, typer.Option(help="Only this institution (fixmedins_code); may be repeated.")
    ] = None,
    at_least: Annotated[
        str | None, typer.Option(help="Only alerts with at least so many yuan at stake.", show_default=False)
    ] = None,
    standing: Annotated[
        bool, typer.Option("--standing", help="What stands now, by jr_id, and end; nothing is remembered.")
    ] = False,
    every_change: Annotated[
        bool,
        typer.Option("--every-change", help="Every raise, revision and withdrawal; else those that compaction left."),
    ] = False,
    begin: Annotated[str, typer.Option(help="Where a new subscription begins: earliest or latest.")] = "earliest",
    until_end: Annotated[bool, typer.Option("--until-end", help="End at what is the topic's end now.")] = False,
    state: Annotated[
        Path | None, typer.Option(help="File that remembers what was delivered; a later run goes on from there.")
    ] = None,
    shape: Annotated[
        str, typer.Option("--format", help="Lines: alert (its value), event (CloudEvents JSON), text (for people).")
    ] = "alert",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Append to this file.")] = None,
    webhook: Annotated[
        str | None,
        typer.Option(help="Post each change to this URL, persons as pseudonyms; token: $CLAIMS_MONITOR_WEBHOOK_TOKEN."),
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="Run this for each change; the line comes on its standard input.")
    ] = None,
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="Persons as pseudonyms in lines too.")] = False,
    data: Annotated[
        Path, typer.Option(help="Folder of the monitor's own data; holds the secret of the pseudonyms.")
    ] = Path(".data"),
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Print or forward alerts as they are raised, revised and withdrawn; duplicates are dropped.

    You are told of the alerts that you want, and of the end of each that you were told of: withdrawn, or revised so
    that the filter lets it pass no more. With --state nothing is lost over restarts: a file gets each change once, a
    webhook or command at least once (the id is in ce-id or CE_ID).

    Text lines and webhooks show pseudonyms of persons; other lines carry the numbers unless --pseudonyms is given.
    """
    from kafka.errors import KafkaError

    from monitor.pseudonyms import BadSecret, Pseudonyms, load_secret
    from monitor.subscribing.memory import Memory, StateUnusable
    from monitor.subscribing.outlets import NotDelivered
    from monitor.subscribing.shapes import SHAPES, masked
    from monitor.subscribing.subscriber import CannotResume, Subscriber
    from topics.catalogue import ALERTS, ALERTS_LOG
    from topics.client import Wanted

    if shape not in SHAPES:
        fail(f"--format {shape!r}: one of {', '.join(SHAPES)}", USAGE)
    if begin not in {"earliest", "latest"}:
        fail(f"--begin {begin!r}: earliest or latest", USAGE)
    if sum(one is not None for one in (output, webhook, command)) > 1:
        fail("give one of --output, --webhook and --command", USAGE)
    if standing and (state is not None or every_change):
        fail("--standing shows what stands now: it goes with neither --state nor --every-change", USAGE)
    if set(severity or ()) - {"1", "2", "3"}:
        fail("--severity: 1, 2 or 3", USAGE)
    wanted = Wanted(frozenset(rule or ()), frozenset(severity or ()), frozenset(institution or ()), _fen(at_least))
    logging.basicConfig(level=logging.WARNING, format="claims-monitor: %(message)s")
    quieten()
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    connection = connected(bootstrap_servers, kafka_config)
    topic = prefix + (ALERTS_LOG if every_change else ALERTS)
    with usage_errors(BadSecret, StateUnusable, ValueError, NotDelivered):
        names = Pseudonyms(load_secret(data)) if webhook is not None or pseudonyms or shape == "text" else None
        memory = Memory(state, _identity(_cluster(connection), topic, wanted))
        outlet = _outlet(shape, output, webhook, command, memory.length())
    subscriber = Subscriber(
        connection,
        topic,
        wanted,
        memory,
        outlet,
        (lambda change: change) if names is None else (lambda change: masked(change, names)),
        cast("Begin", begin),
    )
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: stop.append(received))
    try:
        with quiet_pipe():
            if standing:
                _print_standing(subscriber, lambda: bool(stop))
            else:
                subscriber.run(lambda: bool(stop), until_end=until_end)
    except (LookupError, CannotResume, NotDelivered) as error:
        fail(str(error))
    except KafkaError as error:
        fail(f"the Kafka broker at {connection.bootstrap_servers} says: {error}")
    finally:
        outlet.close()
        memory.close()


def _print_standing(subscriber: "Subscriber", ended: "Callable[[], bool]") -> None:
    from monitor.subscribing.subscriber import Collected

    collected = Collected()
    replace(subscriber, outlet=collected).run(ended, until_end=True)
    for jr_id in sorted(collected.changes):
        if jr_id in subscriber.memory.told:
            subscriber.outlet.deliver(collected.changes[jr_id])
    subscriber.outlet.flush()


def _fen(yuan: str | None) -> int | None:
    from topics.money import FEN_PLACES, BadNumber, scaled

    if yuan is None:
        return None
    try:
        return scaled(Decimal(yuan), FEN_PLACES)
    except (InvalidOperation, BadNumber):
        fail(f"--at-least {yuan!r}: yuan with at most two decimals", USAGE)


def _cluster(connection: "Connection") -> str:
    import asyncio

    from monitor.connection import wait_for_broker

    return asyncio.run(wait_for_broker(connection, PATIENCE_S))


def _identity(cluster: str, topic: str, wanted: "Wanted") -> str:
    """What a state file belongs to: the same cluster, topic and filter."""
    from hashlib import blake2b

    parts = repr((sorted(wanted.rules), sorted(wanted.severities), sorted(wanted.institutions), wanted.least))
    return f"{topic} of cluster {cluster}, filter {blake2b(parts.encode(), digest_size=4).hexdigest()}"


def _outlet(
    shape: "Shape", output: Path | None, webhook: str | None, command: str | None, length: int | None
) -> "Outlet":
    from monitor.subscribing.outlets import Command, FileOutlet, Printer, Webhook

    if output is not None:
        return FileOutlet(output, shape, length)
    if webhook is not None:
        return Webhook(webhook, os.environ.get(TOKEN_VARIABLE))
    if command is not None:
        return Command(command, shape)
    return Printer(shape)
