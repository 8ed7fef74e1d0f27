"""What goes into the engine and what comes out, free of Kafka's own types."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from detectors.panes import Contribution
from topics.alerts import Action, Alert
from topics.reasons import Quarantined


class Record(NamedTuple):
    """One record of a source topic.

    Attributes:
        topic: without the prefix.
        partition: source partition.
        offset: source offset.
        time_ms: Kafka record time, UTC milliseconds; None: unknown.
        key: raw key; None where keys are not checked.
        value: raw value.
        keyed: whether the key must be the one the contract asks for.
        checked: whether the event time is held against the record time.
    """

    topic: str
    partition: int
    offset: int
    time_ms: int | None
    key: bytes | None
    value: bytes | None
    keyed: bool = True
    checked: bool = True


class Reader(Protocol):
    """Reads a partition's keyed state."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None without one."""

    def due(self, until: int) -> list[bytes]:
        """Keys whose wake time is not after a local second."""

    def keys(self, prefix: bytes) -> Iterator[bytes]:
        """All keys that begin with a prefix."""


class AlertChange(NamedTuple):
    """One raise, revision or withdrawal.

    Attributes:
        action: what happened.
        alert: the alert after it.
        value: its encoded value.
        institution: key of the alerts log.
        revision: versions since it was raised, from 1.
        cause: identity of the fact that caused it.
        record: topic, partition and offset of that fact's record.
        time_ms: that record's time.
        amount_change: by how many fen the money at stake changed.
        amount: the money at stake after it, fen; 0 once withdrawn.
        severity_before: of the alert before it; empty where there was none.
        institution_before: of the alert before it, as `institution`.
        priority: in the review queue, parts per million; None: not ranked.
    """

    action: Action
    alert: Alert
    value: bytes
    institution: str
    revision: int
    cause: str
    record: tuple[str, int, int]
    time_ms: int
    amount_change: int
    amount: int = 0
    severity_before: str = ""
    institution_before: str = ""
    priority: int | None = None


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One signed contribution on its way to stage two, with the fact that caused it.

    Attributes:
        cause: identity of the last of the facts behind it.
        time_ms: of that fact's record.
        since: the earliest record time of the batch, else 0: what was judged together may have come long before.
    """

    kind: str
    key: str
    day: int
    name: str
    amount: int
    cause: str
    time_ms: int
    since: int = 0

    @property
    def contribution(self) -> Contribution:
        """What it adds to."""
        return Contribution(self.kind, self.key, self.day, self.name)


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Contributions of one batch for one target partition.

    Attributes:
        source: partition of stage one.
        clock: the greatest tick of that partition, local second.
        entries: its contributions; none when only the clock moved.
    """

    source: int
    clock: int
    entries: list[Entry]


frame_encoder = msgspec.msgpack.Encoder()
frame_decoder = msgspec.msgpack.Decoder(Frame)


class Sums:
    """Contributions of one batch, added up: what many persons give to a key's day is one entry."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, int, str], tuple[int, str, int]] = {}
        self.since = 0

    def add(self, contribution: tuple[str, str, int, str], amount: int, cause: str, time_ms: int) -> None:
        """Add a signed amount; the last one is the entry's cause, and decides its place.

        Args:
            contribution: a `Contribution`, or its parts as they are.
            amount: what it adds.
            cause: identity of the fact behind it.
            time_ms: of that fact's record.
        """
        held = self._sums.pop(contribution, None)
        if held is not None:
            amount += held[0]
        self._sums[contribution] = amount, cause, time_ms

    def extend(self, given: Iterable[tuple[tuple[str, str, int, str], int]], cause: str, time_ms: int) -> None:
        """Add contributions (or their parts) with their amounts, all of one cause, in their order."""
        sums = self._sums
        for contribution, amount in given:
            held = sums.pop(contribution, None)
            sums[contribution] = (amount if held is None else amount + held[0]), cause, time_ms

    def entries(self) -> list[Entry]:
        """What must be told to stage two; what cancelled out is left out."""
        return [Entry(*contribution, *held, self.since) for contribution, held in self._sums.items() if held[0]]


class Rejected(NamedTuple):
    """A record that goes to the dead-letter topic, and why."""

    record: Record
    why: Quarantined


@dataclass
class Effects:
    """All that one batch does to the world; nothing has happened yet.

    Attributes:
        writes: state by key, None deletes; the changelog carries the same.
        wakes: key -> wake time before and after (local seconds), None: none.
        alerts: in the order they happened.
        entries: contributions for stage two.
        sums: where they are gathered while the batch is judged.
        clock: stage one's clock when it moved in this batch, else None.
        rejected: records for the dead-letter topic.
        account: (fact type, outcome) -> how many.
        scores: anomaly scores of the settlements that were scored, fixed point (`detectors.forest.SCALE`).
    """

    writes: dict[bytes, bytes | None] = field(default_factory=dict)
    wakes: dict[bytes, tuple[int | None, int | None]] = field(default_factory=dict)
    alerts: list[AlertChange] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    clock: int | None = None
    rejected: list[Rejected] = field(default_factory=list)
    account: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: list[int] = field(default_factory=list)
