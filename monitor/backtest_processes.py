"""Judges the batches of a backtest in several processes, each with a share of the persons and of the other keys.

This process reads and splits; what persons contribute goes through it unread, from the process that has the person to
the one that has the key. A few batches are under way at a time: memory is bounded by them and by the state. What comes
out is what one process would have said, in its order, byte for byte.
"""

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from heapq import merge
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final, Self

import msgspec

from monitor.backtest import Batch
from monitor.backtest_share import Judged, Row, Share, share_of_key, share_of_person
from monitor.engine import Engine
from monitor.garbage import collect_rarely
from monitor.judging import Cause
from monitor.models import load_scorer
from monitor.records import AlertChange, Entry
from monitor.terms_files import load_terms
from topics.decoding import Decoder

AHEAD: Final = 3
"""Batches whose facts about persons may be under way while an earlier one is waited for."""


class JudgeFailed(Exception):
    """A process that judges a share has ended or failed; the message says how."""


class _Persons(msgspec.Struct, array_like=True, tag=1, gc=False):
    rows: list[Row]


class _Keys(msgspec.Struct, array_like=True, tag=2, gc=False):
    """Contributions by giving process, the clock when it moved, and facts about institutions."""

    given: list[bytes]
    clock: int | None
    own: list[Row]


class _Register(msgspec.Struct, array_like=True, tag=3, gc=False):
    value: bytes


class _Sweep(msgspec.Struct, array_like=True, tag=4, gc=False):
    stage: str
    cause: Cause


class _PersonsDone(msgspec.Struct, array_like=True, tag=5, gc=False):
    """What became of facts about persons, and what they contribute, by receiving process."""

    judged: Judged
    given: list[bytes]
    clock: int | None


class _KeysDone(msgspec.Struct, array_like=True, tag=6, gc=False):
    """What became of contributions, of facts about institutions, or of a sweep."""

    judged: list[Judged]


class _Failed(msgspec.Struct, array_like=True, tag=7, gc=False):
    traceback: str


_Asked = _Persons | _Keys | _Register | _Sweep
_Answer = _PersonsDone | _KeysDone | _Failed
_encode: Final = msgspec.msgpack.Encoder().encode
_asked: Final = msgspec.msgpack.Decoder(_Asked).decode
_answer: Final = msgspec.msgpack.Decoder(_Answer).decode
_entries: Final = msgspec.msgpack.Decoder(list[Entry]).decode


# ---------------------------------------------------------------------- a process with a share


def work(connection: Connection, terms: Path | None, model: Path | None, number: int, shares: int) -> None:
    """Judge what is sent until the other end is closed. Runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the reading process ends this one
    try:
        engine = Engine(load_terms(terms), 1, "contributions", load_scorer(model))
        share = Share(engine, first=number == 0)
        registry = Decoder("registry")
        collect_rarely()
        while True:
            try:
                asked = _asked(connection.recv_bytes())
            except EOFError:
                return
            if isinstance(asked, _Register):
                engine.put(registry(asked.value))
            else:
                connection.send_bytes(_encode(_answered(share, asked, shares)))
    except BrokenPipeError:
        return
    except Exception:  # noqa: BLE001 - told to the reading process, which fails with it
        connection.send_bytes(_encode(_Failed(traceback.format_exc())))


def _answered(share: Share, asked: _Persons | _Keys | _Sweep, shares: int) -> _Answer:
    if isinstance(asked, _Persons):
        judged, entries, clock = share.persons(asked.rows)
        by_share: list[list[Entry]] = [[] for _ in range(shares)]
        places: dict[tuple[str, str], int] = {}
        for entry in entries:
            key = entry.kind, entry.key
            place = places.get(key)
            if place is None:
                place = places[key] = share_of_key(entry.kind, entry.key, shares)
            by_share[place].append(entry)
        return _PersonsDone(judged, [_encode(some) if some else b"" for some in by_share], clock)
    if isinstance(asked, _Sweep):
        return _KeysDone([share.sweep(asked.stage, asked.cause)])
    found = []
    if asked.given or asked.clock is not None:
        found.append(share.keys([_entries(given) for given in asked.given], asked.clock))
    if asked.own:
        found.append(share.own(asked.own))
    return _KeysDone(found)


# ---------------------------------------------------------------------- the process that reads


class _Process:
    """A process with a share, with threads that send and receive: neither end ever waits for the other to read."""

    def __init__(self, terms: Path | None, model: Path | None, number: int, shares: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=work, args=(theirs, terms, model, number, shares), daemon=True, name=f"backtest-{number}"
        )
        self._process.start()
        theirs.close()
        self._out: SimpleQueue[bytes | None] = SimpleQueue()
        self._persons: SimpleQueue[_PersonsDone | _Failed] = SimpleQueue()
        self._keys: SimpleQueue[_KeysDone | _Failed] = SimpleQueue()
        for target in (self._send, self._receive):
            Thread(target=target, daemon=True, name=f"backtest-{number}-{target.__name__}").start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid or 0

    def ask(self, asked: _Asked) -> None:
        """Send a request; only a registry entry has no answer."""
        self._out.put(_encode(asked))

    def persons(self) -> _PersonsDone:
        """The next answer about persons.

        Raises:
            JudgeFailed: the process failed.
        """
        answer = self._persons.get()
        if isinstance(answer, _Failed):
            raise JudgeFailed(answer.traceback)
        return answer

    def keys(self) -> list[Judged]:
        """The next answer about other keys, or about a sweep.

        Raises:
            JudgeFailed: the process failed.
        """
        answer = self._keys.get()
        if isinstance(answer, _Failed):
            raise JudgeFailed(answer.traceback)
        return answer.judged

    def close(self) -> None:
        """End it."""
        self._out.put(None)
        self._process.terminate()
        self._process.join()
        self._connection.close()

    def _send(self) -> None:
        try:
            while (message := self._out.get()) is not None:
                self._connection.send_bytes(message)
        except OSError:
            return  # it has ended: the other thread says so

    def _receive(self) -> None:
        failed = None
        while failed is None:
            try:
                answer = _answer(self._connection.recv_bytes())
            except (EOFError, OSError):
                self._process.join(10)
                failed = _Failed(
                    f"a process that judges a share ended with code {self._process.exitcode}; "
                    "with less memory than it needs, give fewer --jobs or a machine with more"
                )
                break
            if isinstance(answer, _PersonsDone):
                self._persons.put(answer)
            elif isinstance(answer, _KeysDone):
                self._keys.put(answer)
            else:
                failed = answer
        self._persons.put(failed)
        self._keys.put(failed)


class _Batch:
    """A batch under way: which processes were asked about its persons, and each one's part of the rest."""

    def __init__(self, batch: Batch, shares: int) -> None:
        self.persons: list[list[Row]] = [[] for _ in range(shares)]
        for person, row in batch.persons:
            if person is None:  # a tick
                for rows in self.persons:
                    rows.append(row)
            else:
                self.persons[share_of_person(person, shares)].append(row)
        self.asked = [bool(rows) for rows in self.persons]
        self.own: list[list[Row]] = [[] for _ in range(shares)]
        for institution, row in batch.own:
            self.own[share_of_key("institution", institution, shares)].append(row)
        self.first: Judged | None = None


