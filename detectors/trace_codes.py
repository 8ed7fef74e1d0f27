"""Drug trace codes: each live line that carries one, given to the code's key.

Lines that hand a pack to a person: outpatient, emergency and pharmacy lines, and discharge drugs.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from detectors.findings import ALWAYS
from detectors.history import PersonHistory
from detectors.lines import NetLine
from detectors.panes import Contribution
from detectors.stays import STAY_FACTS
from detectors.terms import General
from topics.facts import Fact, FeeLine, Reversal
from topics.times import DAY

KIND: Final = "trace-code"
LINES: Final = "line"

READS: Final[tuple[type[Fact], ...]] = (*STAY_FACTS, Reversal)


class CodedLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line with a trace code.

    Attributes:
        at: when it was charged, local second.
        name: its id: institution, visit and sequence.
        visit: its visit.
        institution: where.
        person: whose.
        split: whether a pack was split between persons.
        fund: this code's even share of the fund's part of the line's amount, fen; None while no settlement is known.
        live_until: the last local second at which it is live; None: for good.
    """

    at: int
    name: str
    visit: str
    institution: str
    person: str
    split: bool
    fund: int | None
    live_until: int | None


read: Final = msgspec.json.Decoder(CodedLine).decode
_encode: Final = msgspec.json.Encoder().encode


def give(history: PersonHistory, visits: AbstractSet[str]) -> Iterator[tuple[Contribution, int]]:
    """The lines of some visits, each on its day to each of its codes."""
    places = {
        (line.institution, visit)
        for visit in visits
        for line in history.visit(visit)
        if type(line) is FeeLine and line.trace_codes
    }
    for institution, visit in places:
        until = history.live_until(visit)
        if until == ALWAYS.begin:
            continue
        for net_line in history.net_lines(institution, visit):
            line = net_line.line
            if line.trace_codes and hands_out(net_line, history.general):
                codes = sorted(set(line.trace_codes))
                fund = history.fund_share(net_line.amount, None, visit)
                for place, code in enumerate(codes):
                    coded = CodedLine(
                        line.charged_at,
                        line.ref.partition(":")[2],
                        visit,
                        institution,
                        line.person,
                        line.split_pack is True,
                        None if fund is None else fund * (place + 1) // len(codes) - fund * place // len(codes),
                        None if until == ALWAYS.end else until,
                    )
                    name = f"{LINES}:{_encode(coded).decode()}"
                    yield Contribution(KIND, code, line.charged_at // DAY, name), 1


def hands_out(net_line: NetLine, general: General) -> bool:
    """Whether the line gives something to a person to take away."""
    outside = general.outpatient | general.emergency | general.pharmacy
    return net_line.line.discharge_drug is True or net_line.med_type in outside
