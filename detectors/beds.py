"""Who lies in which bed: a person's stays in pieces of one bed each, given to the bed's key.

A bed is an institution, ward and bed number, all three known. A piece lasts until a transfer takes the person to
another bed, or to the end of the stay; the last piece of an open stay has no end.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Final

import msgspec

from detectors.history import PersonHistory
from detectors.panes import Contribution
from detectors.references import value_at
from detectors.stays import STAY_FACTS, Stay
from topics.facts import Admission, Enrolment, Fact, Reversal, Transfer
from topics.times import DAY

KIND: Final = "bed"
PIECES: Final = "piece"

READS: Final[tuple[type[Fact], ...]] = (*STAY_FACTS, Reversal, Enrolment)


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stretch of a stay on one bed.

    Attributes:
        bed: its key.
        begin: local second.
        end: None: still there, as far as ticks have come, and not after `open_until`.
        open_until: the last local second at which an open stay counts as open.
    """

    bed: str
    begin: int
    end: int | None
    open_until: int

    def until(self, now: int) -> int:
        """Its end; of an open stay as far as ticks have come, local second."""
        return self.end if self.end is not None else max(self.begin, min(self.open_until, now))


class BedStay(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A piece, and whose it is.

    Attributes:
        piece: on this bed.
        visit: the stay.
        person: whose.
        institution: where.
        birth_day: of the stay's facts, else the person's reference; None: unknown.
        fund: what the fund paid for the stay, fen; None while no settlement is known.
        facts: identities of the stay's facts.
    """

    piece: Piece
    visit: str
    person: str
    institution: str
    birth_day: int | None
    fund: int | None
    facts: tuple[str, ...]


read: Final = msgspec.json.Decoder(BedStay).decode
_encode: Final = msgspec.json.Encoder().encode


def give(history: PersonHistory, visits: AbstractSet[str]) -> Iterator[tuple[Contribution, int]]:  # noqa: ARG001 - see below
    """The pieces of all stays that begin where facts are kept, each on the day it begins.

    Of all visits, since an infant is known by the person's reference, which a fact of any visit may change.
    """
    if not history.all_of(Admission) and not history.all_of(Transfer):
        return
    for stay in history.stays.values():
        if history.floor is not None and stay.begin < history.floor:
            continue
        for piece in pieces_of(stay):
            thing = BedStay(
                piece,
                stay.visit,
                stay.person,
                stay.institution,
                _birth_day(stay, history),
                stay.fund,
                tuple(stay.facts),
            )
            name = f"{PIECES}:{_encode(thing).decode()}"
            yield Contribution(KIND, piece.bed, piece.begin // DAY, name), 1


def pieces_of(stay: Stay) -> Iterator[Piece]:
    """The stay in pieces of one bed each, by begin; stretches without a known bed are left out."""
    moves = sorted({stay.begin, *(move.begin for move in stay.transfers if move.begin > stay.begin)})
    if stay.end is not None:
        moves = [move for move in moves if move < stay.end]
    beds = [_bed(stay, move) for move in moves]
    starts = [index for index, bed in enumerate(beds) if index == 0 or bed != beds[index - 1]]
    for start, after in pairwise([*starts, len(moves)]):
        bed = beds[start]
        if bed is not None:
            yield Piece(bed, moves[start], moves[after] if after < len(moves) else stay.end, stay.open_until)


def _bed(stay: Stay, time: int) -> str | None:
    place = stay.place(time)
    return f"{stay.institution}/{place.ward}/{place.bed}" if place.ward and place.bed else None


def _birth_day(stay: Stay, history: PersonHistory) -> int | None:
    own = (fact.birth_day for fact in (stay.admission, *stay.settlements) if fact is not None)
    return next((day for day in own if day is not None), value_at(history.references.birth_day, stay.begin))
