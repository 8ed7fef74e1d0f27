"""A partition's state on disk: LMDB, one environment a partition.

The changelog is the truth, the store a copy of it that opens at once: it remembers the changelog offset it stands at,
in the same transaction as the data. It is written without waiting for the disk; after a crash of the machine (another
boot) or damage it is thrown away and rebuilt from the changelog. LMDB trusts its pages, so every entry carries a
checksum of its key and value: a bit that a disk has turned over ends the process before anything is judged by it.
"""

import contextlib
import logging
import mmap
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import lmdb

from monitor.records import Effects
from monitor.refusal import Refused

log = logging.getLogger(__name__)

MAP_BYTES: Final = 64 << 30
"""Upper bound of one partition's store; the file grows only as far as it is used."""

PAGE: Final = mmap.PAGESIZE
"""Of LMDB too, unless a file comes from another kind of machine."""

_POSITION: Final = b"changelog-position"
_IDENTITY: Final = b"changelog-identity"
_UNINDEXED: Final = b"wakes-missing"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_OPEN_MARK: Final = "open-since-boot"
_DAMAGED_MARK: Final = "damaged"
_SEAL_BYTES: Final = 4
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


class StoreDamaged(Exception):
    """Something in the store is not what was written; the next start rebuilds it from the changelog."""


