"""`claims-monitor page`: the standing alerts in a browser, as they change."""

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.commands.errors import USAGE, fail, usage_errors

if TYPE_CHECKING:
    from monitor.page.feed import AlertFeed
    from monitor.page.server import Page

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor page

  claims-monitor page --port 8080 --bootstrap-servers kafka-1:9092,kafka-2:9092

  claims-monitor page --host 0.0.0.0 --allow-remote --name monitor.example
"""


def page(
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="Kafka brokers, host:port; default: localhost:9092.")
    ] = None,
    kafka_config: Annotated[
        Path | None, typer.Option(help="File with the connection's settings, TOML or .properties.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Prefix of the topics' names.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")] = 8610,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow an address that other machines reach; there is no login.")
    ] = False,
    name: Annotated[
        list[str] | None, typer.Option(help="With --allow-remote: a host name the page is asked by; may be repeated.")
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Folder of the monitor's own data; holds the secret of the pseudonyms.")
    ] = Path(".data"),
    terms: Annotated[Path | None, typer.Option(help="Terms file, or folder of versions, for the rules' names.")] = None,
) -> None:
    """Show the standing alerts in a browser, as they are raised, revised and withdrawn.

    Persons' numbers never leave the process: the page shows pseudonyms, made with the environment variable
    CLAIMS_MONITOR_SECRET or the file `secret` of the data folder (made on first use).
    """
    from detectors.terms import TermsError
    from monitor.chatter import quieten
    from monitor.connection import Connection
    from monitor.connection import ConnectionFailed as BadConnection
    from monitor.page.feed import AlertFeed
    from monitor.page.server import Page, is_loopback
    from monitor.pseudonyms import BadSecret, Pseudonyms, load_secret
    from monitor.terms_files import load_terms
    from topics.catalogue import ALERTS

    logging.basicConfig(level=logging.WARNING, format="claims-monitor: %(message)s")
    quieten()
    # while a broker is away aiokafka says so many times a second; the feed says it once a try
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    remote = not is_loopback(host)
    if remote and not allow_remote:
        fail(
            f"{host} can be reached from other machines and the page has no login; "
            "put it behind a proxy that has one, or pass --allow-remote",
            USAGE,
        )
    with usage_errors(BadConnection, BadSecret, TermsError):
        connection = Connection.load(bootstrap_servers, kafka_config)
        connection.ssl_context()
        titles = {rule: one.title for rule, one in load_terms(terms).versions[-1].rules.items()}
        feed = AlertFeed(connection, prefix + ALERTS, Pseudonyms(load_secret(data)))
    names = frozenset([*(name or ()), socket.gethostname()]) if remote else frozenset[str]()
    shown = Page(feed, titles, remote=remote, names=names)
    if remote:
        _say(f"warning: anyone who reaches {host} can read the page; it has no login", typer.colors.YELLOW)
    try:
        asyncio.run(_run(shown, feed, host=host, port=port))
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port or --host")


async def _run(shown: "Page", feed: "AlertFeed", *, host: str, port: int) -> None:
    from monitor.page.server import serve

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)
    async with serve(shown, feed, host=host, port=port) as url:
        _say(f"The page is at {url}  (Ctrl-C ends it)")
        await ended.wait()


def _say(text: str, colour: str | None = None) -> None:
    typer.secho(text, fg=colour, err=colour is not None)
    sys.stdout.flush()