class Together:
    """Judges in several processes; to be used in a `with` block.

    Args:
        jobs: how many.
        terms: file or folder of terms that all of them load.
        model: file or folder of models.
    """

    def __init__(self, jobs: int, terms: Path | None = None, model: Path | None = None) -> None:
        self._processes = [_Process(terms, model, number, jobs) for number in range(jobs)]
        self._persons: deque[_Batch] = deque()
        self._keys: deque[_Batch] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.close()

    @property
    def pids(self) -> list[int]:
        """Of the processes."""
        return [process.pid for process in self._processes]

    def judge(self, batch: Batch) -> Iterator[Judged]:
        """Send a batch; gives what has come of earlier ones when enough are under way."""
        under_way = _Batch(batch, len(self._processes))
        for process, rows in zip(self._processes, under_way.persons, strict=True):
            if rows:
                process.ask(_Persons(rows))
        under_way.persons = []
        self._persons.append(under_way)
        while len(self._persons) > AHEAD:
            self._pass_on()
        while len(self._keys) > 1:
            yield from self._done()

    def finish(self) -> Iterator[Judged]:
        """Wait for all batches."""
        while self._persons:
            self._pass_on()
        while self._keys:
            yield from self._done()

    def register(self, value: bytes) -> None:
        """Tell all of them."""
        for process in self._processes:
            process.ask(_Register(value))

    def sweep(self, late: set[str], cause: Cause) -> Iterator[Judged]:
        """Both stages one after the other."""
        for stage in ("person", "key"):
            if stage in late:
                for process in self._processes:
                    process.ask(_Sweep(stage, cause))
                yield _together([process.keys()[0] for process in self._processes])

    def changes(self) -> Sequence[AlertChange]:
        """They stay in the processes."""
        return ()

    def _pass_on(self) -> None:
        """Wait for the persons of the oldest batch, and send on what they contribute."""
        batch = self._persons.popleft()
        asked = (process for process, was in zip(self._processes, batch.asked, strict=True) if was)
        answers = [process.persons() for process in asked]
        batch.first = _together([answer.judged for answer in answers])
        clock = next((answer.clock for answer in answers if answer.clock is not None), None)
        for number, process in enumerate(self._processes):
            given = [answer.given[number] for answer in answers if answer.given[number]]
            process.ask(_Keys(given, clock, batch.own[number]))
        self._keys.append(batch)

    def _done(self) -> Iterator[Judged]:
        batch = self._keys.popleft()
        answers = [process.keys() for process in self._processes]
        if batch.first is not None:
            yield batch.first
        own = [answer.pop() for answer, rows in zip(answers, batch.own, strict=True) if rows]
        yield _together([judged for answer in answers for judged in answer])
        yield _together(own)


def _together(some: Sequence[Judged]) -> Judged:
    return Judged(
        list(merge(*(judged.changes for judged in some), key=lambda changed: changed.order)),
        sorted(bad for judged in some for bad in judged.bad),
        [count for judged in some for count in judged.account],
    )
