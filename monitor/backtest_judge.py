"""A process that judges its share of a backtest, and the messages between it and the one that reads."""

import signal
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import msgspec

from monitor.backtest_share import Judged, Row, Share, share_of_key
from monitor.engine import Engine
from monitor.garbage import collect_rarely
from monitor.judging import Cause
from monitor.models import load_scorer
from monitor.records import Entry
from monitor.terms_files import load_terms
from topics.decoding import Decoder


class Persons(msgspec.Struct, array_like=True, tag=1, gc=False):
    """Facts about persons."""

    rows: list[Row]


class Keys(msgspec.Struct, array_like=True, tag=2, gc=False):
    """Contributions by giving process, the clock when it moved, and facts about institutions."""

    given: list[bytes]
    clock: int | None
    own: list[Row]


class Register(msgspec.Struct, array_like=True, tag=3, gc=False):
    """A registry entry."""

    value: bytes


class Sweep(msgspec.Struct, array_like=True, tag=4, gc=False):
    """Judge again what late changes of the registry concern."""

    stage: str
    cause: Cause


class PersonsDone(msgspec.Struct, array_like=True, tag=5, gc=False):
    """What became of facts about persons, and what they contribute, by receiving process."""

    judged: Judged
    given: list[bytes]
    clock: int | None


class KeysDone(msgspec.Struct, array_like=True, tag=6, gc=False):
    """What became of contributions, of facts about institutions, or of a sweep."""

    judged: list[Judged]


class Failed(msgspec.Struct, array_like=True, tag=7, gc=False):
    """The process failed, and ends."""

    traceback: str


Asked = Persons | Keys | Register | Sweep
Answer = PersonsDone | KeysDone | Failed
encode: Final = msgspec.msgpack.Encoder().encode
_asked: Final = msgspec.msgpack.Decoder(Asked).decode
read_answer: Final = msgspec.msgpack.Decoder(Answer).decode
_entries: Final = msgspec.msgpack.Decoder(list[Entry]).decode


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
            if isinstance(asked, Register):
                engine.put(registry(asked.value))
            else:
                connection.send_bytes(encode(_answered(share, asked, shares)))
    except BrokenPipeError:
        return
    except Exception:  # noqa: BLE001 - told to the reading process, which fails with it
        connection.send_bytes(encode(Failed(traceback.format_exc())))


def _answered(share: Share, asked: Persons | Keys | Sweep, shares: int) -> Answer:
    if isinstance(asked, Persons):
        judged, entries, clock = share.persons(asked.rows)
        by_share: list[list[Entry]] = [[] for _ in range(shares)]
        places: dict[tuple[str, str], int] = {}
        for entry in entries:
            key = entry.kind, entry.key
            place = places.get(key)
            if place is None:
                place = places[key] = share_of_key(entry.kind, entry.key, shares)
            by_share[place].append(entry)
        return PersonsDone(judged, [encode(some) if some else b"" for some in by_share], clock)
    if isinstance(asked, Sweep):
        return KeysDone([share.sweep(asked.stage, asked.cause)])
    found = []
    if asked.given or asked.clock is not None:
        found.append(share.keys([_entries(given) for given in asked.given], asked.clock))
    if asked.own:
        found.append(share.own(asked.own))
    return KeysDone(found)
