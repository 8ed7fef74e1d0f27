"""How the state of a key is kept: a head, and chunks of days, each a MessagePack value of its own.

A fact is filed in the chunk of its day and a finding in the chunk of its anchor, so that one fact makes one or two
small values to be written again, however long the history is.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from detectors.past import Past
from detectors.references import Tally
from monitor.account import Account
from monitor.records import Reader
from monitor.refusal import Refused
from topics.facts import AnyPersonFact, Enrolment, Void
from topics.institutions import AnyInstitutionFact
from topics.times import DAY

VERSION: Final = 5
"""Of the state's schema; a newer one is refused, an older one down to `OLDEST` is brought up to it when a partition is
opened, one from before that is refused, too: it has to be rebuilt from the facts.

Raise it whenever older software must not write the state any more. What older versions lack has a default:
2: the partition's agreement, topic identities and number of partitions.
3: a person with few facts is one value.
4: versions of an enrolment, and of its void, that earlier facts are held against.
5: what is known of a person's past, which must change with any fact before.
"""
OLDEST: Final = 3
"""The oldest schema that is brought up. What stage two added up before, this software cannot take back: visits gave
other sums to institutions, and beds and trace codes were named otherwise."""

PERSON_CHUNK_DAYS: Final = 8
FEW_FACTS: Final = 24
"""A person with no more facts is one value: one read and one write a batch."""
MANY_FACTS: Final = 64
"""Of a person with as many facts, what is known of the past is kept."""
KEY_CHUNK_DAYS: Final = 32

META: Final = b"\x00meta"
_PERSON: Final = b"p"
_PERSON_CHUNK: Final = b"c"
_KEY: Final = b"h"
_KEY_CHUNK: Final = b"k"
PERSON_HEADS: Final = _PERSON
KEY_HEADS: Final = _KEY
_OFFSET: Final = 1 << 31


class StateError(Refused):
    """State that this version of the software cannot read."""


Identity = tuple[str, str, str, str | None]
"""Of a finding: rule, kind and id of what it is about, discriminator."""


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A standing finding as the state keeps it: enough to tell a change, and to withdraw it."""

    rule: str
    about_kind: str
    about_id: str
    discriminator: str | None
    anchor: int
    begin: int
    end: int
    digest: bytes
    institution: str
    amount: int
    revision: int
    severity: str = ""

    @property
    def identity(self) -> Identity:
        """What makes it this finding and no other."""
        return self.rule, self.about_kind, self.about_id, self.discriminator


class PersonHead(msgspec.Struct, array_like=True, gc=False):
    """What is known of a person besides the chunks of days; of a person with few facts, all of it.

    Attributes:
        version: of the state's schema.
        chunks: the numbers of the chunks that are values of their own.
        floor: first local second that is fully kept.
        forgotten: what forgotten facts gave towards the references.
        kept: facts that are kept for ever.
        wake: the tick at which the person must be judged by time alone.
        facts: while there are few: all others; `chunks` is empty then.
        findings: while there are few facts: those that stand.
        oldest: the first chunk that any of these belong into.
        superseded: versions of the enrolment and of its void that facts before those in `kept` are held against.
        past: of a person with many facts: what spares reading most of them for one that is on time.
    """

    version: int = VERSION
    chunks: list[int] = []
    floor: int | None = None
    forgotten: dict[str, list[tuple[Any, Tally]]] = {}
    kept: list[AnyPersonFact] = []
    wake: int | None = None
    facts: list[AnyPersonFact] = []
    findings: list[Held] = []
    oldest: int | None = None
    superseded: list[Enrolment | Void] = []
    past: Past | None = None


class PersonChunk(msgspec.Struct, array_like=True, gc=False):
    """Some days of a person."""

    facts: list[AnyPersonFact]
    findings: list[Held]


class ClosedChunk(msgspec.Struct, array_like=True, gc=False):
    """Some days of a person of which the findings alone are read (see `PersonChunk`)."""

    facts: msgspec.Raw
    findings: list[Held]


class KeyHead(msgspec.Struct, array_like=True, gc=False):
    """What is known of another key besides the chunks of days."""

    version: int = VERSION
    chunks: list[int] = []
    floor: int | None = None
    wake: int | None = None


class KeyChunk(msgspec.Struct, array_like=True, gc=False):
    """Some days of a key: sums by day and name, facts, findings."""

    panes: list[tuple[int, dict[str, int]]]
    facts: list[AnyInstitutionFact]
    findings: list[Held]


class Meta(msgspec.Struct, array_like=True):
    """What is known of a partition as a whole.

    Attributes:
        version: of the state's schema.
        clocks: source partition -> greatest tick (local second); stage one has its own partition alone.
        offsets: source topic -> last offset folded in; at or below it a record was seen before.
        terms: id of the set of terms the findings were made with, for people.
        registry: registry offset up to which late changes were swept.
        agreed: terms and model that new facts are judged with (`Agreement.mark`); empty before schema version 2.
        judged: those that everything kept was judged with; another one than `agreed`: a sweep is due.
        sources: source topic -> identity that the broker gave it when it was created.
        partitions: number of partitions of the source topics; 0 before schema version 2.
        account: of records and facts; None in a state that older software wrote (see `monitor.recount`).
        models: offset in the topic of models up to which models that the registry names were swept.
    """

    version: int = VERSION
    clocks: dict[int, int] = {}
    offsets: dict[str, int] = {}
    terms: str = ""
    registry: int = -1
    agreed: str = ""
    judged: str = ""
    sources: dict[str, str] = {}
    partitions: int = 0
    account: Account | None = None
    models: int = -1


