"""Counts the facts that a partition's state holds, to hold them against its running account."""

from collections.abc import Callable, Iterable
from typing import Any

from detectors.standing import Counts, StandingFacts
from monitor.account import Account
from monitor.records import Reader
from monitor.state import (
    KEY_HEADS,
    PERSON_HEADS,
    Meta,
    key_chunk_key,
    key_of,
    person_chunk_key,
    person_of,
    read_key_chunk,
    read_key_head,
    read_person_chunk,
    read_person_head,
)


class _Held(StandingFacts):
    """The facts of one key as the state holds them."""

    def load(self, facts: Iterable[Any]) -> None:
        for fact in facts:
            self._hold(fact.ref, fact)

    def count(self, counts: Counts) -> None:
        """Add what became of them."""
        self._count(self.facts, 1)
        counts.add(self.counts)


class RecountStopped(Exception):
    """The partition is given up before all of it was counted."""


def recount(store: Reader, stopped: Callable[[], bool] = lambda: False) -> Counts:
    """Live, reversed and voided facts of all keys of a partition; the other counts are not in the state: 0.

    It reads everything, so it takes time in proportion to the state.

    Raises:
        RecountStopped: `stopped`, which is asked for every key, says so.
    """
    counts = Counts()
    for name in store.keys(PERSON_HEADS):
        if stopped():
            raise RecountStopped
        person = person_of(name)
        head = read_person_head(store.get(name) or b"")
        facts = _Held()
        facts.load(head.kept)
        facts.load(head.facts)
        for number in head.chunks:
            facts.load(read_person_chunk(store.get(person_chunk_key(person, number)) or b"").facts)
        facts.count(counts)
    for name in store.keys(KEY_HEADS):
        if stopped():
            raise RecountStopped
        kind, key = key_of(name)
        facts = _Held()
        for number in read_key_head(store.get(name) or b"").chunks:
            facts.load(read_key_chunk(store.get(key_chunk_key(kind, key, number)) or b"").facts)
        facts.count(counts)
    return counts


def account_of(meta: Meta, store: Reader) -> Account:
    """A partition's account; that of a state which older software wrote begins with the facts it holds."""
    if meta.account is None:
        meta.account = Account()
        if meta.offsets:
            facts = recount(store)
            facts.read = facts.admitted = facts.live + facts.reversed + facts.voided
            meta.account.facts = facts
    return meta.account
