"""The state of another key than a person while it is worked on: panes of days, its own facts, standing findings."""

from collections.abc import Iterator

from detectors.panes import KeyHistory
from detectors.standing import Change, Outcome
from detectors.terms import General
from monitor.records import Reader
from monitor.state import (
    KEY_CHUNK_DAYS,
    Held,
    Identity,
    KeyChunk,
    KeyHead,
    by_identity,
    encode,
    encode_ordered,
    key_chunk,
    key_chunk_key,
    key_key,
    read_key_chunk,
    read_key_head,
)
from topics.facts import Void
from topics.institutions import AnyInstitutionFact
from topics.registry import Registry
from topics.times import DAY


class KeyState:
    """State of one key, loaded from a partition's store.

    Args:
        kind: of the key.
        key: the key itself.
        store: where the state lies.
        general: general numbers, for the history.
        registry: reference data, for the history.
        now: the least clock of the source partitions.
    """

    def __init__(self, kind: str, key: str, store: Reader, general: General, registry: Registry, now: int) -> None:
        self.kind = kind
        self.key = key
        self.history = KeyHistory(kind, key, general, registry, now)
        self.findings: dict[Identity, Held] = {}
        self._head = KeyHead()
        self._chunks: set[int] = set()
        self.oldest: int | None = None
        """The first chunk; None without any."""
        self._dirty: set[int] = set()
        self._head_dirty = False
        self._wake_before: int | None = None
        value = store.get(key_key(kind, key))
        if value is not None:
            self._load(read_key_head(value), store)

    def _load(self, head: KeyHead, store: Reader) -> None:
        self._head = head
        self._wake_before = head.wake
        self.history.floor = head.floor
        for number in head.chunks:
            value = store.get(key_chunk_key(self.kind, self.key, number))
            if value is None:
                raise KeyError(f"chunk {number} of a key is missing from the state")
            chunk = read_key_chunk(value)
            self.history.load_panes(chunk.panes)
            self.history.load(chunk.facts)
            self._chunks.add(number)
            self.findings.update(by_identity(chunk.findings))
        self.oldest = min(self._chunks, default=None)

    @property
    def wake(self) -> int | None:
        """The tick at which the key must be judged by time alone."""
        return self._head.wake

    @wake.setter
    def wake(self, time: int | None) -> None:
        if time != self._head.wake:
            self._head.wake = time
            self._head_dirty = True

    def wake_change(self) -> tuple[int | None, int | None] | None:
        """The wake time as loaded and as it is now; None when it is the same."""
        return None if self.wake == self._wake_before else (self._wake_before, self.wake)

    def add(self, day: int, name: str, amount: int) -> None:
        """Add a signed amount to a day's measure; what was forgotten stays forgotten."""
        history = self.history
        if history.floor is not None and day * DAY < history.floor:
            return
        history.add(day, name, amount)
        number = day // KEY_CHUNK_DAYS
        if number not in self._dirty:
            self._mark(number)

    def fold(self, fact: AnyInstitutionFact) -> tuple[Outcome, list[Change]]:
        """Fold one of the key's own facts in."""
        before = self.history.facts.get(fact.ref)
        outcome, changed = self.history.fold(fact)
        after = self.history.facts[fact.ref]
        if after != before:
            if before is not None:
                self._mark(key_chunk(before.at // DAY))
            self._mark(key_chunk(after.at // DAY))
        return outcome, changed

    def moved(self, before: Held | None, after: Held | None) -> None:
        """Mark the chunks of a finding that changed."""
        for held in (before, after):
            if held is not None:
                self._mark(key_chunk(held.anchor // DAY))

    def _mark(self, number: int) -> None:
        self._chunks.add(number)
        self._dirty.add(number)
        if self.oldest is None or number < self.oldest:
            self.oldest = number

    def must_forget(self, cut: int) -> bool:
        """Whether a chunk lies wholly before a local second."""
        oldest = self.oldest
        return oldest is not None and oldest < key_chunk(cut // DAY) and oldest < self._keep_from(cut)

    def _keep_from(self, cut: int) -> int:
        """The first chunk to keep: that of a void stays as long as what it voids (an announced change, say)."""
        first = key_chunk(cut // DAY)
        keep = first
        for fact in self.history.facts.values():
            if isinstance(fact, Void) and key_chunk(fact.at // DAY) < keep:
                voided = self.history.facts.get(fact.target)
                if voided is not None and key_chunk(voided.at // DAY) >= first:
                    keep = key_chunk(fact.at // DAY)
        return keep

    def forget(self, cut: int) -> None:
        """Forget the chunks wholly before a local second; their findings are frozen."""
        first = self._keep_from(cut)
        going = {number for number in self._chunks if number < first}
        days = [day for day in self.history.panes if key_chunk(day) in going]
        refs = [ref for ref, fact in self.history.facts.items() if key_chunk(fact.at // DAY) in going]
        self.history.forget(days, refs, first * KEY_CHUNK_DAYS * DAY)
        self.findings = {
            identity: held for identity, held in self.findings.items() if key_chunk(held.anchor // DAY) >= first
        }
        self._chunks -= going
        self.oldest = min(self._chunks, default=None)
        self._dirty |= going
        self._head_dirty = True

    def writes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The values that must be written; None deletes."""
        history = self.history
        all_facts = sorted(history.facts.items()) if history.facts else ()
        all_findings = [self.findings[identity] for identity in sorted(self.findings, key=str)] if self.findings else ()
        for number in sorted(self._dirty):
            first = number * KEY_CHUNK_DAYS
            panes = [(day, history.panes[day]) for day in history.days_from(first, first + KEY_CHUNK_DAYS - 1)]
            facts = [fact for _, fact in all_facts if key_chunk(fact.at // DAY) == number]
            findings = [held for held in all_findings if key_chunk(held.anchor // DAY) == number]
            name = key_chunk_key(self.kind, self.key, number)
            if panes or facts or findings:
                yield name, encode_ordered(KeyChunk(panes, facts, findings))
            else:
                self._chunks.discard(number)
                self.oldest = min(self._chunks, default=None)
                yield name, None
        chunks = sorted(self._chunks)
        if self._head_dirty or chunks != self._head.chunks:
            self._head.chunks = chunks
            self._head.floor = self.history.floor
            yield key_key(self.kind, self.key), encode(self._head)
        self._dirty.clear()
        self._head_dirty = False
