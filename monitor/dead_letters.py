"""Dead letters as people handle them: chosen by filters, written as lines to be mended, and read back."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from monitor.outgoing import DEAD_LETTER_HEADERS
from topics.catalogue import CLAIMS, DEAD_LETTERS, INSTITUTIONS, dead_letters
from topics.decoding import Decoder, family_of
from topics.facts import Tick
from topics.reasons import WRONG_TOPIC, Quarantined
from topics.times import BadTime, format_time, from_record_time, parse_time, to_record_time

SOURCES: Final = (CLAIMS, INSTITUTIONS)
"""Source topics with a dead-letter topic."""

_OF_FAMILY: Final = {"person": CLAIMS, "institution": INSTITUTIONS}
_DROPPED: Final = frozenset({*DEAD_LETTER_HEADERS, "produced_at", "redriven_from"})
"""Headers that do not go back: why it was put aside, and when it was produced (latency would count the delay)."""


class Letter(NamedTuple):
    """One record of a dead-letter topic.

    Attributes:
        topic: the dead-letter topic, without prefix.
        partition: of it.
        offset: in it.
        time_ms: record time of the source record, UTC milliseconds.
        key: raw.
        value: raw; None: the record had none.
        headers: all of them.
        reason: why it was put aside.
        detail: what was found.
        source: topic (without prefix), partition and offset of the source record.
    """

    topic: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    reason: str
    detail: str
    source: tuple[str, int, int]

    @property
    def id(self) -> str:
        """`dead-letter topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def letter_of(
    topic: str,
    partition: int,
    offset: int,
    time_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: Iterable[tuple[str, bytes]],
) -> Letter:
    """A letter from a record of a dead-letter topic (its name without prefix)."""
    marks = tuple(headers)
    # the worker's own come last: a source record may carry headers of the same names
    found = {name: mark.decode(errors="replace") for name, mark in marks}
    source = topic.removesuffix(DEAD_LETTERS), _whole(found, "source_partition"), _whole(found, "source_offset")
    return Letter(
        topic, partition, offset, time_ms, key, value, marks, found.get("reason", "?"), found.get("detail", ""), source
    )


def _whole(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    return int(text) if text.isdigit() else -1


@dataclass(frozen=True)
class Filter:
    """Which letters are meant; what is empty or None does not restrict.

    Attributes:
        topics: source topics without prefix.
        reasons: any of them.
        partition: of the source topic.
        offsets: in the source topic.
        since: record time at or after this local second.
        until: record time before this local second.
    """

    topics: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    partition: int | None = None
    offsets: frozenset[int] = frozenset()
    since: int | None = None
    until: int | None = None

    @property
    def restricts(self) -> bool:
        """Whether it leaves any letter out."""
        return self != Filter()

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        topic, partition, offset = letter.source
        return (
            (not self.topics or topic in self.topics)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.partition is None or partition == self.partition)
            and (not self.offsets or offset in self.offsets)
            and (self.since is None or letter.time_ms >= to_record_time(self.since))
            and (self.until is None or letter.time_ms < to_record_time(self.until))
        )


# ---------------------------------------------------------------------- lines


class Line(msgspec.Struct, gc=False):
    """A letter as one line of NDJSON; `value`, `text` or `base64` is what may be mended.

    Attributes:
        letter: its id.
        reason: why it was put aside.
        detail: what was found.
        source: `topic/partition/offset` of the source record.
        time: its record time, local.
        key: its key, if that is UTF-8.
        headers: the source record's, if they are UTF-8.
        value: the record, where it is JSON on one line: byte for byte.
        text: the record, where it is other text.
        base64: the record, where it is no text.
    """

    letter: str
    reason: str
    detail: str
    source: str
    time: str
    key: str | None = None
    headers: dict[str, str] = {}
    value: msgspec.Raw = msgspec.Raw()
    text: str | None = None
    base64: str | None = None


_line: Final = msgspec.json.Decoder(Line)
_any: Final = msgspec.json.Decoder(Any)


class BadLetterLine(Exception):
    """A line that is none of those that `line_of` writes; the message says what is wrong with it."""


def line_of(letter: Letter) -> bytes:
    """A letter as a line; the record's own bytes can be had back from it."""
    line: dict[str, Any] = {
        "letter": letter.id,
        "reason": letter.reason,
        "detail": letter.detail,
        "source": "/".join(map(str, letter.source)),
        "time": format_time(from_record_time(letter.time_ms)),
        "key": _text(letter.key),
        "headers": {name: text for name, mark in kept(letter.headers) if (text := _text(mark)) is not None},
    }
    value = letter.value
    if value is not None:
        text = _text(value)
        if text is None:
            line["base64"] = base64.b64encode(value).decode()
        elif _one_line_of_json(value):
            line["value"] = msgspec.Raw(value)
        else:
            line["text"] = text
    return msgspec.json.encode(line)


def letter_from(raw: bytes) -> Letter:
    """Read a line back, mended or not.

    Raises:
        BadLetterLine: see there.
    """
    try:
        line = _line.decode(raw)
        topic, partition, offset = line.letter.rsplit("/", 2)
        source, source_partition, source_offset = line.source.rsplit("/", 2)
        value = _value(line)
        time_ms = to_record_time(parse_time(line.time))
        headers = tuple((name, text.encode()) for name, text in line.headers.items())
        key = None if line.key is None else line.key.encode()
        origin = source, int(source_partition), int(source_offset)
        return Letter(
            topic, int(partition), int(offset), time_ms, key, value, headers, line.reason, line.detail, origin
        )
    except (msgspec.MsgspecError, BadTime, ValueError, binascii.Error) as error:
        raise BadLetterLine(f"no line of `dlq show`: {error}") from None


def _value(line: Line) -> bytes | None:
    if mended := bytes(line.value):
        return mended
    if line.text is not None:
        return line.text.encode()
    return None if line.base64 is None else base64.b64decode(line.base64, validate=True)


def _text(raw: bytes | None) -> str | None:
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None


def _one_line_of_json(value: bytes) -> bool:
    if b"\n" in value or b"\r" in value or value.strip() != value:
        return False
    try:
        # null would be read back as no record at all
        return _any.decode(value) is not None
    except (msgspec.MsgspecError, RecursionError):
        return False


# ---------------------------------------------------------------------- back to the source topic


class Return(NamedTuple):
    """A letter on its way back.

    Attributes:
        letter: it.
        topic: where it goes, without prefix.
        key: the one that the contract asks for.
        headers: the source record's, and the letter's id as `redriven_from`.
    """

    letter: Letter
    topic: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...]


class Returns:
    """Decides which letters can go back: those whose record is a fact now."""

    def __init__(self) -> None:
        self._decode = Decoder("any")

    def __call__(self, letter: Letter) -> Return:
        """Where a letter goes. Whether its time is admitted is decided by the worker, as for every late fact.

        Raises:
            Quarantined: the record would be put aside again, with the reason.
        """
        fact = self._decode(letter.value)[0]
        topic = None if isinstance(fact, Tick) else _OF_FAMILY.get(family_of(fact))
        if topic is None:
            raise Quarantined(WRONG_TOPIC, "only facts go back; for the registry: claims-monitor registry load")
        key = fact.institution if topic == INSTITUTIONS else fact.person
        headers = (*kept(letter.headers), ("redriven_from", letter.id.encode()))
        return Return(letter, topic, str(key).encode(), headers)


def kept(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The headers of the source record that go back with it."""
    return [(name, mark) for name, mark in headers if name not in _DROPPED]


def topics_of(sources: Iterable[str]) -> list[str]:
    """The dead-letter topics of source topics; of all without any."""
    return [dead_letters(topic) for topic in sorted(sources) or SOURCES]
