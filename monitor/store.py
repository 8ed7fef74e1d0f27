"""A partition's state on disk: LMDB, one environment a partition.

The changelog is the truth, the store a copy of it that opens at once: it remembers the changelog offset it stands at,
in the same transaction as the data. It is written without waiting for the disk; after a crash of the machine (another
boot) or damage it is thrown away and rebuilt from the changelog.
"""

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import lmdb

from monitor.records import Effects

log = logging.getLogger(__name__)

MAP_BYTES: Final = 64 << 30
"""Upper bound of one partition's store; the file grows only as far as it is used."""

_POSITION: Final = b"changelog-position"
_IDENTITY: Final = b"changelog-identity"
_UNINDEXED: Final = b"wakes-missing"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_OPEN_MARK: Final = "open-since-boot"
_STARTS_IN_PLACE: Final = 3
"""So often in a row a store may be opened and neither written nor closed; then it counts as damaged."""

_DAMAGE: Final = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
    lmdb.IncompatibleError,
    lmdb.PanicError,
    lmdb.BadTxnError,  # a page that cannot be followed breaks the transaction that met it
)


class StoreError(Exception):
    """The store cannot be used; the message says why and what to do."""


class Store:
    """Implements `Reader` on disk. Only the unit that owns the partition uses it.

    Args:
        folder: of this partition alone.
        map_bytes: upper bound of its size.
    """

    def __init__(self, folder: Path, map_bytes: int = MAP_BYTES) -> None:
        self._folder = folder
        self._map_bytes = map_bytes
        self._open()

    def _open(self) -> None:
        boot = _boot_id()
        mark = self._folder / _OPEN_MARK
        before = _Mark.read(mark)
        if before is not None and before.boot != boot:
            log.warning("%s was open when the machine went down: rebuilding it from the changelog", self._folder.name)
            shutil.rmtree(self._folder)
            before = None
        elif before is not None and before.starts >= _STARTS_IN_PLACE:
            # not all damage shows when a store is opened: some ends the process at the first read of a page
            log.warning(
                "%s was opened %d times and nothing came of it: rebuilding it from the changelog",
                self._folder.name,
                before.starts,
            )
            shutil.rmtree(self._folder)
            before = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._mark = _Mark(boot, 1 if before is None else before.starts + 1)
            self._mark.write(mark)
            self._env = self._environment()
            self._check()
        except _DAMAGE as error:
            log.warning("%s is damaged (%s): rebuilding it from the changelog", self._folder.name, error)
            self.wipe()
        except (OSError, lmdb.Error) as error:
            raise StoreError(f"state folder {self._folder} cannot be used: {error}") from error

    def _environment(self) -> lmdb.Environment:
        env = lmdb.open(
            str(self._folder),
            map_size=self._map_bytes,
            max_dbs=3,
            sync=False,
            metasync=False,
            writemap=False,
            readahead=False,
            subdir=True,
            lock=True,
        )
        self._data = env.open_db(b"data")
        self._wakes = env.open_db(b"wakes")
        self._local = env.open_db(b"local")
        return env

    def _check(self) -> None:
        with self._env.begin() as txn:
            txn.stat(self._data)
            txn.get(_POSITION, db=self._local)

    def wipe(self) -> None:
        """Start again from nothing."""
        with contextlib.suppress(AttributeError):
            self._env.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._mark = _Mark(_boot_id(), 1)
        self._mark.write(self._folder / _OPEN_MARK)
        self._env = self._environment()

    # ------------------------------------------------------------------ reading

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""
        with self._env.begin(db=self._data, buffers=False) as txn:
            value = txn.get(key)
            return None if value is None else bytes(value)

    def reading(self) -> "Reading":
        """A view for one batch: one transaction for all its reads."""
        return Reading(self._env.begin(buffers=False), self._data, self._wakes)

    @property
    def position(self) -> int:
        """The changelog offset up to which (excluded) the store holds everything; 0 for a new one."""
        with self._env.begin(db=self._local) as txn:
            return int(txn.get(_POSITION) or 0)

    @property
    def identity(self) -> str:
        """Identity of the changelog topic the store was made from; empty for a new one."""
        with self._env.begin(db=self._local) as txn:
            return bytes(txn.get(_IDENTITY) or b"").decode()

    @property
    def keys_held(self) -> int:
        """How many values it holds."""
        with self._env.begin() as txn:
            return int(txn.stat(self._data)["entries"])

    @property
    def bytes_used(self) -> int:
        """How many bytes of disk it uses."""
        try:
            return (self._folder / "data.mdb").stat().st_blocks * 512
        except OSError:
            return 0

    def digest(self) -> tuple[int, int, int]:
        """Position, digest (see `value_digest`) and number of all values, of one moment; reads everything."""
        total = count = 0
        with self._env.begin(buffers=True) as txn:
            position = int(bytes(txn.get(_POSITION, db=self._local) or b"0"))
            with txn.cursor(db=self._data) as cursor:
                for key, value in cursor:
                    total ^= value_digest(key, value)
                    count += 1
        return position, total, count

    # ------------------------------------------------------------------ writing

    def apply(self, effects: Effects, position: int) -> None:
        """Make a batch's writes happen, together with the changelog position after them.

        Raises:
            StoreError: the disk is full, or the store has reached its bound.
        """
        try:
            with self._env.begin(write=True) as txn:
                for key, value in effects.writes.items():
                    if value is None:
                        txn.delete(key, db=self._data)
                    else:
                        txn.put(key, value, db=self._data)
                for key, (before, after) in effects.wakes.items():
                    if before is not None:
                        txn.delete(_wake(before, key), db=self._wakes)
                    if after is not None:
                        txn.put(_wake(after, key), b"", db=self._wakes)
                txn.put(_POSITION, str(position).encode(), db=self._local)
        except lmdb.MapFullError:
            raise StoreError(f"{self._folder.name} has reached its bound of {self._map_bytes} bytes") from None
        except lmdb.Error as error:
            raise StoreError(f"{self._folder.name} cannot be written: {error}; is the disk full?") from error
        if self._mark.starts:
            self._mark = self._mark._replace(starts=0)
            self._mark.write(self._folder / _OPEN_MARK)

    def load(
        self,
        records: Iterable[tuple[bytes, bytes | None]],
        wake_of: Callable[[bytes, bytes], int | None],
        position: int,
        identity: str,
    ) -> None:
        """Take records of the changelog in (recovery).

        Args:
            records: key and value in the order of the changelog.
            wake_of: the wake time that a value holds, None for keys that have none.
            position: the changelog offset after them.
            identity: of the changelog topic.
        """
        with self._env.begin(write=True) as txn:
            for key, value in records:
                old = txn.get(key, db=self._data)
                before = None if old is None else wake_of(key, bytes(old))
                after = None if value is None else wake_of(key, value)
                if before is not None and before != after:
                    txn.delete(_wake(before, key), db=self._wakes)
                if after is not None:
                    txn.put(_wake(after, key), b"", db=self._wakes)
                if value is None:
                    txn.delete(key, db=self._data)
                else:
                    txn.put(key, value, db=self._data)
            txn.put(_POSITION, str(position).encode(), db=self._local)
            txn.put(_IDENTITY, identity.encode(), db=self._local)

    @property
    def unindexed(self) -> bool:
        """Whether a rebuild was begun and its wake times are still to be indexed."""
        with self._env.begin(db=self._local) as txn:
            return txn.get(_UNINDEXED) is not None

    def begin_rebuild(self, identity: str) -> None:
        """Start again from nothing, to be filled by `fill` and completed by `index_wakes`."""
        self.wipe()
        with self._env.begin(write=True) as txn:
            txn.put(_UNINDEXED, b"1", db=self._local)
            txn.put(_IDENTITY, identity.encode(), db=self._local)

    def fill(self, values: Mapping[bytes, bytes | None], position: int) -> None:
        """Take the last values of keys in, without their wake times: twice as fast as `load`.

        Args:
            values: by key; None deletes.
            position: the changelog offset after them.

        Raises:
            StoreError: the disk is full, or the store has reached its bound.
        """
        items = sorted([(key, value) for key, value in values.items() if value is not None], key=itemgetter(0))
        try:
            with self._env.begin(write=True) as txn:
                with txn.cursor(db=self._data) as cursor:
                    cursor.putmulti(items)
                for key, value in values.items():
                    if value is None:
                        txn.delete(key, db=self._data)
                txn.put(_POSITION, str(position).encode(), db=self._local)
        except lmdb.MapFullError:
            raise StoreError(f"{self._folder.name} has reached its bound of {self._map_bytes} bytes") from None
        except lmdb.Error as error:
            raise StoreError(f"{self._folder.name} cannot be written: {error}; is the disk full?") from error

    def index_wakes(self, prefixes: Iterable[bytes], wake_of: Callable[[bytes, bytes], int | None]) -> None:
        """Complete a rebuild: find the wake times of all heads.

        Args:
            prefixes: of the keys of heads.
            wake_of: the wake time that a value holds.
        """
        with self._env.begin(write=True) as txn:
            wakes = []
            with txn.cursor(db=self._data) as cursor:
                for prefix in prefixes:
                    if not cursor.set_range(prefix):
                        continue
                    for raw, value in cursor.iternext():
                        key = bytes(raw)
                        if not key.startswith(prefix):
                            break
                        wake = wake_of(key, value)
                        if wake is not None:
                            wakes.append((_wake(wake, key), b""))
            wakes.sort()
            with txn.cursor(db=self._wakes) as cursor:
                cursor.putmulti(wakes)
            txn.delete(_UNINDEXED, db=self._local)

    def close(self) -> None:
        """Close cleanly: what was written reaches the disk, and the store survives a crash of the machine."""
        self._env.sync(True)  # noqa: FBT003 - lmdb's signature
        self._env.close()
        (self._folder / _OPEN_MARK).unlink(missing_ok=True)


