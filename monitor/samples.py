"""Settlements of a file of facts as training wants them: those that stand, each with the person's earlier ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from detectors.claim_features import earlier_of
from detectors.history import PersonHistory
from detectors.terms import General
from monitor.timeline import BadLine, Placed
from topics.decoding import Decoder
from topics.facts import Reversal, Settlement, Void
from topics.registry import Registry


class Samples:
    """All standing settlements of some facts; can be gone through again and again.

    Args:
        placed: the lines of a file.
        general: general numbers of the terms.
        on_bad: told of every line that is left out.
    """

    def __init__(self, placed: Iterable[Placed | BadLine], general: General, on_bad: Callable[[BadLine], None]) -> None:
        self._histories: dict[str, PersonHistory] = {}
        decode = Decoder("any")
        registry = Registry()
        for item in placed:
            if isinstance(item, BadLine):
                on_bad(item)
                continue
            if item.family != "person":
                continue
            for fact in decode(item.value):
                if isinstance(fact, Settlement | Reversal | Void) and fact.person is not None:
                    history = self._histories.get(fact.person)
                    if history is None:
                        history = self._histories[fact.person] = PersonHistory(fact.person, general, registry)
                    history.fold(fact)

    def __iter__(self) -> Iterator[tuple[Settlement, Sequence[Settlement]]]:
        for history in self._histories.values():
            settlements = history.settlements
            for settlement in settlements:
                yield settlement, earlier_of(settlements, settlement)
