"""Which facts stand: versions, reversals and voids folded in, whatever the order of arrival."""

from enum import Enum
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from topics.facts import FeeLine, Reversal, Settlement, Void
from topics.versions import standing


class Outcome(Enum):
    """What became of a fact that was folded in."""

    ADMITTED = "admitted"
    DUPLICATE = "duplicate"
    NEW_VERSION = "new-version"
    SUPERSEDED = "superseded"


class Change(NamedTuple):
    """A fact as it stood before and as it stands after; None: it did not, or does not, stand."""

    before: Any
    after: Any


_CANCELLING: Final = frozenset({Reversal, Void})


def affected(fact: Any) -> tuple[str, ...]:  # noqa: ANN401 - any fact
    """Identities of the facts that may stand or fall with this one, its own first."""
    if type(fact) not in _CANCELLING:
        return (fact.ref,)
    if isinstance(fact, Reversal):
        return fact.ref, "settlement:" + fact.settlement
    kind, _, name = fact.target.partition(":")
    return (fact.ref, fact.target, "settlement:" + name) if kind == "reversal" else (fact.ref, fact.target)


class StandingFacts:
    """Facts by identity, one version each, and which of them stand.

    Attributes:
        facts: identity -> the version that was chosen, standing or not.
    """

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self._cancelling = 0

    def fold(self, fact: Any) -> tuple[Outcome, list[Change]]:  # noqa: ANN401 - any fact
        """Fold one fact in; tells what became of it and which standing facts changed."""
        names = affected(fact)
        held = self.facts.get(names[0])
        if held is None and not self._cancelling and type(fact) not in _CANCELLING:  # nothing but this fact changes
            self._hold(names[0], fact)
            change = Change(None, fact)
            self._refile(change)
            return Outcome.ADMITTED, [change]
        before = [self.live(name) for name in names]
        outcome = Outcome.ADMITTED
        winner = fact
        if held is not None:
            winner = standing(held, fact)
            if winner == held:
                return (Outcome.DUPLICATE if _same(held, fact) else Outcome.SUPERSEDED), []
            outcome = Outcome.SUPERSEDED if _same(winner, held) else Outcome.NEW_VERSION
        self._hold(names[0], winner)
        changes = []
        for name, old in zip(names, before, strict=True):
            new = self.live(name)
            if new != old:
                changes.append(Change(old, new))
        for change in changes:
            self._refile(change)
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

    def _hold(self, ref: str, fact: Any) -> None:  # noqa: ANN401 - any fact
        if type(fact) in _CANCELLING and ref not in self.facts:
            self._cancelling += 1
        self.facts[ref] = fact

    def _drop(self, ref: str) -> None:
        if isinstance(self.facts.pop(ref), Reversal | Void):
            self._cancelling -= 1

    def _refile(self, change: Change) -> None:
        """Bring views derived from the facts up to date."""


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - two facts of one identity
    """Whether two versions say the same; of a fee line but for its earliest upload."""
    if isinstance(one, FeeLine) and isinstance(other, FeeLine):
        return replace(one, first_upload=None) == replace(other, first_upload=None)
    return bool(one == other)