class Reading:
    """`Reader` inside one read transaction; use it as a context manager."""

    def __init__(self, txn: lmdb.Transaction, data: Any, wakes: Any) -> None:  # noqa: ANN401 - lmdb's own handles
        self._txn = txn
        self._data = data
        self._wakes = wakes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._txn.abort()

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""
        value = self._txn.get(key, db=self._data)
        return None if value is None else bytes(value)

    def due(self, until: int) -> list[bytes]:
        """Keys whose wake time is not after a local second."""
        found = []
        with self._txn.cursor(db=self._wakes) as cursor:
            for raw in cursor.iternext(keys=True, values=False):
                entry = bytes(raw)
                if int.from_bytes(entry[:8], "big") > until:
                    break
                found.append(entry[8:])
        return found

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """All keys that begin with a prefix, ascending."""
        with self._txn.cursor(db=self._data) as cursor:
            if not cursor.set_range(prefix):
                return
            for raw in cursor.iternext(keys=True, values=False):
                key = bytes(raw)
                if not key.startswith(prefix):
                    return
                yield key


class _Mark(NamedTuple):
    """Says that a store is open: since which boot, and how many starts in a row wrote nothing."""

    boot: str
    starts: int

    @classmethod
    def read(cls, file: Path) -> Self | None:
        try:
            boot, starts = file.read_text().split()
            return cls(boot, int(starts))
        except FileNotFoundError:
            return None
        except ValueError:
            return cls("unreadable", 0)

    def write(self, file: Path) -> None:
        file.write_text(f"{self.boot} {self.starts}")


def value_digest(key: bytes | memoryview, value: bytes | memoryview) -> int:
    """Digest of one value; a state's digest is the exclusive or of those of its values, in any order."""
    return int.from_bytes(blake2b(value, digest_size=16, key=blake2b(key, digest_size=16).digest()).digest(), "big")


def _wake(time: int, key: bytes) -> bytes:
    return max(time, 0).to_bytes(8, "big") + key


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"