encode: Final = msgspec.msgpack.Encoder().encode
encode_ordered: Final = msgspec.msgpack.Encoder(order="deterministic").encode
"""Of values with dictionaries, whose order is that of arrival."""
_person_head: Final = msgspec.msgpack.Decoder(PersonHead)
_person_chunk: Final = msgspec.msgpack.Decoder(PersonChunk)
_closed_chunk: Final = msgspec.msgpack.Decoder(ClosedChunk)
_person_facts: Final = msgspec.msgpack.Decoder(list[AnyPersonFact])
_key_head: Final = msgspec.msgpack.Decoder(KeyHead)
_key_chunk: Final = msgspec.msgpack.Decoder(KeyChunk)
_meta: Final = msgspec.msgpack.Decoder(Meta)


class _PersonWake(msgspec.Struct, array_like=True, gc=False):
    """A person's head of which only the wake time is decoded: recovery reads a million of them."""

    version: int
    chunks: msgspec.Raw
    floor: msgspec.Raw
    forgotten: msgspec.Raw
    kept: msgspec.Raw
    wake: int | None


_person_wake: Final = msgspec.msgpack.Decoder(_PersonWake)


def _checked(version: int) -> None:
    if version > VERSION:
        raise StateError(
            f"the stored state has schema version {version}, this software reads up to {VERSION}; "
            "start the newer version, or go back to this one for good with `claims-monitor worker rebuild`"
        )


def read_meta(value: bytes | None) -> Meta:
    """Decode a partition's meta record; a new one without a value.

    Raises:
        StateError: written by a newer version, or by one that is too old.
    """
    if value is None:
        return Meta()
    meta = _meta.decode(value)
    _checked(meta.version)
    if meta.version < OLDEST:
        raise StateError(
            f"the stored state has schema version {meta.version}, this software brings up {OLDEST} and later ones. To "
            "judge all facts again from their beginning, stop all workers and run `claims-monitor worker rebuild` "
            "(with their --prefix and --group)"
        )
    return meta


def person_key(person: str) -> bytes:
    """Key of a person's head."""
    return _PERSON + person.encode()


def person_of(key: bytes) -> str:
    """The person behind the key of a head."""
    return key[1:].decode()


def person_chunk_key(person: str, chunk: int) -> bytes:
    """Key of a chunk of a person's days."""
    return _PERSON_CHUNK + person.encode() + b"\x00" + (chunk + _OFFSET).to_bytes(4, "big")


def key_key(kind: str, key: str) -> bytes:
    """Key of another key's head."""
    return _KEY + kind.encode() + b"\x00" + key.encode()


def key_of(key: bytes) -> tuple[str, str]:
    """Kind and key behind the key of a head."""
    kind, _, name = key[1:].partition(b"\x00")
    return kind.decode(), name.decode()


def key_chunk_key(kind: str, key: str, chunk: int) -> bytes:
    """Key of a chunk of another key's days."""
    return _KEY_CHUNK + kind.encode() + b"\x00" + key.encode() + b"\x00" + (chunk + _OFFSET).to_bytes(4, "big")


_INSTITUTION_HEAD: Final = _KEY + b"institution\x00"
_INSTITUTION_CHUNK: Final = _KEY_CHUNK + b"institution\x00"


def institution_of(key: bytes) -> str | None:
    """The institution that the key of a head or of a chunk belongs to; None for other keys."""
    if not key.startswith((_INSTITUTION_HEAD, _INSTITUTION_CHUNK)):
        return None
    return key[len(_INSTITUTION_HEAD) :].partition(b"\x00")[0].decode()


def institutions_in(store: Reader) -> Iterator[str]:
    """All institutions with a state."""
    for key in store.keys(_INSTITUTION_HEAD):
        yield key[len(_INSTITUTION_HEAD) :].decode()


def read_person_head(value: bytes) -> PersonHead:
    """Decode a person's head.

    Raises:
        StateError: written by a newer version.
    """
    head = _person_head.decode(value)
    _checked(head.version)
    return head


def wake_of(key: bytes, value: bytes) -> int | None:
    """The wake time in a head; None for other values."""
    if key.startswith(_PERSON):
        person = _person_wake.decode(value)
        _checked(person.version)
        return person.wake
    if key.startswith(_KEY):
        return read_key_head(value).wake
    return None


def read_person_chunk(value: bytes) -> PersonChunk:
    """Decode a chunk of a person's days."""
    return _person_chunk.decode(value)


def read_closed_chunk(value: bytes) -> ClosedChunk:
    """Decode the findings in a chunk of a person's days."""
    return _closed_chunk.decode(value)


def facts_of(chunk: ClosedChunk) -> list[AnyPersonFact]:
    """Decode the facts in it, too."""
    return _person_facts.decode(chunk.facts)


def read_key_head(value: bytes) -> KeyHead:
    """Decode a key's head.

    Raises:
        StateError: written by a newer version.
    """
    head = _key_head.decode(value)
    _checked(head.version)
    return head


def read_key_chunk(value: bytes) -> KeyChunk:
    """Decode a chunk of a key's days."""
    return _key_chunk.decode(value)


def person_chunk(time: int) -> int:
    """The chunk of a local second in a person's state."""
    return time // (DAY * PERSON_CHUNK_DAYS)


def key_chunk(day: int) -> int:
    """The chunk of a local day in a key's state."""
    return day // KEY_CHUNK_DAYS


def by_identity(findings: Iterable[Held]) -> dict[Identity, Held]:
    """Findings by identity."""
    return {held.identity: held for held in findings}
