"""The Faust app that delivers in batches, and how it is run."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver

from monitor.chatter import quieten
from monitor.connection import Connection
from monitor.delivery import source_topics
from monitor.delivery.consumer import BatchConsumer
from monitor.delivery.stages import DeliverySettings, HandlerFactory, Stage
from monitor.delivery.units import Units, UnitState
from monitor.refusal import Refused

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PartitionStatus:
    """How far a topic partition has come.

    Attributes:
        topic: its topic.
        partition: its number.
        position: next offset to be delivered.
        end: end of the committed records as last seen, None before the first fetch.
        lag: records (and markers) between position and end, None if the end is unknown.
        committed: offset last committed, None if never.
        in_flight: records delivered and not yet acknowledged.
        held: why it is not fetched at the moment, if so.
    """

    topic: str
    partition: int
    position: int
    end: int | None
    lag: int | None
    committed: int | None
    in_flight: int
    held: tuple[str, ...]


@dataclass(frozen=True)
class UnitStatus:
    """State of one unit and of its topic partitions; `stalled_s`: seconds that its work shows no progress."""

    stage: str
    partition: int
    state: UnitState
    paused_topics: tuple[str, ...]
    in_flight: int
    partitions: tuple[PartitionStatus, ...]
    stalled_s: float = 0.0


@dataclass(frozen=True)
class DeliveryStatus:
    """What metrics and health pages show.

    Attributes:
        generation: generation of the consumer group; 0 or less before the first assignment.
        joined: the group has assigned partitions (maybe none) and no rebalance is under way.
        units: those assigned to this process.
    """

    generation: int
    joined: bool
    units: tuple[UnitStatus, ...]

    @property
    def ready(self) -> bool:
        """The process takes part and none of its units is still opening."""
        return self.joined and all(unit.state in (UnitState.READY, UnitState.PAUSED) for unit in self.units)


class PartitionCountChanged(Refused):
    """A source topic was given more partitions while it was read: keys have moved away from their state."""


class BatchSchema(faust.Schema[Any, Any]):
    """Hands the batch through: its records are decoded by the handlers."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> None:  # noqa: ANN401
        """No key: a batch has many."""

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ANN401, ARG002
        """The batch."""
        return message.value


class BatchTransport(driver.Transport):
    """Faust's Kafka transport with the consumer that delivers batches."""

    Consumer = BatchConsumer


