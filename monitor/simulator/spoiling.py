"""What goes wrong between a visit and the monitor: slips of the pen, corrections, twins that are voided, reversals."""

import random
from typing import Final

from monitor.simulator.arrival import Arrivals
from monitor.simulator.bills import Numbers, Settled
from monitor.simulator.config import SimulationConfig
from monitor.simulator.formats import Wire, time_text
from monitor.simulator.planting.plan import Day
from topics.times import DAY, MINUTE

_MISTYPED: Final = 0.002
"""Share of visits with an identity number whose check digit is wrong."""
_SPARSE: Final = 0.01
"""Share of visits that carry neither identity number nor birth date."""


class Spoiler:
    """Sends the settlements of ordinary visits, with their mishaps.

    Args:
        config: shares of mishaps.
        numbers: ids.
        arrivals: where facts are sent.
    """

    def __init__(self, config: SimulationConfig, numbers: Numbers, arrivals: Arrivals) -> None:
        self._config, self._numbers, self._arrivals = config, numbers, arrivals
        self._later: dict[int, Day] = {}

    def due(self, day: int) -> Day | None:
        """Reversals and new settlements, of earlier days' visits, that fall on a day; asked once a day."""
        return self._later.pop(day, None)

    def send(self, settled: Settled, rng: random.Random) -> None:
        """Send a visit's settlement, now and then mistyped, corrected, doubled and voided, or reversed."""
        config, draw = self._config, rng.random()
        fact, at = settled.fact, settled.at
        slip = rng.random()
        if slip < _MISTYPED:
            number = str(fact["certno"])
            fact["certno"] = number[:17] + ("1" if number[17] != "1" else "2")
        elif slip < _MISTYPED + _SPARSE:
            del fact["certno"], fact["brdy"]
        send = self._arrivals.send
        if draw < config.corrections:
            wrong = {**fact, "dscg_maindiag_code": "R69", "upld_time": time_text(at)}
            send(at, wrong, rng)
            corrected_at = at + rng.randint(10, 600)
            fact = {**fact, "upld_time": time_text(corrected_at)}
            send(corrected_at, fact, rng)
            return
        send(at, fact, rng, may_be_late=True)
        draw -= config.corrections
        if draw < config.voids:
            twin = {**fact, "setl_id": self._numbers.settlement()}
            send(at, twin, rng)
            voided_at = at + rng.randint(2, 50) * MINUTE
            send(voided_at, void_of(settled, str(twin["setl_id"]), voided_at), rng)
        elif draw - config.voids < config.reversals:
            self._undo(settled, rng)

    def _undo(self, settled: Settled, rng: random.Random) -> None:
        """Reverse a settlement, at once or days later; two of three are settled again the same hour."""
        at = settled.at + (rng.randint(2, 30) * MINUTE if rng.random() < 0.7 else rng.randint(1, 4) * DAY)
        today = settled.at // DAY
        if at // DAY != today:
            self._later.setdefault(at // DAY, Day()).reversed.append((settled, at))
        else:
            self._arrivals.send(at, reversal(settled, at), rng)
        if rng.random() < 0.67:
            new_at = at + rng.randint(1, 20) * MINUTE
            fact = {**settled.fact, "setl_id": self._numbers.settlement(), "setl_time": time_text(new_at)}
            new = Settled(fact, settled.care, new_at, settled.total, settled.fund)
            if new_at // DAY != today:
                self._later.setdefault(new_at // DAY, Day()).settled.append(new)
            else:
                self._arrivals.send(new_at, fact, rng)


def reversal(settled: Settled, at: int) -> Wire:
    """The fact that cancels a settlement.

    Args:
        settled: what is cancelled.
        at: when, local seconds.
    """
    return {
        "type": "reversal",
        "setl_id": settled.fact["setl_id"],
        "psn_no": settled.care.person.number,
        "fixmedins_code": settled.care.institution.code,
        "setl_time": time_text(at),
        "orig_setl_time": time_text(settled.at),
    }


def void_of(settled: Settled, number: str, at: int) -> Wire:
    """The void of a settlement of a visit.

    Args:
        settled: the visit's settlement.
        number: setl_id of the one that did not happen.
        at: when it is voided, local seconds.
    """
    return {
        "type": "void",
        "kind": "settlement",
        "setl_id": number,
        "psn_no": settled.care.person.number,
        "fixmedins_code": settled.care.institution.code,
        "void_time": time_text(at),
    }
