"""What the delivery needs from its user: the stages, their handlers and the settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiokafka.structs import ConsumerRecord

Record = ConsumerRecord[bytes | None, bytes | None]


@dataclass(frozen=True)
class Stage:
    """Source topics that are read together.

    Attributes:
        name: shown in states, metrics and logs.
        topics: co-partitioned topics; unit p is given partition p of every one of them.
    """

    name: str
    topics: tuple[str, ...]


class UnitControl(Protocol):
    """What a handler may ask of its unit."""

    @property
    def stage(self) -> Stage:
        """The stage that the unit belongs to."""

    @property
    def partition(self) -> int:
        """The partition of every topic of the stage."""

    @property
    def generation(self) -> int:
        """Generation of the consumer group in which the unit was assigned."""

    def progress(self) -> None:
        """Tell that long work goes on, such as opening; without any the unit counts as stuck after a while."""

    def pause(self, topic: str) -> None:
        """Take no more records of this topic until `resume`; nothing is lost and the position is kept.

        Records already fetched wait. The pause ends with the unit: after a rebalance the new unit starts unpaused.

        Raises:
            ValueError: the topic is none of the stage's.
        """

    def resume(self, topic: str) -> None:
        """Go on with a paused topic.

        Raises:
            ValueError: the topic is none of the stage's.
        """


class UnitHandler(Protocol):
    """The work of one (stage, partition). A new one is made for every assignment; calls never overlap."""

    async def open(self) -> None:
        """Get ready: fence former owners, recover state. May take minutes; records come after it has returned.

        It is cancelled when the partition is revoked meanwhile; `close` follows.
        """

    async def handle(self, batches: Mapping[str, list[Record]]) -> None:
        """Work on the records that waited, per topic in offset order.

        When it returns, all of them count as done and their offsets will be committed. When it raises, none of them
        does, and the process ends.
        """

    async def close(self) -> None:
        """Let go: the partition is revoked or the process stops; work under way was finished and acknowledged."""


HandlerFactory = Callable[[Stage, int, UnitControl], UnitHandler]


@dataclass(frozen=True)
class DeliverySettings:
    """Limits and timeouts of the delivery.

    Attributes:
        client_id: client id of every connection; `describe consumer groups` shows it for each member.
        max_batch_records: most records of one Faust event.
        max_merge_records: a call of `handle` takes waiting batches until it holds this many records or more.
        min_units_at_once: so many units at least may work at the same time; of many units a quarter.
        max_fetch_records: most records taken from the fetch buffers at once.
        max_in_flight_records: most records of one topic partition that are delivered and not yet acknowledged.
        fetch_max_wait_ms: how long the broker may hold a fetch that finds nothing.
        commit_interval_s: seconds between commits of offsets.
        session_timeout_s: seconds without a heartbeat after which the group gives the partitions to others.
        heartbeat_interval_s: seconds between heartbeats.
        rebalance_timeout_s: seconds the group waits for members to finish their work when it rebalances.
        max_poll_interval_s: seconds after which a member whose main loop is stuck leaves the group.
        request_timeout_s: seconds until a request to a broker counts as failed.
    """

    client_id: str = "claims-monitor"
    max_batch_records: int = 2_000
    max_merge_records: int = 4_000
    min_units_at_once: int = 2
    max_fetch_records: int = 8_000
    max_in_flight_records: int = 20_000
    fetch_max_wait_ms: int = 10
    commit_interval_s: float = 1.0
    session_timeout_s: float = 10.0
    heartbeat_interval_s: float = 3.0
    rebalance_timeout_s: float = 60.0
    max_poll_interval_s: float = 300.0
    request_timeout_s: float = 40.0

    def __post_init__(self) -> None:
        """Refuse settings under which the limits could not be kept.

        Raises:
            ValueError: a limit is not positive, or `max_in_flight_records` leaves no room for one fetch.
        """
        for name in ("max_batch_records", "max_merge_records", "min_units_at_once", "max_fetch_records"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.max_in_flight_records < self.max_fetch_records:
            raise ValueError("max_in_flight_records must not be less than max_fetch_records")
