"""Local state that outlives its process: what LMDB is to a worker."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import xor

from monitor.memory_store import MemoryStore
from monitor.records import Effects
from monitor.store import value_digest
from tests.simulation.world import Killed, World, current


class Content:
    """What lies in one folder."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.position = 0
        self.identity = ""


class Disk(dict[str, Content]):
    """The folders of one machine."""


class LocalStore:
    """Implements the port `LocalState`.

    Args:
        world: may stop the process before and after each write.
        content: of its folder.
    """

    def __init__(self, world: World, content: Content) -> None:
        self._world = world
        self._content = content

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""
        return self._content.store.get(key)

    @contextmanager
    def reading(self) -> Iterator[MemoryStore]:
        """A view for one batch."""
        yield self._content.store

    @property
    def position(self) -> int:
        """The changelog offset up to which (excluded) it holds everything."""
        return self._content.position

    @property
    def identity(self) -> str:
        """Of the changelog it was made from."""
        return self._content.identity

    @property
    def keys_held(self) -> int:
        """How many values it holds."""
        return len(self._content.store.values)

    @property
    def bytes_used(self) -> int:
        """Nobody pays for it."""
        return 0

    def digest(self) -> tuple[int, int, int]:
        """Position, digest and number of all values."""
        values = self._content.store.values
        digests = (value_digest(key, value) for key, value in values.items())
        return self._content.position, reduce(xor, digests, 0), len(values)

    def apply(self, effects: Effects, position: int) -> None:
        """Make a batch's writes happen, all or none."""
        self._world.at("state", "before")
        self._content.store.apply(effects)
        self._content.position = position
        self._world.at("state", "after")

    def wipe(self) -> None:
        """Start again from nothing."""
        self._alive()
        self._content.store = MemoryStore()
        self._content.position = 0

    def load(
        self,
        records: Iterable[tuple[bytes, bytes | None]],
        wake_of: Callable[[bytes, bytes], int | None],
        position: int,
        identity: str,
    ) -> None:
        """Take records of the changelog in."""
        self._alive()
        load(self._content.store, records, wake_of)
        self._content.position = position
        self._content.identity = identity

    def close(self) -> None:
        """Nothing to close."""

    def _alive(self) -> None:
        if current.get().dead:
            raise Killed


def load(
    store: MemoryStore, records: Iterable[tuple[bytes, bytes | None]], wake_of: Callable[[bytes, bytes], int | None]
) -> None:
    """Fold changelog records into a store, wake times included."""
    for key, value in records:
        old = store.get(key)
        before = None if old is None else wake_of(key, old)
        after = None if value is None else wake_of(key, value)
        wakes = {} if before == after else {key: (before, after)}
        store.apply(Effects(writes={key: value}, wakes=wakes))
