"""Forgetting: state stays small, findings are frozen, nothing that is still needed is lost."""

import pytest

from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.records import AlertChange
from monitor.state import read_person_chunk, read_person_head
from monitor.terms_files import load_terms
from tests.facts import (
    CERTNO_A,
    CERTNO_B,
    Wire,
    admission,
    at,
    identity,
    later,
    reversal,
    run,
    settlement,
    stay_fact,
    tick,
)
from topics.alerts import Alert, decode

STAGE = Engine(load_terms(None), 1, "contributions").persons
HORIZON = STAGE.horizon // 86_400
KEPT = STAGE.kept // 86_400
CHUNK = 8
GONE = KEPT + CHUNK + 1
"""Days after which a fact is surely forgotten, once the person is heard of."""


def burst(day: int, prefix: str = "S") -> list[Wire]:
    """Four visits in a day."""
    return [
        settlement(f"{prefix}{n}", setl_time=at(day, f"{9 + n:02d}:00:00"), fixmedins_code=f"H{n}") for n in range(4)
    ]


def standing(test: Backtest, rule: str = "repeat-visits", band: str | None = "1d") -> list[Alert]:
    found = [decode(value) for value in test.alerts()]
    return [alert for alert in found if alert.rule_id == rule and (band is None or alert.discriminator == band)]


def facts_kept(test: Backtest) -> int:
    """How many facts the stored state of persons holds."""
    values = test._persons.values.items()
    heads = sum(len(read_person_head(value).facts) for key, value in values if key.startswith(b"p"))
    return heads + sum(len(read_person_chunk(value).facts) for key, value in values if key.startswith(b"c"))


@pytest.mark.parametrize("batch", [1, 3, None])
def test_findings_are_frozen_not_withdrawn(batch: int | None) -> None:
    """When the facts of a finding are forgotten, it stands as it was."""
    log: list[AlertChange] = []
    test = run([*burst(0), settlement("Z", setl_time=at(GONE))], batch=batch, on_change=log.append)
    assert [change.action for change in log] == ["raised"]
    assert [alert.about.id for alert in standing(test)] == ["S0"]
    assert facts_kept(test) == 1


def test_nothing_is_forgotten_within_the_horizon() -> None:
    """A fact that a late one may still touch is kept."""
    assert facts_kept(run([*burst(0), settlement("Z", setl_time=at(KEPT))])) == 5


@pytest.mark.parametrize("batch", [1, 2, None])
def test_forgetting_does_not_depend_on_the_batch(batch: int | None) -> None:
    """A reversal within the horizon, told after other facts were forgotten, whatever the batches."""
    objects = [
        *burst(0, "A"),
        *burst(GONE - 20, "B"),
        settlement("Z", setl_time=at(GONE)),
        reversal("A1", setl_time=at(GONE)),
        reversal("B1", setl_time=at(GONE)),
    ]
    test = run(objects, batch=batch)
    assert {identity(alert)[2] for alert in standing(test)} == {"A0"}
    assert list(test.alerts()) == list(run(objects).alerts())


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("age", [1, HORIZON // 2, HORIZON - 2])
def test_a_reversal_within_the_horizon_counts(age: int, old: bool) -> None:
    """Whether or not the person has older facts, that are forgotten on the way."""
    day = CHUNK * 2
    before = [settlement("OLD", setl_time=at(day - CHUNK))] if old else []
    test = run([*before, *burst(day), reversal("S1", setl_time=at(day + age))], batch=1)
    assert standing(test) == []


def test_references_survive() -> None:
    """The most frequent number counts facts that were forgotten; ties go to the earliest of them."""
    old = [settlement(f"S{n}", setl_time=at(n), certno=CERTNO_A) for n in range(3)]
    new = [settlement(f"T{n}", setl_time=at(GONE + n), certno=CERTNO_B) for n in range(3)]
    test = run([*old, *new], batch=1)
    assert facts_kept(test) == 3
    assert {alert.about.id for alert in standing(test, "id-mismatch", None)} == {"T0", "T1", "T2"}
    more = run([*old, *new, settlement("T9", setl_time=at(GONE + 5), certno=CERTNO_B)], batch=1)
    assert standing(more, "id-mismatch", None) == []


@pytest.mark.parametrize(("cancelled", "count"), [("S1", 0), ("S9", 1)])
def test_a_reversal_that_waits_in_vain_is_counted(cancelled: str, count: int) -> None:
    """Once, when it is forgotten; one that found its settlement is not."""
    objects = [settlement(), reversal(cancelled), settlement("Z", setl_time=at(GONE))]
    test = run([*objects, settlement("Y", setl_time=at(GONE + 1))], batch=1)
    assert test.account["reversal", "unmatched"] == count


def test_a_reversed_settlement_does_not_rise_again() -> None:
    """What is forgotten on one side of a chunk's edge does not let its other half stand."""
    for shift in range(CHUNK):
        day = GONE + shift
        objects = [*burst(shift), reversal("S1", setl_time=at(shift + CHUNK)), settlement("Z", setl_time=at(day))]
        assert standing(run(objects, batch=1)) == []


def chain(first: int, days: int) -> list[Wire]:
    """A visit every six hours."""
    return [
        settlement(f"C{n:04d}", setl_time=later(at(first), n * 6 * 3600), fixmedins_code=f"H{n % 7}")
        for n in range(4 * days)
    ]


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("batch", [37, None])
def test_a_burst_longer_than_the_horizon_stays_one(batch: int | None, old: bool) -> None:
    """Its first settlement names it as long as it goes on, also where older facts of the person were forgotten."""
    first = 40
    before = [settlement("OLD", setl_time=at(first - CHUNK))] if old else []
    visits = chain(first, GONE + 20)
    test = run([*before, *visits], batch=batch)
    (alert,) = standing(test)
    assert alert.about.id == "C0000"
    assert alert.evidence is not None
    assert alert.evidence.facts_total == len(visits)


def test_an_open_stay_is_kept() -> None:
    """A stay that goes on is kept from its admission on, so that its course is known when it ends."""
    objects = [admission(), settlement("Z", setl_time=at(KEPT + 20), fixmedins_code="H2")]
    assert facts_kept(run(objects, batch=1)) == 2
    objects = [admission(), settlement("Z", setl_time=at(GONE + 60), fixmedins_code="H2")]
    assert facts_kept(run(objects, batch=1)) == 1


@pytest.mark.parametrize("batch", [1, 2, 3, None])
def test_what_time_alone_makes_is_judged_before_its_facts_are_forgotten(batch: int | None) -> None:
    """A leave that became too long, where the tick that says so and the fact that makes it forgotten come together."""
    away = stay_fact("leave", "leave_begntime", leave_begntime=at(1))
    much_later = at(GONE + 60)
    objects = [tick(at(-1)), admission(), away, tick(at(1)), tick(much_later)]
    test = run([*objects, settlement("Z", setl_time=much_later, fixmedins_code="H2")], batch=batch)
    assert len(standing(test, "leave-too-long", None)) == 1
    assert facts_kept(test) == 1
