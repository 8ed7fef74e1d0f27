"""A backtest in several processes says what one process says: every change in order, bad lines and counts too."""

import os
import random
import re
import signal
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest

from bench.claims import Size, claims, quotas
from monitor.backtest import Alone, Backtest, Judges
from monitor.backtest_processes import JudgeFailed, Together
from monitor.engine import Engine
from monitor.simulator import preset, simulate
from monitor.terms_files import load_terms
from monitor.timeline import place


class Said(NamedTuple):
    """All that comes out of a run."""

    log: list[bytes]
    alerts: list[bytes]
    account: Counter[tuple[str, str]]
    bad: list[tuple[int, str]]


def said(lines: list[bytes], judges_of: Callable[[Engine], Judges]) -> Said:
    engine = Engine(load_terms(None), 1, "contributions")
    log: list[bytes] = []
    bad: list[tuple[int, str]] = []
    run = Backtest(
        engine, on_value=log.append, on_bad=lambda line, why: bad.append((line, str(why))), judges=judges_of(engine)
    )
    run.run(place(lines))
    return Said(log, list(run.alerts()), run.account, sorted(bad))


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """A small region and claims of others, out of order, with duplicates, broken lines and late registry entries."""
    stream = [msgspec.json.encode(wire) for _, wire in simulate(preset("small"), seed=5)]
    size = Size(settlements=4_000, persons=800, institutions=40)
    facts = [line for line in stream if b'"type":"tick"' not in line][:6_000]
    facts += [claim.value for claim in claims(size)]
    facts[8_000:8_000] = quotas(size)
    ticks = [line for line in stream if b'"type":"tick"' in line][:: len(stream) // 300]
    chance = random.Random(2)
    placed = [
        # entries of the registry come in one block, and once more late: each late block is judged again at once
        (number + (0 if b'"valid_from"' in line else chance.random() * chance.choice((50, 50, 3_000))), line)
        for number, line in enumerate(facts)
    ]
    placed += [(len(facts) * number / len(ticks), tick) for number, tick in enumerate(ticks)]
    mixed = [line for _, line in sorted(placed)]
    mixed[1_000:1_000] = [b'{"type":"settlement"', b'{"type":"tick","tick_time":"never"}', *mixed[200:400]]
    return mixed


def test_three_processes_say_what_one_says(lines: list[bytes]) -> None:
    alone = said(lines, Alone)
    assert {b"repeat-visits", b"id-mismatch", b"quota-progress", b"cost-spike"} <= {
        rule for alert in alone.alerts for rule in re.findall(rb'"rule_id":"([^"]+)"', alert)
    }
    assert len(alone.log) > len(alone.alerts)
    assert len(alone.bad) >= 2
    with Together(3) as judges:
        assert said(lines, lambda _engine: judges) == alone


def test_a_process_that_is_killed_fails_the_run(lines: list[bytes]) -> None:
    """It neither hangs nor gives the alerts of the others alone."""
    with Together(2) as judges:
        os.kill(judges.pids[1], signal.SIGKILL)
        with pytest.raises(JudgeFailed, match="code -9"):
            said(lines, lambda _engine: judges)
