"""The one place that wires a worker: connection, topics, terms, model, engine, units, pages."""

import asyncio
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from detectors.model_set import ModelSet
from monitor import clock
from monitor.connection import Connection, wait_for_broker
from monitor.delivery.app import DeliveryApp
from monitor.delivery.source_topics import partition_counts
from monitor.delivery.stages import DeliverySettings, Stage, UnitControl
from monitor.engine import Engine
from monitor.metrics import Metrics
from monitor.models import ModelFileError, load_models
from monitor.outgoing import Targets
from monitor.refusal import Refused
from monitor.scoring import ForestScorer
from monitor.tasks import spawn
from monitor.terms_files import load_terms
from monitor.topic_admin import describe
from monitor.topic_ids import topic_ids
from monitor.watched import Watched
from monitor.worker.agreement import Agreement
from monitor.worker.failures import Failures
from monitor.worker.institutions import Institutions
from monitor.worker.joining import check_group
from monitor.worker.lost_state import refuse_lost_state
from monitor.worker.owners import client_id, owner_url
from monitor.worker.pages import Pages
from monitor.worker.ports import live as live_ports
from monitor.worker.quarantine import Limits
from monitor.worker.recovery import Recovery
from monitor.worker.registry_feed import RegistryFeed
from monitor.worker.sources import Sources, rebuild_command
from monitor.worker.supervisor import restarts
from monitor.worker.ticker import Ticker
from monitor.worker.unit import Unit, UnitContext
from topics.catalogue import (
    ALERTS,
    ALERTS_LOG,
    CLAIMS,
    DEFAULT_GROUP,
    INSTITUTIONS,
    MODELS,
    REGISTRY,
    all_topics,
    contributions,
    key_changelog,
    person_changelog,
)

log = logging.getLogger(__name__)

PERSONS: Final = "persons"
KEYS: Final = "keys"
TOKEN_VARIABLE: Final = "CLAIMS_MONITOR_TOKEN"  # noqa: S105 - a name, not a secret


class StartRefused(Refused):
    """The worker must not start like this; a restart would not help. The message says what to do."""


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is told.

    Attributes:
        connection: how brokers are reached.
        data: folder of local state, token and secret.
        group: workers of one group and prefix share the partitions.
        prefix: of topic names.
        terms: terms file or folder; None: built in.
        model: model file or folder, beside the models of the topic; None: those alone.
        host: where the pages listen.
        port: of the pages; 0: a free one.
        quarantine: whether too many quarantined records pause a partition.
        tick_seconds: how often ticks are produced into live topics.
        delivery: limits and timeouts.
        advertised: host name by which other workers reach this one's pages; None: `host`.
        adopt: judge again what was judged with other terms or another model; refused while such workers run.
    """

    connection: Connection
    data: Path
    group: str
    prefix: str = ""
    terms: Path | None = None
    model: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    quarantine: bool = True
    tick_seconds: float = 5.0
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    advertised: str | None = None
    adopt: bool = False

    @property
    def consumer_group(self) -> str:
        """The consumer group: workers of another prefix read other topics and take no part in it."""
        return self.prefix + self.group


def shared_token(data: Path) -> str:
    """The workers' shared secret: from the environment, else from a file of the data folder, made on first use."""
    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return given
    file = data / "token"
    if not file.exists():
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(16))
    return file.read_text(encoding="ascii").strip()


