"""Which rules a person's facts can concern: looked up by kinds of facts, so that the others cost nothing."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from detectors.detector import Detector
from detectors.history import KIND_BITS, PersonHistory
from monitor.judging import Rules, Waiting
from topics.facts import FeeLine, Settlement

_VISITED: Final = KIND_BITS[Settlement] | KIND_BITS[FeeLine]


class Reader(NamedTuple):
    """A rule that reads facts of some kinds.

    Attributes:
        rule: its id.
        detector: what judges it.
        back: how far before a changed fact anchors lie that it touches, seconds.
        ahead: how far after it.
        uses_references: whether a change of the person's references touches all of its findings.
        able: whether the history has what it needs to find anything.
        silent: tells at a glance that there is nothing to find; None: the rule cannot.
    """

    rule: str
    detector: Detector[Any]
    back: int
    ahead: int
    uses_references: bool
    able: bool
    silent: Callable[[PersonHistory], bool] | None


class Choosing:
    """Chooses among the rules of persons, by kinds of facts (`KIND_BITS`, added up).

    What is looked up once for a combination of kinds is kept: only few of them occur.

    Args:
        rules: of persons.
    """

    def __init__(self, rules: Rules) -> None:
        self._active = rules.active
        self._rules = rules
        self._reading: dict[tuple[int, int, int], tuple[Reader, ...]] = {}
        self._able: dict[tuple[int, int, int], tuple[Reader, ...]] = {}
        self._waiting: dict[tuple[int, int], tuple[Waiting, ...]] = {}
        self._looks: dict[tuple[int, bool, bool], int] = {}
        self._most_stays = max((detector.needs_stays for detector in rules.active.values()), default=0)
        self._reads = {rule: _bits(detector.reads) for rule, detector in rules.active.items()}
        self._needs = {rule: _bits(detector.needs) for rule, detector in rules.active.items()}

    def reading(self, kinds: int, history: PersonHistory) -> tuple[Reader, ...]:
        """All rules that read facts of these kinds, in the order of rules."""
        known = kinds, history.kinds, self._stays(history)
        found = self._reading.get(known)
        if found is None:
            found = self._reading[known] = tuple(
                Reader(
                    rule,
                    detector,
                    *self._rules.reach(rule),
                    detector.uses_references,
                    self._has(rule, *known[1:]),
                    None if type(detector).silent is Detector.silent else detector.silent,
                )
                for rule, detector in self._active.items()
                if kinds & self._reads[rule]
            )
        return found

    def able(self, kinds: int, history: PersonHistory) -> tuple[Reader, ...]:
        """Those of them that may find something in such a history (see `Detector.needs`)."""
        known = kinds, history.kinds, self._stays(history)
        found = self._able.get(known)
        if found is None:
            found = self._able[known] = tuple(reader for reader in self.reading(kinds, history) if reader.able)
        return found

    def looks(self, kinds: int, *, scored: bool, inpatient: bool = False) -> int:
        """How far before a settlement or line the rules look that such a history may concern, seconds.

        Args:
            kinds: that stand, this one's too.
            scored: whether any model is at hand.
            inpatient: whether it settles a stay of which nothing else is known.
        """
        known = kinds, scored, inpatient
        found = self._looks.get(known)
        if found is None:
            found = self._looks[known] = max(
                (
                    self._rules.looks(rule)
                    for rule, detector in self._active.items()
                    if self._reads[rule] & _VISITED
                    and not (detector.stays_alone or (inpatient and detector.outside_stays))
                    and (scored or not detector.scored)
                    and self._has(rule, kinds, self._most_stays)
                ),
                default=0,
            )
        return found

    def quiet(self, rule: str, history: PersonHistory) -> bool:
        """Whether it can be seen at a glance that an active rule finds nothing, and that time alone changes nothing."""
        return not self._has(rule, history.kinds, self._stays(history)) or self._active[rule].silent(history)

    def wake(self, history: PersonHistory) -> int | None:
        """The next tick at which any rule must judge by time alone."""
        found = self._able_to_wait(history)
        return self._rules.wake(history, found) if found else None

    def waits(self, history: PersonHistory) -> bool:
        """Whether the findings of any rule may change by time alone."""
        return bool(self._able_to_wait(history))

    def _able_to_wait(self, history: PersonHistory) -> tuple[Waiting, ...]:
        known = history.kinds, self._stays(history)
        found = self._waiting.get(known)
        if found is None:
            found = self._waiting[known] = tuple(one for one in self._rules.by_time if self._has(one.rule, *known))
        return found

    def _stays(self, history: PersonHistory) -> int:
        return len(history.stays) if self._most_stays else 0

    def _has(self, rule: str, kinds: int, stays: int) -> bool:
        """Whether what a rule needs is there."""
        needs = self._needs[rule]
        return stays >= self._active[rule].needs_stays and (not needs or kinds & needs != 0)


def _bits(kinds: tuple[type[Any], ...]) -> int:
    return sum(KIND_BITS.get(kind, 0) for kind in set(kinds))