class StoreError(Refused):
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
        elif (self._folder / _DAMAGED_MARK).exists():
            log.warning("%s was found damaged: rebuilding it from the changelog", self._folder.name)
            shutil.rmtree(self._folder)
            before = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._mark = _Mark(boot, 1 if before is None else before.starts + 1)
            self._mark.write(mark)
            self._env = self._environment()
            self._check()
        except (*_DAMAGE, StoreDamaged) as error:
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
        # a page beyond the end of the file would end the process (SIGBUS) when it is read
        pages = (self._folder / "data.mdb").stat().st_size // PAGE
        if pages <= env.info()["last_pgno"]:
            env.close()
            raise StoreDamaged(f"its file ends after {pages} pages")
        self._data = env.open_db(b"data")
        self._wakes = env.open_db(b"wakes")
        self._local = env.open_db(b"local")
        return env

    def _check(self) -> None:
        with self._env.begin() as txn:
            txn.stat(self._data)
            self._local_value(txn, _POSITION)

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
        with self.reading() as reading:
            return reading.get(key)

    def reading(self) -> "Reading":
        """A view for one batch: one transaction for all its reads.

        What it reads raises `StoreDamaged` when it is not what was written.
        """
        return Reading(self._env.begin(buffers=False), self._data, self._wakes, self._found_damaged)

    @property
    def position(self) -> int:
        """The changelog offset up to which (excluded) the store holds everything; 0 for a new one."""
        with self._env.begin(db=self._local) as txn:
            return int(self._local_value(txn, _POSITION) or 0)

    @property
    def identity(self) -> str:
        """Identity of the changelog topic the store was made from; empty for a new one."""
        with self._env.begin(db=self._local) as txn:
            return (self._local_value(txn, _IDENTITY) or b"").decode()

    def _local_value(self, txn: lmdb.Transaction, name: bytes) -> bytes | None:
        sealed = txn.get(name, db=self._local)
        return None if sealed is None else _opened(name, sealed)

    def _found_damaged(self, error: Exception) -> None:
        """Let the next start begin from nothing.

        Raises:
            StoreDamaged: always.
        """
        with contextlib.suppress(OSError):  # on a full disk several starts without progress come to the same
            (self._folder / _DAMAGED_MARK).touch()
        raise StoreDamaged(
            f"{self._folder.name} is damaged ({error}): it will be rebuilt from the changelog"
        ) from error

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
            position = int(bytes(self._local_value(txn, _POSITION) or b"0"))
            with txn.cursor(db=self._data) as cursor:
                for key, sealed in cursor:
                    total ^= value_digest(key, _opened(key, sealed))
                    count += 1
        return position, total, count

    # ------------------------------------------------------------------ writing

    def apply(self, effects: Effects, position: int) -> None:
        """Make a batch's writes happen, together with the changelog position after them.

        Raises:
            StoreError: the disk is full, or the store has reached its bound.
            StoreDamaged: a page cannot be followed.
        """
        with self._writing() as txn:
            for key, value in effects.writes.items():
                self._put(txn, key, value)
            for key, (before, after) in effects.wakes.items():
                self._move_wake(txn, key, before, after)
            self._put_local(txn, _POSITION, str(position).encode())
        if self._mark.starts:
            self._mark = self._mark._replace(starts=0)
            with contextlib.suppress(OSError):  # a full disk: the store has it, and too high a count only costs time
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

        Raises:
            StoreError: as `apply`.
            StoreDamaged: a value that was there already is not what was written.
        """
        with self._writing() as txn:
            for key, value in records:
                sealed = txn.get(key, db=self._data)
                before = None if sealed is None else wake_of(key, _opened(key, sealed))
                after = None if value is None else wake_of(key, value)
                if before != after:
                    self._move_wake(txn, key, before, after)
                self._put(txn, key, value)
            self._put_local(txn, _POSITION, str(position).encode())
            self._put_local(txn, _IDENTITY, identity.encode())

    @contextlib.contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        try:
            with self._env.begin(write=True) as txn:
                yield txn
        except lmdb.MapFullError:
            raise StoreError(f"{self._folder.name} has reached its bound of {self._map_bytes} bytes") from None
        except (*_DAMAGE, StoreDamaged) as error:
            self._found_damaged(error)
        except lmdb.Error as error:
            raise StoreError(f"{self._folder.name} cannot be written: {error}; is the disk full?") from error

    def _put(self, txn: lmdb.Transaction, key: bytes, value: bytes | None) -> None:
        if value is None:
            txn.delete(key, db=self._data)
        else:
            txn.put(key, _sealed(key, value), db=self._data)

    def _put_local(self, txn: lmdb.Transaction, name: bytes, value: bytes) -> None:
        txn.put(name, _sealed(name, value), db=self._local)

    def _move_wake(self, txn: lmdb.Transaction, key: bytes, before: int | None, after: int | None) -> None:
        if before is not None:
            txn.delete(_wake(before, key), db=self._wakes)
        if after is not None:
            entry = _wake(after, key)
            txn.put(entry, _sealed(entry, b""), db=self._wakes)

    @property
    def unindexed(self) -> bool:
        """Whether a rebuild was begun and its wake times are still to be indexed."""
        with self._env.begin(db=self._local) as txn:
            return txn.get(_UNINDEXED) is not None

    def begin_rebuild(self, identity: str) -> None:
        """Start again from nothing, to be filled by `fill` and completed by `complete`."""
        self.wipe()
        with self._writing() as txn:
            txn.put(_UNINDEXED, b"1", db=self._local)
            self._put_local(txn, _IDENTITY, identity.encode())

    def fill(self, values: Mapping[bytes, bytes | None], position: int) -> None:
        """Take the last values of keys in, without their wake times: twice as fast as `load`.

        Args:
            values: by key; None deletes.
            position: the changelog offset after them.

        Raises:
            StoreError: as `apply`.
            StoreDamaged: as `apply`.
        """
        with self._writing() as txn:
            self._fill(txn, values, position)

    def _fill(self, txn: lmdb.Transaction, values: Mapping[bytes, bytes | None], position: int) -> None:
        items = [(key, _sealed(key, value)) for key, value in values.items() if value is not None]
        items.sort(key=itemgetter(0))
        empty = not txn.stat(self._data)["entries"]
        with txn.cursor(db=self._data) as cursor:
            cursor.putmulti(items, append=empty)  # page after page, each of them full
        for key, value in values.items():
            if value is None and not empty:
                txn.delete(key, db=self._data)
        self._put_local(txn, _POSITION, str(position).encode())

    def complete(
        self,
        values: Mapping[bytes, bytes | None],
        position: int,
        prefixes: Sequence[bytes],
        wake_of: Callable[[bytes, bytes], int | None],
    ) -> None:
        """Take the last run of a rebuild in, and index the wake times.

        Args:
            values: as for `fill`.
            position: the changelog offset after them.
            prefixes: of the keys of heads.
            wake_of: the wake time that a value holds.

        Raises:
            StoreError: as `apply`.
            StoreDamaged: as `apply`.
        """
        with self._writing() as txn:
            alone = not txn.stat(self._data)["entries"]
            self._fill(txn, values, position)
            if alone:  # no run before it: the values need not be read again to find their wake times
                heads = tuple(prefixes)
                found = (
                    (wake_of(key, value), key)
                    for key, value in values.items()
                    if value is not None and key.startswith(heads)
                )
                self._index(txn, found)
            else:
                self._index(txn, self._wakes_held(txn, prefixes, wake_of))

    def _wakes_held(
        self, txn: lmdb.Transaction, prefixes: Sequence[bytes], wake_of: Callable[[bytes, bytes], int | None]
    ) -> Iterator[tuple[int | None, bytes]]:
        with txn.cursor(db=self._data) as cursor:
            for prefix in prefixes:
                if not cursor.set_range(prefix):
                    continue
                for raw, sealed in cursor.iternext():
                    key = bytes(raw)
                    if not key.startswith(prefix):
                        break
                    yield wake_of(key, _opened(key, sealed)), key

    def _index(self, txn: lmdb.Transaction, found: Iterable[tuple[int | None, bytes]]) -> None:
        entries = [_wake(wake, key) for wake, key in found if wake is not None]
        entries.sort()
        with txn.cursor(db=self._wakes) as cursor:
            cursor.putmulti([(entry, _sealed(entry, b"")) for entry in entries])
        txn.delete(_UNINDEXED, db=self._local)

    def close(self) -> None:
        """Close cleanly: what was written reaches the disk, and the store survives a crash of the machine."""
        self._env.sync(True)  # noqa: FBT003 - lmdb's signature
        self._env.close()
        (self._folder / _OPEN_MARK).unlink(missing_ok=True)


class Reading:
    """`Reader` inside one read transaction; use it as a context manager."""

    def __init__(
        self,
        txn: lmdb.Transaction,
        data: Any,  # noqa: ANN401 - lmdb's own handles
        wakes: Any,  # noqa: ANN401 - as above
        on_damage: Callable[[Exception], None],
    ) -> None:
        self._txn = txn
        self._data = data
        self._wakes = wakes
        self._on_damage = on_damage

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._txn.abort()

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""
        try:
            sealed = self._txn.get(key, db=self._data)
            return None if sealed is None else _opened(key, sealed)
        except (*_DAMAGE, StoreDamaged) as error:
            self._on_damage(error)
            raise

    def due(self, until: int) -> list[bytes]:
        """Keys whose wake time is not after a local second."""
        found = []
        for entry in self._entries(self._wakes, b""):
            if int.from_bytes(entry[:8], "big") > until:
                break
            found.append(entry[8:])
        return found

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """All keys that begin with a prefix, ascending."""
        for key in self._entries(self._data, prefix):
            if not key.startswith(prefix):
                return
            yield key

    def _entries(self, database: Any, first: bytes) -> Iterator[bytes]:  # noqa: ANN401 - lmdb's own handle
        try:
            with self._txn.cursor(db=database) as cursor:
                if not (cursor.set_range(first) if first else cursor.first()):
                    return
                for raw, sealed in cursor.iternext(keys=True, values=True):
                    key = bytes(raw)
                    _opened(key, sealed)
                    yield key
        except (*_DAMAGE, StoreDamaged) as error:
            self._on_damage(error)


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


def _sealed(key: bytes, value: bytes) -> bytes:
    """A value with a checksum of key and value behind it."""
    return value + zlib.crc32(value, zlib.crc32(key)).to_bytes(_SEAL_BYTES, "big")


def _opened(key: bytes | memoryview, sealed: Any) -> bytes:  # noqa: ANN401 - bytes here; lmdb's types allow for memory views
    """The value again.

    Raises:
        StoreDamaged: the checksum does not fit.
    """
    value: bytes = sealed[:-_SEAL_BYTES]
    if sealed[-_SEAL_BYTES:] != zlib.crc32(value, zlib.crc32(key)).to_bytes(_SEAL_BYTES, "big"):
        raise StoreDamaged(f"a value of {len(value)} bytes is not what was written")
    return value


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
