"""Facts of a file as training wants them: standing settlements with their histories, and institutions' days."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from detectors import institution_days
from detectors.history import PersonHistory
from detectors.institution_days import SETTLEMENTS
from detectors.panes import KeyHistory
from detectors.terms import General
from monitor.timeline import BadLine, Placed
from topics.decoding import Decoder
from topics.facts import Admission, Discharge, FeeLine, Reversal, Settlement, Void
from topics.registry import Entry, Registry

_READ: Final = (Settlement, Reversal, Void, FeeLine, Admission, Discharge)


class TrainingData(Protocol):
    """What a model is fitted on; each part can be gone through again and again."""

    def settlements(self) -> Iterable[tuple[Settlement, PersonHistory]]:
        """Standing settlements, each with the history of its person."""

    def institution_days(self) -> Iterable[tuple[KeyHistory, int]]:
        """Days with settlements, each with the sums of its institution."""


class Samples:
    """All standing settlements of some facts, and what they add up to for institutions.

    The histories are those that the engine judges, and the features are computed by the same functions. All facts are
    held in memory.

    Args:
        placed: the lines of a file.
        general: general numbers of the terms.
        on_bad: told of every line that is left out.
    """

    def __init__(self, placed: Iterable[Placed | BadLine], general: General, on_bad: Callable[[BadLine], None]) -> None:
        self._general = general
        self._registry = Registry()
        self._histories: dict[str, PersonHistory] = {}
        self._institutions: dict[str, KeyHistory] = {}
        decode = Decoder("any")
        for item in placed:
            if isinstance(item, BadLine):
                on_bad(item)
                continue
            if item.family not in {"person", "registry"}:
                continue
            for fact in decode(item.value):
                if isinstance(fact, Entry):
                    self._registry.put(fact)
                elif isinstance(fact, _READ) and fact.person is not None:
                    self._history(fact.person).fold(fact)
        self._add_up()

    def _history(self, person: str) -> PersonHistory:
        history = self._histories.get(person)
        if history is None:
            history = self._histories[person] = PersonHistory(person, self._general, self._registry)
        return history

    def _add_up(self) -> None:
        for history in self._histories.values():
            visits = {settlement.visit for settlement in history.settlements}
            for contribution, amount in institution_days.give(history, visits):
                institution = self._institutions.get(contribution.key)
                if institution is None:
                    institution = self._institutions[contribution.key] = KeyHistory(
                        institution_days.KIND, contribution.key, self._general, self._registry
                    )
                institution.add(contribution.day, contribution.name, amount)

    @property
    def registry(self) -> Registry:
        """Reference data of the file."""
        return self._registry

    def settlements(self) -> Iterator[tuple[Settlement, PersonHistory]]:
        """Standing settlements, each with the history of its person."""
        for history in self._histories.values():
            for settlement in history.settlements:
                yield settlement, history

    def institution_days(self) -> Iterator[tuple[KeyHistory, int]]:
        """Days with settlements, each with the sums of its institution."""
        for _, history in sorted(self._institutions.items()):
            for day in history.days:
                if history.panes[day].get(SETTLEMENTS):
                    yield history, day
