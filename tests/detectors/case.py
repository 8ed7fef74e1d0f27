"""What a case of a rule is."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tests.facts import Wire

About = tuple[str, str, str | None]


@dataclass(frozen=True)
class Case:
    """A short timeline of facts, and what the rule must say about it.

    Attributes:
        name: what is special about it.
        objects: wire objects in order of arrival.
        expected: (about kind, about id, discriminator) of every standing finding of the rule; none: quiet.
    """

    name: str
    objects: list[Wire]
    expected: AbstractSet[About] = field(default_factory=frozenset)
