"""`claims-monitor simulate`: a believable region with planted violations, into a file or into Kafka."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from monitor import clock
from monitor.commands.connect import connected
from monitor.commands.errors import USAGE, fail, quiet_pipe, usage_errors
from monitor.commands.options import BootstrapServers, KafkaConfig, Prefix
from monitor.connection import Connection
from monitor.ndjson import written_lines
from monitor.simulator import PLANTABLE, PRESETS, Label, SimulationConfig, ending_at, preset
from monitor.simulator import simulate as simulation_of
from topics.times import DAY, UTC_OFFSET, BadTime, format_day, parse_day

_PANEL_SIZE: Final = "Size and time"
_PANEL_PLANTS: Final = "Plants and labels"
_PANEL_KAFKA: Final = "Into Kafka"
_FLUSH_EVERY: Final = 2_000
"""Objects a write and a step of the progress bar."""

EXAMPLES = """\
[bold]Examples[/bold]

  claims-monitor simulate -o facts.ndjson.zst --labels labels.ndjson

  claims-monitor simulate --preset region --clean --days 30 -o clean.ndjson.gz

  claims-monitor simulate --plant hang-bed=20 --plant cost-spike=0 -o facts.ndjson

  claims-monitor simulate --ending-now --into-kafka --rate 500
"""


def simulate(
    preset_name: Annotated[
        str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.", rich_help_panel=_PANEL_SIZE)
    ] = "small",
    institutions: Annotated[
        int | None, typer.Option(min=10, help="Ordinary institutions.", rich_help_panel=_PANEL_SIZE)
    ] = None,
    persons: Annotated[int | None, typer.Option(min=1, help="Ordinary persons.", rich_help_panel=_PANEL_SIZE)] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Length of the span, days.", rich_help_panel=_PANEL_SIZE)
    ] = None,
    begin: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="First day.", rich_help_panel=_PANEL_SIZE)
    ] = None,
    ending_now: Annotated[
        bool, typer.Option("--ending-now", help="Let the span end now instead.", rich_help_panel=_PANEL_SIZE)
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same facts, to the byte.", rich_help_panel=_PANEL_SIZE)
    ] = 0,
    clean: Annotated[
        bool, typer.Option("--clean", help="Plant no violation at all.", rich_help_panel=_PANEL_PLANTS)
    ] = False,
    plant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE=N",
            help="How often to plant a rule; may be repeated. Rules: " + ", ".join(PLANTABLE) + ".",
            rich_help_panel=_PANEL_PLANTS,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Write every finding the plants entail, one a line.", rich_help_panel=_PANEL_PLANTS),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="NDJSON file (plain, .gz or .zst); without it standard output."),
    ] = None,
    into_kafka: Annotated[
        bool, typer.Option("--into-kafka", help="Produce into Kafka instead of a file.", rich_help_panel=_PANEL_KAFKA)
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Facts a second at most, with --into-kafka.", rich_help_panel=_PANEL_KAFKA),
    ] = None,
    prefix: Prefix = "",
    bootstrap_servers: BootstrapServers = None,
    kafka_config: KafkaConfig = None,
) -> None:
    """Simulate a region: institutions, persons, visits and stays, with planted violations and their labels."""
    if into_kafka and output is not None:
        fail("give either --output or --into-kafka, not both", USAGE)
    if rate is not None and not into_kafka:
        fail("--rate goes with --into-kafka", USAGE)
    if begin is not None and ending_now:
        fail("give either --begin or --ending-now, not both", USAGE)
    with usage_errors(ValueError):
        config = preset(preset_name)
        config = _sized(config, institutions, persons, days, begin)
        asked = planted(plant or ())
        config = dataclasses.replace(config, clean=clean, plants={**config.plants, **asked})
        if ending_now:
            config = ending_at(config, int(clock.now_s()) + UTC_OFFSET)
        simulation = simulation_of(config, seed)
    for rule, reason in simulation.skipped.items():
        if asked.get(rule):
            fail(reason, USAGE)
        typer.secho(f"not planted: {reason}", fg=typer.colors.YELLOW, err=True)
    facts = (fact for _, fact in simulation)
    try:
        if labels is not None:
            write_labels(labels, simulation.labels)
        if not into_kafka:
            with quiet_pipe(), written_lines(output) as file:
                _write(facts, file, config)
            return
    except OSError as error:
        fail(f"{error.filename or output or 'standard output'}: {error.strerror}")
    _produce(facts, connected(bootstrap_servers, kafka_config), prefix, rate, config)


def planted(plants: Iterable[str]) -> dict[str, int]:
    """Read `RULE=N` texts.

    Raises:
        ValueError: not of that form, or no such rule can be planted.
    """
    found = {}
    for text in plants:
        rule, _, count = text.partition("=")
        if not count.isascii() or not count.isdigit():
            raise ValueError(f"--plant {text}: give RULE=N, such as hang-bed=3")
        if rule not in PLANTABLE:
            raise ValueError(f"--plant {text}: {rule!r} cannot be planted; these can: {', '.join(PLANTABLE)}")
        found[rule] = int(count)
    return found


def write_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write labels as NDJSON, in their order."""
    with path.open("wb") as file:
        for label in labels:
            file.write(msgspec.json.encode(label.to_wire()) + b"\n")


def _sized(
    config: SimulationConfig, institutions: int | None, persons: int | None, days: int | None, begin: str | None
) -> SimulationConfig:
    given: dict[str, Any] = {"institutions": institutions, "persons": persons, "days": days}
    if begin is not None:
        try:
            given["begin"] = parse_day(begin)
        except BadTime as error:
            raise ValueError(f"--begin: {error}") from None
    return dataclasses.replace(config, **{name: value for name, value in given.items() if value is not None})


def _write(facts: Iterable[Mapping[str, Any]], file: BinaryIO, config: SimulationConfig) -> None:
    encode = msgspec.json.Encoder().encode
    lines: list[bytes] = []
    with _progress(config) as advance:
        for fact in facts:
            lines.append(encode(fact))
            if len(lines) >= _FLUSH_EVERY:
                file.write(b"\n".join(lines) + b"\n")
                advance(len(lines), str(fact["_recv"]))
                lines.clear()
        if lines:
            file.write(b"\n".join(lines) + b"\n")


@contextmanager
def _progress(config: SimulationConfig) -> Iterator[Any]:
    """A bar over the simulated days on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[written]:,} facts"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(format_day(config.begin), total=config.end // DAY - config.begin + 1, written=0)
        written = 0

        def advance(count: int, received: str) -> None:
            nonlocal written
            written += count
            day = received[:10]
            bar.update(task, description=day, completed=parse_day(day) - config.begin, written=written)

        yield advance


def _produce(
    facts: Iterable[Mapping[str, Any]],
    connection: Connection,
    prefix: str,
    rate: float | None,
    config: SimulationConfig,
) -> None:
    from monitor.player import Played, PlayError, play_lines

    received = format_day(config.begin)

    def lines() -> Iterator[bytes]:
        nonlocal received
        encode = msgspec.json.Encoder().encode
        for fact in facts:
            received = str(fact["_recv"])
            yield encode(fact)

    with _progress(config) as advance:
        before = 0

        def show(played: Played) -> None:
            nonlocal before
            advance(played.facts - before, received)
            before = played.facts

        try:
            played = play_lines(lines(), connection, prefix=prefix, rate=rate, on_progress=show)
        except PlayError as error:
            fail(str(error))
    typer.echo(f"{played.facts} facts and {played.ticks} ticks written", err=True)
