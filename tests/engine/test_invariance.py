"""The standing findings are a pure function of the admitted facts: order, repetition and batches change nothing."""

from collections import Counter
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.judging import Cause
from monitor.records import AlertChange
from tests.engine.cluster import Cluster
from tests.engine.histories import framed, histories
from tests.facts import Wire, at, run, settlement
from topics.alerts import decode

EXAMPLES = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def standing(objects: list[Wire], batch: int | None = None) -> list[bytes]:
    """The standing alerts to the byte."""
    return list(run(framed(objects), batch=batch).alerts())


def registry_first(objects: list[Wire]) -> list[Wire]:
    return sorted(objects, key=lambda wire: wire["type"] not in {"quota", "item"})


@EXAMPLES
@given(histories(), st.randoms(use_true_random=False))
def test_any_order_of_arrival(objects: list[Wire], chance: Random) -> None:
    """Facts, ticks and registry entries in another order give the same bytes."""
    expected = standing(objects)
    shuffled = chance.sample(objects, len(objects))
    assert standing(shuffled) == expected
    assert standing(objects[::-1], batch=3) == expected


@EXAMPLES
@given(histories(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_repetition(objects: list[Wire], chance: Random, batch: int) -> None:
    """Facts told twice, anywhere, are facts told once."""
    again = objects + chance.choices(objects, k=6)
    chance.shuffle(again)
    assert standing(again, batch) == standing(objects)


@EXAMPLES
@given(histories(), st.integers(1, 7))
def test_any_split_into_batches(objects: list[Wire], batch: int) -> None:
    """One record at a time, a few, or all at once."""
    assert standing(objects, batch) == standing(objects)


@EXAMPLES
@given(histories())
def test_a_registry_that_comes_late(objects: list[Wire]) -> None:
    """A change that arrives after the facts ends where one known from the start does."""
    early = registry_first(objects)
    assert standing(early[::-1], batch=2) == standing(early)


@EXAMPLES
@given(histories(), st.integers(0, 24), st.integers(1, 4))
def test_judging_as_facts_come_equals_judging_all_again(objects: list[Wire], cut: int, batch: int) -> None:
    """At any moment, judging everything again from the stored state alone finds nothing else."""
    test = run([framed([])[0], *objects[:cut]], batch=batch)
    cause = Cause("again", ("claims.facts.v1", 0, 0), 0)
    for stage, store in ((test.engine.persons, test._persons), (test.engine.keys, test._keys)):
        assert stage.rejudge(list(stage.heads(store)), store, cause).alerts == []


@EXAMPLES
@given(histories(), st.integers(1, 3), st.randoms(use_true_random=False))
def test_any_number_of_partitions_and_any_pace(objects: list[Wire], partitions: int, chance: Random) -> None:
    """Persons over several partitions, each at its own pace, and stage two behind them at another."""
    objects = registry_first(objects)
    cluster = Cluster(partitions)
    queues = [queue for queue in cluster.records(framed(objects)) if queue]
    done = 0
    while queues:
        queue = chance.choice(queues)
        count = chance.randint(1, 5)
        cluster.apply(queue[:count])
        del queue[:count]
        queues = [queue for queue in queues if queue]
        if chance.random() < 0.5 and done < len(cluster.frames):
            cluster.apply_frames(cluster.frames[done:])
            done = len(cluster.frames)
    if done < len(cluster.frames):
        cluster.apply_frames(cluster.frames[done:])
    assert cluster.alerts() == standing(objects)


@EXAMPLES
@given(histories(), st.integers(1, 4))
def test_the_log_tells_the_same_story(objects: list[Wire], batch: int) -> None:
    """Every change follows from the one before: raised when not standing, revised to something else, withdrawn."""
    log: list[AlertChange] = []
    test = run(framed(objects), batch=batch, on_change=log.append)
    last: dict[str, AlertChange] = {}
    amounts: Counter[str] = Counter()
    for change in log:
        jr_id = change.alert.jr_id
        before = last.get(jr_id)
        stood = before is not None and before.action != "withdrawn"
        assert (change.action == "raised") == (not stood)
        assert change.revision == (before.revision + 1 if stood and before else 1)
        assert before is None or change.value != before.value
        assert decode(change.value) == change.alert
        assert (change.alert.status == "withdrawn") == (change.action == "withdrawn")
        amounts[jr_id] += change.amount_change
        last[jr_id] = change
    stand = {jr_id: change.value for jr_id, change in last.items() if change.action != "withdrawn"}
    assert stand == test.standing
    for jr_id, amount in amounts.items():
        yuan = decode(stand[jr_id]).vola_amt if jr_id in stand else None
        assert amount == (0 if yuan is None else int(yuan.replace(".", "")))


def test_the_histories_reach_every_rule_that_needs_no_model() -> None:
    """The properties above would say nothing over histories without findings."""
    seen: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(histories())
    def look(objects: list[Wire]) -> None:
        seen.update(decode(value).rule_id for value in standing(objects))

    look()
    assert seen["id-mismatch"] > 20
    assert seen["quota-progress"] > 2
    assert seen["repeat-visits"] > 2


def test_a_single_fact_is_judged_at_once() -> None:
    """A plain example beside the properties: four visits, one finding, whatever the batch."""
    visits = [settlement(f"S{n}", setl_time=at(0, f"{9 + n:02d}:00:00"), fixmedins_code=f"H{n}") for n in range(4)]
    (value,) = standing(visits)
    assert decode(value).about.id == "S0"
    assert standing(visits[::-1], batch=1) == [value]
