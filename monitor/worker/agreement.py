"""What the workers of a group have agreed on: terms, model, and the schema of their state.

Each partition's state says what its findings were made with, and each worker's client id what it judges with. A worker
that differs from its group is refused, but for terms that only add versions in force from a later time on: they change
nothing before that time, so that workers can be given them one by one.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Self

from detectors.terms import TermsSet
from monitor.refusal import Refused
from monitor.state import VERSION, Meta

NO_MODEL: Final = "0"
_SHORT: Final = 8


class AgreementError(Refused):
    """This worker judges otherwise than its group; the message says how they differ and what to do."""


@dataclass(frozen=True)
class Agreement:
    """What a worker was started with.

    Attributes:
        terms: digests of all versions of the terms, ascending by `valid_from`.
        model: version of the model, `NO_MODEL` without.
        schema: version of the state's schema that the software writes.
        named: ids of the terms, for people; not compared.
    """

    terms: tuple[str, ...]
    model: str = NO_MODEL
    schema: int = VERSION
    named: str = ""

    @classmethod
    def of(cls, terms: TermsSet, model: str | None) -> Self:
        """What a worker judges with: its terms, and the version of its model."""
        digest = NO_MODEL if model is None else blake2b(model.encode(), digest_size=8).hexdigest()
        return cls(terms.digests, digest, named=terms.set_id)

    @property
    def mark(self) -> str:
        """Terms and model as a partition's state keeps them."""
        return ".".join((self.model, *self.terms))

    @property
    def short(self) -> str:
        """Schema, model and terms as a client id carries them: letters, digits and dots."""
        return ".".join((str(self.schema), self.model[:_SHORT], *(digest[:_SHORT] for digest in self.terms)))

    @classmethod
    def of_short(cls, text: str) -> Self | None:
        """What a client id says; None for one of another form."""
        schema, *rest = text.split(".")
        if not schema.isdecimal() or len(rest) < 2:
            return None
        return cls(tuple(rest[1:]), rest[0], int(schema))

    def _shortened(self) -> Self:
        return type(self)(tuple(digest[:_SHORT] for digest in self.terms), self.model[:_SHORT], self.schema)

    def equals(self, other: "Agreement") -> bool:
        """Whether they judge alike and write the same state, as far as client ids tell."""
        return self.short == other.short

    def check_member(self, other: "Agreement", where: str) -> None:
        """Hold this worker against one that works already.

        Args:
            other: what that one's client id says.
            where: address of that one.

        Raises:
            AgreementError: they must not work side by side.
        """
        mine = self._shortened()
        if other.schema > mine.schema:
            raise AgreementError(
                f"the worker at {where} writes state of schema version {other.schema}, this software reads up to "
                f"{mine.schema}: the group is moving to a newer version of the software; start that one"
            )
        difference = _difference(mine.mark, other.mark)
        if difference and not _only_adds(mine.mark, other.mark):
            raise AgreementError(
                f"the worker at {where} judges with {difference} than this one ({self.named}). Workers of one group "
                "must judge alike: start this one with the same --terms and --model, or stop all workers of the group "
                "and start them with --adopt"
            )

    def take_over(self, meta: Meta, unit: str, *, adopt: bool) -> bool:
        """Bring a partition's record up to this agreement; tells whether it changed and must be written.

        Args:
            meta: of the partition, changed in place.
            unit: stage and partition, for messages.
            adopt: judge again with this worker's terms and model what was judged with others.

        Raises:
            AgreementError: the partition was judged with others, and `adopt` is false.
        """
        fresh = not meta.offsets and not meta.agreed
        if fresh:
            meta.judged = self.mark
        elif meta.agreed != self.mark and not adopt and not _only_adds(self.mark, meta.agreed):
            raise AgreementError(
                self._refusal(unit, f"{_difference(self.mark, meta.agreed)} ({meta.terms or 'unknown'})")
            )
        changed = meta.agreed != self.mark or meta.version < VERSION
        meta.agreed, meta.terms, meta.version = self.mark, self.named, max(meta.version, VERSION)
        return changed

    def _refusal(self, unit: str, what: str) -> str:
        return (
            f"{unit} was judged with {what} than this worker's ({self.named}). Start it with the group's --terms and "
            "--model, or, to judge all that is kept again with this worker's, stop all workers of the group and start "
            "them with --adopt"
        )


def _difference(mine: str, theirs: str) -> str:
    model, *terms = mine.split(".")
    their_model, *their_terms = theirs.split(".")
    differing = [
        name
        for name, differs in (("other terms", terms != their_terms), ("another model", model != their_model))
        if differs
    ]
    return " and ".join(differing)


def _only_adds(mine: str, theirs: str) -> bool:
    """Whether the marks differ by later versions of the terms alone."""
    model, *terms = mine.split(".")
    their_model, *their_terms = theirs.split(".")
    return model == their_model and len(terms) > len(their_terms) and terms[: len(their_terms)] == their_terms
