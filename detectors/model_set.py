"""Which model scores what: models by version, and the registry's word on which of them holds at an event time."""

from collections.abc import Iterator, Mapping
from typing import Final

from detectors.findings import Span
from detectors.model import Model
from topics.registry import Registry, ScoringModel

ACTIVE: Final = "active"
SHADOW: Final = "shadow"
NONE: Final = "none"
"""The version that switches scoring off."""


class ModelSet:
    """Models that are at hand, looked up as of event times.

    Where the registry names none, the default holds. A version that the registry names and that is not at hand scores
    nothing: findings of its time are left as they stand until it comes.

    Args:
        default: holds where the registry names no model; None: nothing is scored there.
        loaded: further models.

    Attributes:
        registry: says which version holds from when; the engine sets its own.
    """

    def __init__(self, default: Model | None = None, loaded: Mapping[str, Model] | None = None) -> None:
        self.registry = Registry()
        self._default = default
        self._loaded = dict(loaded or {})
        if default is not None:
            self._loaded[default.version] = default

    def __bool__(self) -> bool:
        """Whether anything can be scored."""
        return bool(self._loaded)

    @property
    def awaited(self) -> bool:
        """Whether anything should be scored: a model is at hand, or the registry names one."""
        return bool(self._loaded) or self.registry.knows(ScoringModel, ACTIVE)

    @property
    def default(self) -> Model | None:
        """The model that holds where the registry names none."""
        return self._default

    @property
    def loaded(self) -> Mapping[str, Model]:
        """The models at hand, by version."""
        return self._loaded

    def put(self, model: Model) -> bool:
        """Take a model in; tells whether it is new."""
        new = model.version not in self._loaded
        self._loaded[model.version] = model
        return new

    def drop(self, version: str) -> None:
        """Let a model go; the default stays."""
        if self._default is None or version != self._default.version:
            self._loaded.pop(version, None)

    def named(self, time: int, role: str = ACTIVE) -> str | None:
        """The version that the registry names at a local second; None where it names none."""
        entry = self.registry.get(ScoringModel, role, at=time)
        return None if entry is None else entry.version

    def at(self, time: int, role: str = ACTIVE) -> Model | None:
        """The model that holds at a local second; None: none does, or it is not at hand."""
        version = self.named(time, role)
        if version is None:
            return self._default if role == ACTIVE else None
        return self._loaded.get(version)

    def known(self, time: int) -> bool:
        """Whether it is certain what scores at a local second: a model at hand, or by the registry's word none."""
        version = self.named(time)
        if version is None:
            return self._default is not None
        return version == NONE or version in self._loaded

    def lacks(self, time: int) -> bool:
        """Whether the registry names a model at a local second that is not at hand."""
        version = self.named(time)
        return version not in {None, NONE} and version not in self._loaded

    def parts(self, span: Span) -> Iterator[Span]:
        """The span cut where the registry switches models, without parts where it is not certain what scores."""
        entries = list(self.registry.all_of(ScoringModel, ACTIVE))
        if not entries:
            if self._default is not None:
                yield span
            return
        cuts: set[int] = set()
        for entry in entries:
            cuts.update(time for time in (entry.valid_from, entry.valid_to) if time is not None)
        begin = span.begin
        for cut in sorted(cut for cut in cuts if span.begin < cut <= span.end):
            if self.known(begin):
                yield Span(begin, cut - 1)
            begin = cut
        if begin <= span.end and self.known(begin):
            yield Span(begin, span.end)

    def versions_named(self) -> set[str]:
        """All versions that the registry names, in any role."""
        roles = (ACTIVE, SHADOW)
        return {entry.version for role in roles for entry in self.registry.all_of(ScoringModel, role)} - {NONE}
