"""The engine: one for live and backtest, free of I/O and clock.

Two stages. `persons` takes records of `claims.facts.v1`; what they contribute to other keys leaves as entries,
framed for stage two; `keys` takes those frames and the records of `institutions.facts.v1`. A batch goes in and
`Effects` come out; the caller makes them happen in this order: transaction (alerts, frames, changelog), local store,
acknowledgement.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from detectors.catalogue import all_detectors
from detectors.detector import Detector
from detectors.terms import TermsSet
from monitor.judging import Rules
from monitor.key_stage import KeyStage
from monitor.person_stage import PersonStage
from monitor.scoring import ForestScorer
from topics.registry import Entry, Registry


class Engine:
    """Both stages over one registry and one set of terms.

    Args:
        terms: all versions of the terms.
        partitions: of the source topics.
        contributions: name of the topic that carries frames.
        scorer: scores settlements; without one, only models that are put in later do.
        max_bytes: larger records are quarantined.
        detectors: by rule id; all there are by default.
    """

    def __init__(
        self,
        terms: TermsSet,
        partitions: int,
        contributions: str,
        scorer: ForestScorer | None = None,
        max_bytes: int | None = None,
        detectors: Mapping[str, Detector[Any]] | None = None,
    ) -> None:
        self.terms = terms
        self.registry = Registry()
        by_kind: dict[str, dict[str, Detector[Any]]] = {}
        for rule, detector in (all_detectors() if detectors is None else detectors).items():
            by_kind.setdefault(detector.key, {})[rule] = detector
        persons = Rules(by_kind.pop("person", {}), terms)
        others = {kind: Rules(detectors_of, terms) for kind, detectors_of in by_kind.items()}
        self._consults = {
            "person": {kind for detector in persons.active.values() for kind in detector.consults},
            "key": {
                kind for rules in others.values() for detector in rules.active.values() for kind in detector.consults
            },
        }
        self.scorer = ForestScorer() if scorer is None else scorer
        self.scorer.models.registry = self.registry
        self.persons = PersonStage(persons, self.registry, self.scorer, max_bytes)
        self.keys = KeyStage(
            others, terms.general, self.registry, partitions, contributions, max_bytes, self.scorer.models
        )

    def put(self, entries: Iterable[Entry]) -> set[str]:
        """Take registry entries in; names the stages (`person`, `key`) that must be judged again."""
        stages = set()
        for entry in entries:
            if self.registry.put(entry):
                stages |= self.concerned(entry)
        return stages

    def concerned(self, entry: Entry) -> set[str]:
        """The stages with a rule that consults entries of this kind."""
        return {stage for stage, kinds in self._consults.items() if type(entry) in kinds}
