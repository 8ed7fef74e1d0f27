"""Rebuild a partition's local state from its changelog, from the position the store remembers."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiokafka.structs import TopicPartition

from monitor import clock
from monitor.connection import Connection
from monitor.metrics import Metrics
from monitor.refusal import Refused
from monitor.state import KEY_HEADS, PERSON_HEADS, wake_of
from monitor.store import Store
from monitor.worker.changelog import ChangelogReader, take

log = logging.getLogger(__name__)

_RUN_BYTES: Final = 64 << 20
"""So much of the changelog is put into an empty store at once, in the order of keys: a partition of a hundred thousand
persons whole. Each further run touches nearly every page of those before it."""
_FILLING: Final = ThreadPoolExecutor(1, "recovery")
"""One store at a time is filled: several at once get in each other's way and take twice as long."""
_TOLD_EVERY_S: Final = 2.0

Progress = Callable[[int, float], None]
"""Told the number of records read so far and the share (0 to 1) of the changelog that is done."""


class RecoveryError(Refused):
    """The changelog does not fit the local state; the message says what to do."""


class Recovery:
    """Tells how far a partition's recovery has come, in metrics and log.

    Args:
        metrics: of the process.
        stage: of the unit.
        partition: of the unit.

    Attributes:
        read: changelog records read so far.
        share: of the changelog that is done, 0 to 1.
    """

    def __init__(self, metrics: Metrics, stage: str, partition: str) -> None:
        self.read = 0
        self.share = 0.0
        self._counter = metrics.recovered.labels(stage)
        self._gauge = metrics.recovery.labels(stage, partition)
        self._name = f"{stage}-{partition}"
        self._told = clock.monotonic()
        self._gauge.set(0)

    def progress(self, read: int, share: float = 1.0) -> None:
        """See `Progress`."""
        self._counter.inc(read - self.read)
        self.read, self.share = read, share
        self._gauge.set(share)
        now = clock.monotonic()
        if now - self._told >= _TOLD_EVERY_S and share < 1:
            self._told = now
            log.info("%s: recovery %d %%, %d changelog records read", self._name, int(share * 100), read)


async def recover(
    store: Store, connection: Connection, topic: str, partition: int, identity: str, on_progress: Progress
) -> int:
    """Read the changelog up to its end (committed records alone) into the store.

    Call it after the unit's producer has started: by then no former owner can add to the changelog.

    Args:
        store: of the partition.
        connection: how brokers are reached.
        topic: the changelog.
        partition: of the changelog.
        identity: of the Kafka cluster and the changelog; a store made from another one is thrown away.
        on_progress: told after every batch.

    Returns:
        The changelog offset after the last record.

    Raises:
        RecoveryError: the changelog ends before the store's position.
    """
    if store.identity != identity:
        if store.identity:
            log.warning("local state of %s-%d was made from another changelog: rebuilding it", topic, partition)
        await asyncio.to_thread(store.begin_rebuild, identity)
    async with ChangelogReader(connection, TopicPartition(topic, partition)) as reader:
        end = await reader.end()
        begin = store.position
        if end < begin:
            raise RecoveryError(
                f"{topic} partition {partition} ends at {end}, but the local state was made from it up to {begin}: the "
                "changelog was truncated. To judge the facts again from their beginning, stop all workers and run "
                "`claims-monitor worker rebuild`"
            )
        filling = _Rebuilding(store) if store.unindexed else _CatchingUp(store, identity)
        read = 0
        position = begin
        following = await reader.fetch(begin) if begin < end else None
        while following is not None:
            fetched, position = following, following.position
            taken = asyncio.to_thread(take, fetched, filling.waiting)
            if position < end:  # the broker sends the next ones while these are decompressed
                following, (count, size) = await asyncio.gather(reader.fetch(position), taken)
            else:
                following, (count, size) = None, await taken
            read += count
            await filling.took(size, position)
            if count:
                on_progress(read, (position - begin) / max(end - begin, 1))
        await filling.finish(position)
        on_progress(read, 1.0)
        return position


class _CatchingUp:
    """A store that misses the last records takes them in with their wake times."""

    def __init__(self, store: Store, identity: str) -> None:
        self._store = store
        self._identity = identity
        self.waiting: dict[bytes, bytes | None] = {}

    async def took(self, _size: int, position: int) -> None:
        """Put in what was read."""
        await asyncio.to_thread(self._store.load, self.waiting.items(), wake_of, position, self._identity)
        self.waiting.clear()

    async def finish(self, position: int) -> None:
        """Note how far it stands, also when there was nothing to read."""
        await self.took(0, position)


class _Rebuilding:
    """An empty store is filled in long runs, in the order of keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._size = 0
        self.waiting: dict[bytes, bytes | None] = {}

    async def took(self, size: int, position: int) -> None:
        """Put a run in once it is long enough."""
        self._size += size
        if self._size >= _RUN_BYTES:
            await self._in_turn(self._store.fill, self.waiting, position)
            self.waiting, self._size = {}, 0

    async def finish(self, position: int) -> None:
        """Put in what is left, and index the wake times."""
        await self._in_turn(self._store.complete, self.waiting, position, (PERSON_HEADS, KEY_HEADS), wake_of)

    async def _in_turn(self, work: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - of the store's methods
        await asyncio.get_running_loop().run_in_executor(_FILLING, work, *arguments)
