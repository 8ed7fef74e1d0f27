"""What is known of a person's facts before some time, so that facts after it can be judged without reading them.

All of it is a function of the facts: made from the past before and the facts since, or from all facts, it is the same.
"""

from typing import Final
from zlib import crc32

import msgspec

from detectors.references import Counted
from topics.facts import AnyPersonFact

_WIDTH: Final = 4


class Run(msgspec.Struct, frozen=True, array_like=True):
    """A burst as far as it is known at some time (`detectors.repeat_visits`).

    Attributes:
        band: of the terms.
        group: institution and disease, where the band looks at one of each.
        begin: care time of its first settlement, local second.
        first: that settlement's id.
        institution: where that was.
        last: care time of its last settlement, local second.
        most: most visits in one of its windows.
        settlements: how many there are.
        fund: what the fund paid for them, fen.
        institutions: where they were, ascending.
        facts: the least of their identities, as many as an alert names, ascending.
    """

    band: str
    group: tuple[str, str] | None
    begin: int
    first: str
    institution: str
    last: int
    most: int
    settlements: int
    fund: int
    institutions: tuple[str, ...]
    facts: tuple[str, ...]


class Past(msgspec.Struct, array_like=True):
    """A person's facts before `begin`, as far as facts after it ask for them.

    Attributes:
        terms: digests of all versions of the terms it was made with.
        begin: local second, begin of a chunk: every fact filed later is read.
        until: the local second before which bursts are known as `runs`.
        counted: by attribute, what facts told before `begin` give towards the references, forgotten ones too.
        runs: by id of the terms, bursts before `until` that end after `begin` or may go on (`repeat-visits`).
        known: names of all facts that are not read, and of their visits, in a short form (`knows`).
        open: earlier chunks in which findings are anchored that end after `begin` or are of runs.
        facts: filed earlier, but of visits that last beyond `begin`, or of stays that others may follow.
    """

    terms: str
    begin: int
    until: int
    counted: list[Counted]
    runs: dict[str, list[Run]]
    known: bytes
    open: list[int]
    facts: list[AnyPersonFact]

    def knows(self, name: str) -> bool:
        """Whether a fact or visit of this name may be among those that are not read; rarely so of one that is not."""
        return self.known.find(short(name)) >= 0

    def about(self) -> set[tuple[str, str | None]]:
        """The first settlement and the band of each run: what findings of runs are about."""
        return {(run.first, run.band) for runs in self.runs.values() for run in runs}


def short(name: str) -> bytes:
    """The short form of a name."""
    return crc32(name.encode()).to_bytes(_WIDTH, "big")


def joined(known: bytes, names: set[str]) -> bytes:
    """Short forms of names, with those that were known before."""
    forms = {known[place : place + _WIDTH] for place in range(0, len(known), _WIDTH)}
    return b"".join(sorted(forms | {short(name) for name in names}))
