"""What a unit needs of the world outside its process, as few calls as its order of steps has.

A worker fills them with Kafka and LMDB (`live`); the simulation of the pipeline fills them with a broker and disks in
memory, and runs the same unit.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aiokafka.structs import TopicPartition

from monitor.connection import Connection
from monitor.delivery.fence import FencedProducer, Outgoing
from monitor.records import Effects, Reader
from monitor.store import Store
from monitor.worker.recovery import Progress, recover
from monitor.worker.registry_feed import LateChange


class Producer(Protocol):
    """Writes groups of records all or none; see `FencedProducer`."""

    async def start(self) -> None:
        """Fence any former owner."""

    async def commit(self, records: Sequence[Outgoing]) -> dict[TopicPartition, int]:
        """Write records in one transaction; gives the last offset per topic partition."""

    async def stop(self) -> None:
        """Close."""


class LocalState(Protocol):
    """A partition's local state; see `Store`."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""

    def reading(self) -> AbstractContextManager[Reader]:
        """A view for one batch."""

    @property
    def position(self) -> int:
        """The changelog offset up to which (excluded) it holds everything."""

    @property
    def keys_held(self) -> int:
        """How many values it holds."""

    @property
    def bytes_used(self) -> int:
        """How many bytes of disk it uses."""

    def digest(self) -> tuple[int, int, int]:
        """Position, digest and number of all values, of one moment."""

    def apply(self, effects: Effects, position: int) -> None:
        """Make a batch's writes happen, together with the changelog position after them."""

    def close(self) -> None:
        """Let go of it."""


class Follower(Protocol):
    """Follows the registry; see `RegistryFeed`."""

    async def caught_up(self, offset: int = -1) -> None:
        """Wait until the registry was read to the end it had at start, and an offset of it besides."""

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Ends of other topics."""

    def fail(self, error: BaseException) -> None:
        """Report that work in the background failed."""

    def last_change(self, stage: str) -> LateChange | None:
        """The last change that concerns a stage."""

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call a function whenever entries changed."""

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Call it no more."""


class FailureCount(Protocol):
    """Keeps count of transactions that did not commit; see `Failures`."""

    def add(self, stage: str) -> None:
        """Note one more."""


Recover = Callable[[Any, str, int, str, Progress], Awaitable[int]]
"""Brings local state up to the end of a changelog: state, topic, partition, identity of the changelog, progress."""


@dataclass(frozen=True)
class Ports:
    """What reaches outside.

    Attributes:
        producer: transactional id -> producer.
        state: folder -> local state; may block.
        recover: reads the changelog into the local state.
    """

    producer: Callable[[str], Producer]
    state: Callable[[Path], LocalState]
    recover: Recover


def live(connection: Connection, group: str) -> Ports:
    """Kafka and LMDB."""

    async def recovered(store: Store, topic: str, partition: int, identity: str, on_progress: Progress) -> int:
        return await recover(store, connection, topic, partition, identity, on_progress)

    return Ports(
        producer=lambda name: FencedProducer(connection, name, client_id=f"{group}-producer"),
        state=Store,
        recover=recovered,
    )
