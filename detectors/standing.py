"""Which facts stand: versions, reversals and voids folded in, whatever the order of arrival."""

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from topics.facts import FeeLine, Reversal, Settlement, Void
from topics.versions import standing


class Outcome(Enum):
    """What became of a fact that was folded in."""

    ADMITTED = "admitted"
    DUPLICATE = "duplicate"
    NEW_VERSION = "new-version"
    SUPERSEDED = "superseded"


ADMITTED: Final = Outcome.ADMITTED
"""Asking the class for a member takes as long as ten look-ups."""


class Counts(msgspec.Struct, array_like=True, gc=False):
    """How many facts came, and what became of the distinct ones among them.

    Every fact that came is a new one, a duplicate, or a version of which one is superseded; every new one stands, is
    reversed or voided now, or was forgotten. One that comes again after it was forgotten is new again.

    Attributes:
        read: facts that came.
        admitted: those of an identity not held before.
        live: facts that stand.
        reversed: settlements that a standing reversal cancels.
        voided: facts that did not happen, reversals among them.
        forgotten: facts dropped because no admitted fact can touch them any more.
        duplicates: facts that said what was known.
        superseded: versions of a known fact that lost against it, or that it lost against.
    """

    read: int = 0
    admitted: int = 0
    live: int = 0
    reversed: int = 0
    voided: int = 0
    forgotten: int = 0
    duplicates: int = 0
    superseded: int = 0

    def add(self, other: "Counts") -> None:
        """Add the counts of other facts."""
        self.read += other.read
        self.admitted += other.admitted
        self.live += other.live
        self.reversed += other.reversed
        self.voided += other.voided
        self.forgotten += other.forgotten
        self.duplicates += other.duplicates
        self.superseded += other.superseded


class Change(NamedTuple):
    """A fact as it stood before and as it stands after; None: it did not, or does not, stand."""

    before: Any
    after: Any


CANCELLING: Final = frozenset({Reversal, Void})
"""The kinds of facts that make others not stand."""


def affected(fact: Any) -> tuple[str, ...]:  # noqa: ANN401 - any fact
    """Identities of the facts that may stand or fall with this one, its own first."""
    if type(fact) not in CANCELLING:
        return (fact.ref,)
    if isinstance(fact, Reversal):
        return fact.ref, "settlement:" + fact.settlement
    kind, _, name = fact.target.partition(":")
    return (fact.ref, fact.target, "settlement:" + name) if kind == "reversal" else (fact.ref, fact.target)


class StandingFacts:
    """Facts by identity, one version each, and which of them stand.

    Attributes:
        facts: identity -> the version that was chosen, standing or not.
        counts: what was folded in and forgotten here; facts that were loaded do not count.
    """

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.counts = Counts()
        self._cancelling = 0

    def fold(self, fact: Any) -> tuple[Outcome, list[Change]]:  # noqa: ANN401 - any fact
        """Fold one fact in; tells what became of it and which standing facts changed."""
        names = affected(fact)
        held = self.facts.get(names[0])
        counts = self.counts
        if held is None and not self._cancelling and type(fact) not in CANCELLING:  # nothing but this fact changes
            counts.read += 1
            counts.admitted += 1
            counts.live += 1
            self._hold(names[0], fact)
            change = Change(None, fact)
            self._refile(change)
            return ADMITTED, [change]
        before = [self.live(name) for name in names]
        outcome = ADMITTED
        winner = fact
        counts.read += 1
        if held is not None:
            winner = standing(held, fact)
            if winner == held:
                if _same(held, fact):
                    counts.duplicates += 1
                    return Outcome.DUPLICATE, []
                counts.superseded += 1
                return Outcome.SUPERSEDED, self._lost(fact, held)
            outcome = Outcome.SUPERSEDED if _same(winner, held) else Outcome.NEW_VERSION
            counts.superseded += 1
        else:
            counts.admitted += 1
        if self._cancelling or isinstance(fact, Reversal | Void):
            self._count(names, -1)
            self._hold(names[0], winner)
            self._count(names, 1)
        else:
            self._hold(names[0], winner)
            counts.live += held is None
        changes = []
        for name, old in zip(names, before, strict=True):
            new = self.live(name)
            if new != old:
                changes.append(Change(old, new))
        for change in changes:
            self._refile(change)
        if held is not None or not changes:
            changes += self._lost(held, winner)
        return outcome, changes

    def live(self, ref: str) -> Any:  # noqa: ANN401 - any fact, or None
        """The fact with this identity if it stands: known, not voided, not reversed."""
        fact = self.facts.get(ref)
        if fact is None or not self._cancelling:
            return fact
        if self._voided(ref, fact):
            return None
        if isinstance(fact, Settlement):
            reversal = self.facts.get("reversal:" + fact.id)
            if reversal is not None and not self._voided(reversal.ref, reversal):
                return None
        return fact

    def _voided(self, ref: str, fact: Any) -> bool:  # noqa: ANN401 - any fact
        void = self.facts.get("void:" + ref)
        if not isinstance(void, Void):
            return False
        # the winner was uploaded last, so with it all earlier versions are void
        return fact.uploaded_at is None or fact.uploaded_at <= void.voided_at

    def _count(self, refs: Iterable[str], by: int) -> None:
        """Count what became of those of some facts that are held."""
        counts = self.counts
        for ref in refs:
            if ref not in self.facts:
                continue
            if self.live(ref) is not None:
                counts.live += by
            elif self._voided(ref, self.facts[ref]):
                counts.voided += by
            else:
                counts.reversed += by

    def _hold(self, ref: str, fact: Any) -> None:  # noqa: ANN401 - any fact
        if type(fact) in CANCELLING and ref not in self.facts:
            self._cancelling += 1
        self.facts[ref] = fact

    def _drop(self, refs: Collection[str]) -> None:
        """Forget facts for good."""
        self._count(refs, -1)
        self.counts.forgotten += len(refs)
        for ref in refs:
            if isinstance(self.facts.pop(ref), Reversal | Void):
                self._cancelling -= 1

    def _lost(self, loser: Any, winner: Any) -> list[Change]:  # noqa: ANN401, ARG002 - two facts of one identity
        """Take note of a version that lost (None: of a fact that changes none that stands); gives what changes."""
        return []

    def _refile(self, change: Change) -> None:
        """Bring views derived from the facts up to date."""


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - two facts of one identity
    """Whether two versions say the same; of a fee line but for its earliest upload."""
    if isinstance(one, FeeLine) and isinstance(other, FeeLine):
        return replace(one, first_upload=None) == replace(other, first_upload=None)
    return bool(one == other)
