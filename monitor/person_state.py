"""A person's state while it is worked on: history, standing findings, and which chunks must be written again."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from detectors.history import KEPT_FOR_EVER, PersonHistory, filed_at, last_time
from detectors.past import Past
from detectors.standing import Change, Outcome
from detectors.terms import General
from monitor.records import Reader
from monitor.state import (
    FEW_FACTS,
    PERSON_CHUNK_DAYS,
    VERSION,
    ClosedChunk,
    Held,
    Identity,
    PersonChunk,
    PersonHead,
    by_identity,
    encode,
    facts_of,
    person_chunk,
    person_chunk_key,
    person_key,
    read_closed_chunk,
    read_person_chunk,
    read_person_head,
)
from topics.facts import FeeLine, PersonFact, Settlement, Void
from topics.registry import Registry
from topics.times import DAY

_CHUNK: int = PERSON_CHUNK_DAYS * DAY


class PersonState:
    """State of one person, loaded from a partition's store.

    Args:
        person: the person's number.
        store: where the state lies.
        general: general numbers, for the history.
        registry: reference data, for the history.
        now: the partition's clock.
        terms: digests of the terms; where what is known of the past was made with these, only later facts are read,
            until `complete`. None: all of them.
    """

    def __init__(
        self, person: str, store: Reader, general: General, registry: Registry, now: int, terms: str | None = None
    ) -> None:
        self.person = person
        self._store = store
        self.history = PersonHistory(person, general, registry, now)
        self.findings: dict[Identity, Held] = {}
        self._head = PersonHead()
        self._filed: dict[int, set[str]] | None = None
        self._oldest: int | None = None
        self._dirty: set[int] = set()
        self._head_dirty = False
        self._wake_before: int | None = None
        self.past_holds = True
        """Whether what is kept of the past goes for the facts as they are now."""
        self._unread: set[int] = set()
        self._closed: dict[int, ClosedChunk] = {}
        self._over: dict[Identity, Held] = {}
        value = store.get(person_key(person))
        if value is not None:
            self._load(read_person_head(value), terms)

    def _load(self, head: PersonHead, terms: str | None) -> None:
        self._head = head
        self._wake_before = head.wake
        history = self.history
        history.floor = head.floor
        if head.forgotten:
            history.forgotten = {attribute: dict(pairs) for attribute, pairs in head.forgotten.items()}
        if head.superseded:
            history.superseded = list(head.superseded)
        if head.kept:
            history.load(head.kept)
        if not head.chunks:
            history.load(head.facts)
            self.findings = by_identity(head.findings) if head.findings else {}
            self._oldest = head.oldest
            return
        self._filed = {}
        past = head.past
        if terms is None or past is None or past.terms != terms or head.wake is not None:
            for number in head.chunks:
                self._take(number, self._read(number))
            return
        self.history.past = past
        first = person_chunk(past.begin)
        for number in head.chunks:
            if number >= first:
                self._take(number, self._read(number))
            else:
                self._unread.add(number)
        self.history.load(past.facts)
        if past.open:
            about = past.about()
            for number in self._unread.intersection(past.open):  # one that lost all it held is gone
                chunk = self._closed[number] = read_closed_chunk(self._value(number))
                for held in chunk.findings:
                    (self.findings if may_change(held, past.begin, about) else self._over)[held.identity] = held

    def _read(self, number: int) -> PersonChunk:
        return read_person_chunk(self._value(number))

    def _value(self, number: int) -> bytes:
        value = self._store.get(person_chunk_key(self.person, number))
        if value is None:
            raise KeyError(f"chunk {number} of a person is missing from the state")
        return value

    def _take(self, number: int, chunk: PersonChunk) -> None:
        """Take a chunk in as a whole."""
        self._filed[number] = self.history.load(chunk.facts)  # type: ignore[index]  # while it is loaded
        if chunk.findings:
            self.findings.update(by_identity(chunk.findings))

    def complete(self) -> None:
        """Read whatever was not read yet, and do without the past."""
        history = self.history
        if history.past is None:
            return
        history.past = None
        for number in sorted(self._unread):
            closed = self._closed.get(number)
            if closed is None:
                chunk = self._read(number)
                facts = chunk.facts
                self.findings.update(by_identity(chunk.findings))
            else:
                facts = facts_of(closed)
            self._filed[number] = {fact.ref for fact in facts}  # type: ignore[index]  # loaded from chunks
            history.load([fact for fact in facts if fact.ref not in history.facts])
        self.findings.update(self._over)
        self._unread, self._closed, self._over = set(), {}, {}

    def keep_past(self, past: Past | None) -> None:
        """Keep what is known of the past from now on."""
        if past != self._head.past:
            self._head.past = past
            self._head_dirty = True

    @property
    def past(self) -> Past | None:
        """What is known of the past, as it is kept."""
        return self._head.past

    @property
    def changed(self) -> bool:
        """Whether anything must be written."""
        return self._head_dirty or bool(self._dirty)

    @property
    def _chunks(self) -> dict[int, set[str]]:
        """The facts of each chunk, by identity; worked out for a person with few facts when it is asked for."""
        if self._filed is None:
            self._filed = {}
            for ref, fact in self.history.facts.items():
                if not is_kept(fact):
                    self._filed.setdefault(self.number(fact), set()).add(ref)
            for held in self.findings.values():
                self._filed.setdefault(person_chunk(held.anchor), set())
        return self._filed

    def _first_chunk(self) -> int | None:
        return self._oldest if self._filed is None else min((*self._filed, *self._unread), default=None)

    @property
    def wake(self) -> int | None:
        """The tick at which the person must be judged by time alone."""
        return self._head.wake

    @wake.setter
    def wake(self, time: int | None) -> None:
        if time != self._head.wake:
            self._head.wake = time
            self._head_dirty = True

    def wake_change(self) -> tuple[int | None, int | None] | None:
        """The wake time as loaded and as it is now; None when it is the same."""
        return None if self.wake == self._wake_before else (self._wake_before, self.wake)

    # ------------------------------------------------------------------ facts and findings

    def fold(self, fact: PersonFact) -> tuple[Outcome, list[Change]]:
        """Fold a fact into the history and mark what must be written."""
        ref = fact.ref
        before = self.history.facts.get(ref)
        outcome, changed = self.history.fold(fact)
        after = self.history.facts[ref]
        if before is None or after != before:
            self._place(ref, before, after)
        elif changed:  # a version that earlier facts are held against
            self._head_dirty = True
        return outcome, changed

    def add(self, ref: str, fact: Settlement | FeeLine, time: int) -> None:
        """Fold in a fact of a new visit outside stays (see `PersonHistory.add`), filed under a local second."""
        self.history.add(ref, fact)
        self._place_new(ref, self._chunk_of(time))

    def _place(self, ref: str, before: PersonFact | None, after: PersonFact) -> None:
        if is_kept(after):
            self._head_dirty = True
            return
        if before is not None:
            old = self.number(before)
            self._chunks.setdefault(old, set()).discard(ref)
            self._dirty.add(old)
        self._place_new(ref, self.number(after))

    def _place_new(self, ref: str, number: int) -> None:
        self._dirty.add(number)
        if self._filed is not None:
            self._filed.setdefault(number, set()).add(ref)
        elif self._oldest is None or number < self._oldest:
            self._oldest = number

    def number(self, fact: PersonFact) -> int:
        """The chunk of a fact: that of its time, or the first one that is fully kept."""
        return self._chunk_of(filed_at(fact))

    def _chunk_of(self, time: int) -> int:
        floor = self.history.floor
        return person_chunk(time if floor is None or floor < time else floor)

    def moved(self, before: Held | None, after: Held | None) -> None:
        """Mark the chunks of a finding that changed."""
        if before is None and after is not None and self._filed is None:
            number = person_chunk(after.anchor)
            self._dirty.add(number)
            if self._oldest is None or number < self._oldest:
                self._oldest = number
            return
        for held in (before, after):
            if held is not None:
                number = person_chunk(held.anchor)
                self._chunks.setdefault(number, set())
                self._dirty.add(number)

    # ------------------------------------------------------------------ forgetting

    def must_forget(self, cut: int, around: int) -> bool:
        """Whether a chunk lies wholly before a local second and nothing in it is needed any more.

        Args:
            cut: the local second.
            around: how far before a visit or finding others may matter for it, seconds.
        """
        oldest = self._first_chunk()
        if oldest is None or oldest >= person_chunk(cut):
            return False
        if self.history.past is not None:
            if any(_asks(held, around) <= oldest for held in self.findings.values() if held.end >= cut):
                return False
            self.complete()
        return oldest < self._keep_from(cut, around)

    def forget(self, cut: int, around: int) -> int:
        """Forget chunks that are not needed; tells how many reversals waited in vain."""
        self.complete()
        self.past_holds = False
        first = self._keep_from(cut, around)
        begin = first * _CHUNK
        going = [number for number in self._chunks if number < first]
        waiting = {ref for number in going for ref in self._chunks[number]}
        # a stay that lasts into what is kept is kept as a whole: others lie within it
        unmatched = self.history.forget([ref for ref in waiting if not self._needed(ref, begin)], begin)
        for number in going:
            del self._chunks[number]
            self._dirty.add(number)
        for ref in waiting & self.history.facts.keys():  # needed by something kept: goes on with the oldest chunk
            self._chunks.setdefault(first, set()).add(ref)
            self._dirty.add(first)
        self.findings = {
            identity: held for identity, held in self.findings.items() if person_chunk(held.anchor) >= first
        }
        self._head_dirty = True
        return unmatched

    def _keep_from(self, cut: int, around: int) -> int:
        """The first chunk to keep: none is dropped that a late fact, a stay or a finding still needs."""
        first = person_chunk(cut)
        if not self._chunks or min(self._chunks) >= first:
            return first
        keep = first
        for number in sorted(self._chunks):
            if number >= keep:
                break
            if any(self._needed(ref, cut) for ref in self._chunks[number]):
                keep = min(keep, person_chunk(number * _CHUNK - around))
                break
        for held in self.findings.values():
            if held.end >= cut:
                # what lies less than the reach after the floor is not judged again: this one must be
                keep = min(keep, _asks(held, around))
        return keep

    def _needed(self, ref: str, cut: int) -> bool:
        fact = self.history.facts[ref]
        if last_time(fact) >= cut:
            return True
        visit = getattr(fact, "visit", None)
        hull = self.history.hull(visit) if visit else None
        return hull is not None and hull.end >= cut

    # ------------------------------------------------------------------ writing

    def writes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The values that must be written; None deletes."""
        if not (self._dirty or self._head_dirty):
            return
        stored = self._head.chunks
        if not stored and len(self.history.facts) <= FEW_FACTS:
            yield self._whole()
        else:
            if not stored:  # too many for one value: all of them move into chunks
                self._dirty.update(self._chunks)
                self._head_dirty = True
            yield from self._changed_chunks()
        self._dirty.clear()
        self._head_dirty = False

    def _whole(self) -> tuple[bytes, bytes]:
        """A person with few facts as one value."""
        kept: list[Any] = []
        facts: list[Any] = []
        held = self.history.facts
        for _, fact in sorted(held.items()) if len(held) > 1 else held.items():
            (kept if type(fact) in _MAY_BE_KEPT and is_kept(fact) else facts).append(fact)
        head = self._head
        head.facts = facts
        head.findings = self._ordered_findings() if self.findings else []
        if self._filed is not None:  # chunks that lost their last fact or finding are gone
            anchors = {person_chunk(held.anchor) for held in head.findings}
            self._filed = {number: refs for number, refs in self._filed.items() if refs or number in anchors}
        head.oldest = self._first_chunk()
        return self._write_head(kept)

    def _ordered_findings(self) -> list[Held]:
        findings = self.findings
        return sorted(findings.values(), key=_named) if len(findings) > 1 else list(findings.values())

    def _write_head(self, kept: list[Any]) -> tuple[bytes, bytes]:
        head, history = self._head, self.history
        head.version = VERSION  # it may have been written by an older one
        head.floor = history.floor
        if history.forgotten or head.forgotten:
            head.forgotten = {attribute: sorted(held.items(), key=str) for attribute, held in history.forgotten.items()}
        head.kept = kept
        head.superseded = history.superseded
        return person_key(self.person), encode(head)

    def _changed_chunks(self) -> Iterator[tuple[bytes, bytes | None]]:
        findings: dict[int, list[Held]] = {}
        for held in chain(self.findings.values(), self._over.values()):
            number = person_chunk(held.anchor)
            if number in self._dirty:
                findings.setdefault(number, []).append(held)
        filed = self._chunks
        for number in sorted(self._dirty):
            refs = filed.get(number)
            here = sorted(findings.get(number, ()), key=_named)
            closed = self._closed.get(number)
            if closed is not None and (here or facts_of(closed)):
                yield person_chunk_key(self.person, number), encode(ClosedChunk(closed.facts, here))
                continue
            if not refs and not here:
                filed.pop(number, None)
                self._unread.discard(number)
                yield person_chunk_key(self.person, number), None
                continue
            facts = [self.history.facts[ref] for ref in sorted(refs or ())]
            yield person_chunk_key(self.person, number), encode(PersonChunk(facts, here))
        chunks = sorted(filed.keys() | self._unread)
        if self._head_dirty or chunks != self._head.chunks:
            self._head.chunks = chunks
            self._head.facts, self._head.findings, self._head.oldest = [], [], None
            kept = sorted((fact for fact in self.history.facts.values() if is_kept(fact)), key=lambda fact: fact.ref)
            yield self._write_head(kept)


def may_change(held: Held, begin: int, about: set[tuple[str, str | None]]) -> bool:
    """Whether facts that come after a past may change a finding.

    Args:
        held: the finding, anchored before it.
        begin: of what is read after the past, local second.
        about: what the past's runs are about.
    """
    return held.end >= begin or (held.about_id, held.discriminator) in about


def _named(held: Held) -> str:
    """What findings are kept in the order of."""
    return str(held.identity)


def _asks(held: Held, around: int) -> int:
    """The first chunk to keep for a finding's sake."""
    return person_chunk(min(held.begin, held.anchor) - around)


_KEPT: Final = frozenset(KEPT_FOR_EVER)
_MAY_BE_KEPT: Final = _KEPT | {Void}
_KEPT_KINDS: Final = frozenset(kind.kind for kind in KEPT_FOR_EVER)


def is_kept(fact: PersonFact) -> bool:
    """Whether a fact is kept for ever: a reference, or the void of one."""
    if type(fact) is Void:
        return fact.target.partition(":")[0] in _KEPT_KINDS
    return type(fact) in _KEPT