class WorkerApp(DeliveryApp):
    """The delivery with everything around it: registry, pages and ticks start before the first partition."""

    def __init__(self, settings: WorkerSettings, parts: "Parts", **delivery: Any) -> None:  # noqa: ANN401 - see the base class
        self._settings = settings
        self._parts = parts
        self._runner: web.AppRunner | None = None
        super().__init__(settings.consumer_group, **delivery)

    async def on_first_start(self) -> None:
        """Start what the units need."""
        await super().on_first_start()
        parts = self._parts
        parts.feed = RegistryFeed(
            self._settings.connection,
            self._settings.prefix + REGISTRY,
            self._settings.prefix + MODELS,
            parts.engine,
            on_failure=self.fail,
            on_bad=lambda why: parts.metrics.quarantined.labels(REGISTRY, why.reason).inc(),
            rebuild=rebuild_command(self._settings.prefix, self._settings.group),
        )
        await parts.feed.start()
        pages = Pages(self, parts.units, parts.recoveries, parts.metrics, parts.token, parts.partitions, self._owner)
        self._runner = web.AppRunner(pages.application(), access_log=None)
        await self._runner.setup()
        await web.SockSite(self._runner, parts.socket).start()
        await parts.ticker.start(self)

    async def on_shutdown(self) -> None:
        """Stop it again."""
        await self._parts.ticker.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._parts.feed is not None:
            await self._parts.feed.stop()
        await super().on_shutdown()

    def fail(self, error: BaseException) -> None:
        """End the process: work in the background failed."""
        self.units.failure = self.units.failure or error
        spawn(self.crash(error), "crash after failed work in the background")

    async def _owner(self, stage: str, partition: int) -> str | None:
        topic = next(each.topics[0] for each in self.stages if each.name == stage)
        return await owner_url(self._settings.connection, self._settings.consumer_group, topic, partition)


@dataclass
class Parts:
    """What a worker is made of, apart from the delivery."""

    engine: Engine
    metrics: Metrics
    units: dict[tuple[str, int], Unit]
    token: str
    partitions: int
    socket: Any
    ticker: Ticker
    recoveries: dict[tuple[str, int], Recovery] = field(default_factory=dict)
    feed: RegistryFeed | None = None


@dataclass(frozen=True)
class Standing:
    """What the broker says of itself and of the topics.

    Attributes:
        cluster: id of the cluster.
        counts: partitions by topic.
        live: source topics that the broker stamps: they need ticks.
        ids: identity of each of the worker's topics.
    """

    cluster: str
    counts: dict[str, int]
    live: frozenset[str]
    ids: dict[str, str]


async def prepare(settings: WorkerSettings) -> Standing:
    """Ask the broker how things stand.

    Raises:
        StartRefused: topics are missing, or differ in their number of partitions.
    """
    cluster = await wait_for_broker(settings.connection, None, log.warning)
    counts = await partition_counts(settings.connection, settings.delivery.client_id)
    prefix = settings.prefix
    missing = [prefix + topic.name for topic in all_topics(settings.group) if prefix + topic.name not in counts]
    if missing:
        raise StartRefused(
            f"these topics do not exist: {', '.join(missing)}. Create them with `claims-monitor topics create"
            f"{f' --prefix {prefix}' if prefix else ''}"
            f"{f' --group {settings.group}' if settings.group != DEFAULT_GROUP else ''}`"
        )
    sources = [prefix + CLAIMS, prefix + INSTITUTIONS]
    inner = [prefix + name(settings.group) for name in (contributions, person_changelog, key_changelog)]
    if len({counts[name] for name in (*sources, *inner)}) > 1:
        listed = ", ".join(f"{name} has {counts[name]}" for name in (*sources, *inner))
        raise StartRefused(
            f"these topics must have the same number of partitions: {listed}. Keys stay with their state only while "
            "the number does not change: create the topics anew under another --prefix and play the facts into them, "
            "or, if the source topics were created anew and filled again, make the internal ones fit with "
            f"`{rebuild_command(prefix, settings.group)}`"
        )
    standing = await describe(settings.connection, sources)
    live = frozenset(
        name for name, topic in standing.items() if topic.configs.get("message.timestamp.type") == "LogAppendTime"
    )
    ids = await topic_ids(settings.connection, [*sources, *inner])
    return Standing(cluster, counts, live, ids)


def _models(path: Path | None) -> ModelSet:
    """The models of a file or folder; none, with a word in the log, where they cannot be used: other rules go on."""
    try:
        return load_models(path)
    except ModelFileError as error:
        log.error("%s. Nothing is scored by it; the other rules go on", error)  # noqa: TRY400 - it says all
        return ModelSet()