class DeliveryApp(faust.App):
    """A Faust app whose agents hand whole batches to units.

    Attributes:
        connection: how brokers are reached.
        delivery_settings: limits and timeouts.
        units: the units of this process.
    """

    logger = logging.getLogger("faust.delivery")  # as in `BatchConsumer`

    def __init__(
        self,
        group: str,
        *,
        connection: Connection,
        stages: Sequence[Stage],
        handler: HandlerFactory,
        delivery_settings: DeliverySettings,
    ) -> None:
        self.connection = connection
        self.delivery_settings = delivery_settings
        self.stages = tuple(stages)
        self.units = Units(
            self.stages,
            handler,
            max_merge_records=delivery_settings.max_merge_records,
            min_at_once=delivery_settings.min_units_at_once,
        )
        self.refused: Refused | None = None
        self._counts: dict[str, int] = {}
        super().__init__(
            group,
            broker=connection.faust_broker(),
            broker_credentials=connection.faust_credentials(),
            broker_client_id=delivery_settings.client_id,
            broker_commit_interval=delivery_settings.commit_interval_s,
            broker_session_timeout=delivery_settings.session_timeout_s,
            broker_heartbeat_interval=delivery_settings.heartbeat_interval_s,
            broker_rebalance_timeout=delivery_settings.rebalance_timeout_s,
            broker_request_timeout=delivery_settings.request_timeout_s,
            # `BatchConsumer.wait_empty` is called at all only with this
            stream_wait_empty=True,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            worker_redirect_stdouts=False,
            store="memory://",
            autodiscover=False,
        )
        for stage in self.stages:
            self._deliver(stage)

    def status(self) -> DeliveryStatus:
        """States, positions and lags of this moment; cheap, and only for the app's own event loop."""
        consumer = self._consumer
        if not isinstance(consumer, BatchConsumer):
            return DeliveryStatus(generation=0, joined=False, units=())
        units = []
        for unit in self.units:
            partitions = tuple(
                _partition_status(consumer, TopicPartition(topic, unit.partition)) for topic in unit.stage.topics
            )
            units.append(
                UnitStatus(
                    unit.stage.name,
                    unit.partition,
                    unit.state,
                    tuple(sorted(unit.paused_topics)),
                    sum(partition.in_flight for partition in partitions),
                    partitions,
                    unit.stalled_s,
                )
            )
        return DeliveryStatus(
            self.consumer_generation_id, not self.rebalancing and self._assignment is not None, tuple(units)
        )

    async def ask_ends(self) -> None:
        """Bring `status` up to date about partitions that are not fetched at the moment."""
        if isinstance(self._consumer, BatchConsumer):
            await self._consumer.ask_ends()

    def check_partition_counts(self, counts: Mapping[str, int]) -> None:
        """Compare with the numbers of partitions at start.

        Raises:
            PartitionCountChanged: one differs.
        """
        for topic, count in counts.items():
            before = self._counts.get(topic, count)
            if count and count != before:
                raise PartitionCountChanged(
                    f"{topic} had {before} partitions and has {count} now: keys are in other partitions than their "
                    "state. Stop all workers, create the source topics anew, play the facts into them, and run "
                    "`claims-monitor worker rebuild`"
                )

    async def on_first_start(self) -> None:
        """Check the source topics; Faust would make a folder for Tables here, and there are none.

        Raises:
            SourceTopicsError: one is missing, or those of a stage are not co-partitioned.
        """
        self._counts = await source_topics.partition_counts(self.connection, self.delivery_settings.client_id)
        try:
            source_topics.check(self.stages, self._counts)
        except Refused as refused:
            self.refused = refused  # Faust keeps no reason of an app that did not start
            raise

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _deliver(self, stage: Stage) -> None:
        units = self.units

        async def deliver(stream: Any) -> None:  # noqa: ANN401 - Faust's stream, untyped
            async for event in stream.noack().events():
                progress, consumer = event.value.progress, self._consumer
                # one of a former assignment, ahead of what is fetched again, would make that look seen already
                if isinstance(consumer, BatchConsumer) and consumer.progress.get(progress.tp) is progress:
                    units.offer(event)

        self.agent(self.topic(*stage.topics, schema=BatchSchema()), name=stage.name)(deliver)


def _partition_status(consumer: BatchConsumer, tp: TopicPartition) -> PartitionStatus:
    progress = consumer.progress.get(tp)
    position = progress.next if progress is not None else 0
    end = consumer.end_seen(tp)
    return PartitionStatus(
        tp.topic,
        tp.partition,
        position,
        end,
        None if end is None else max(0, end - position),
        consumer.committed(tp),
        progress.in_flight if progress is not None else 0,
        tuple(sorted(consumer.holds(tp))),
    )


def build_app(
    *,
    group: str,
    connection: Connection,
    stages: Sequence[Stage],
    handler: HandlerFactory,
    settings: DeliverySettings,
) -> DeliveryApp:
    """Build the app of one worker process.

    Args:
        group: consumer group; workers of the same group share the partitions.
        connection: how brokers are reached.
        stages: what is read; a topic belongs to one stage only.
        handler: makes the handler of a unit from its stage, its partition and its controls.
        settings: limits and timeouts.

    Raises:
        ValueError: a topic stands in two stages.
    """
    topics = [topic for stage in stages for topic in stage.topics]
    twice = sorted({topic for topic in topics if topics.count(topic) > 1})
    if twice:
        raise ValueError(f"topics in more than one stage: {', '.join(twice)}")
    return DeliveryApp(group, connection=connection, stages=stages, handler=handler, delivery_settings=settings)


def run(app: DeliveryApp) -> int:
    """Run a worker in this process until SIGTERM or SIGINT, or until something fails.

    Logging is left as the caller configured it, apart from the chatter of the libraries.

    Returns:
        The exit code: 0 after a signal, 1 after a failure (which has been logged).
    """
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    quieten()
    worker = faust.Worker(app, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.spinner = None  # it writes control characters to standard output
    code = 1
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    failure = app.units.failure or app.crash_reason or app.refused
    if failure is not None:
        log.error("the worker failed: %s", failure)
        return 1
    return code
