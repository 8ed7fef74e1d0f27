"""An alert of each rule, from a small simulated region with planted violations.

The region is always the same, and so are its alerts: examples change only with rules, terms or the simulator.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from detectors.catalogue import all_detectors
from detectors.terms import TermsSet
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.simulator import preset, simulate
from monitor.timeline import place
from topics.alerts import decode

_REGION: Final = dataclasses.replace(preset("small"), institutions=10, persons=20)
"""The plants of the preset among few others: the same rules fire, in a fraction of the time."""
_SEED: Final = 0


def example_alerts(terms: TermsSet, rules: Iterable[str] | None = None) -> Mapping[str, dict[str, Any]]:
    """The standing alert with the least jr_id of each rule, as JSON has it; rules without one are left out.

    Args:
        terms: by which the facts are judged.
        rules: the rules asked for; None: all.
    """
    detectors = all_detectors()
    asked = {rule: detectors[rule] for rule in (detectors if rules is None else rules)}
    run = Backtest(Engine(terms, 1, "contributions", detectors=asked))
    run.run(place(_lines()))
    found: dict[str, dict[str, Any]] = {}
    for value in run.alerts():
        found.setdefault(decode(value).rule_id, msgspec.json.decode(value))
    return found


def _lines() -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for _, fact in simulate(_REGION, _SEED):
        yield encode(fact)