def build_worker(settings: WorkerSettings) -> tuple[WorkerApp, str]:
    """Wire a worker; gives the app and the address of its pages.

    Raises:
        StartRefused: topics, state or terms do not allow it.
        AgreementError: the group judges with other terms or another model.
        TermsError: the terms cannot be used.
        ConnectionFailed: connection settings cannot be used.
    """
    from monitor.worker.listening import listen

    terms = load_terms(settings.terms)
    scorer = ForestScorer(_models(settings.model))
    default = scorer.models.default
    agreement = Agreement.of(terms, None if default is None else default.version)
    standing = asyncio.run(prepare(settings))
    counts = standing.counts
    asyncio.run(
        check_group(settings.connection, settings.consumer_group, agreement, settings.delivery.session_timeout_s)
    )
    prefix, group = settings.prefix, settings.group
    partitions = counts[prefix + CLAIMS]
    names = {name: prefix + name(group) for name in (contributions, person_changelog, key_changelog)}
    engine = Engine(terms, partitions, contributions(group), scorer)
    metrics = Metrics()
    metrics.watch_models(scorer, clock.now_s)
    metrics.partitions.set(2 * partitions)
    metrics.terms.info({"terms_id": terms.set_id})
    metrics.restarts.inc(restarts())
    failures = Failures(settings.data / "transactions-failed")
    for stage_name in (PERSONS, KEYS):
        metrics.transactions_failed.labels(stage_name).inc(failures.count(stage_name))
    institutions = Institutions(engine.registry, terms.general)
    metrics.watch(Watched(metrics.standing, institutions))
    metrics.watch_disk(settings.data)
    units: dict[tuple[str, int], Unit] = {}
    socket, url = listen(settings.host, settings.port, settings.advertised)
    ticker = Ticker(settings.connection, standing.live, settings.tick_seconds)
    parts = Parts(engine, metrics, units, shared_token(settings.data), partitions, socket, ticker)

    def targets(changelog: str) -> Targets:
        return Targets(
            alerts=prefix + ALERTS,
            log=prefix + ALERTS_LOG,
            contributions=names[contributions],
            changelog=changelog,
            partitions=counts,
            source=f"/claims-monitor/{group}",
            prefix=prefix,
        )

    stages = (
        Stage(PERSONS, (prefix + CLAIMS,)),
        Stage(KEYS, (names[contributions], prefix + INSTITUTIONS)),
    )
    judges: Mapping[str, Any] = {PERSONS: engine.persons, KEYS: engine.keys}

    changelogs = {PERSONS: names[person_changelog], KEYS: names[key_changelog]}
    identities = {stage: f"{standing.cluster}/{standing.ids[name]}" for stage, name in changelogs.items()}
    sources = Sources(prefix, standing.ids, partitions, rebuild_command(prefix, group))
    general = terms.general
    limits = Limits(general.quarantine_window, int(general.quarantine_share) if settings.quarantine else None)

    def handler(stage: Stage, partition: int, control: UnitControl) -> Unit:
        if parts.feed is None:
            raise RuntimeError("units are made after the start")
        context = UnitContext(
            ports=live_ports(settings.connection, settings.consumer_group),
            group=settings.consumer_group,
            data=settings.data,
            targets={stage: targets(name) for stage, name in changelogs.items()},
            judges=judges,
            registry=parts.feed,
            metrics=metrics,
            changelogs=identities,
            prefix=prefix,
            agreement=agreement,
            adopt=settings.adopt,
            sources=sources,
            check_lost=lambda unknown: refuse_lost_state(
                settings.connection, settings.consumer_group, unknown, sources.rebuild
            ),
            limits=limits,
            units=units,
            recoveries=parts.recoveries,
            institutions=institutions,
            failures=failures,
        )
        return Unit(context, stage, partition, control)

    delivery = replace(settings.delivery, client_id=client_id(url, agreement))
    app = WorkerApp(
        settings, parts, connection=settings.connection, stages=stages, handler=handler, delivery_settings=delivery
    )
    return app, url


async def ask_worker(url: str, path: str, token: str, *, method: str = "GET") -> tuple[int, Any]:
    """Ask a worker's internal endpoint; gives status and JSON."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
        session.request(method, url + path, headers={"Authorization": f"Bearer {token}"}) as response,
    ):
        return response.status, await response.json()
