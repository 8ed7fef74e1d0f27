"""Ticks are the only clock."""

import pytest

from monitor.backtest import Backtest
from monitor.records import AlertChange, Entry, Frame, Record, frame_encoder
from tests.engine.cluster import Cluster
from tests.facts import FIRST_DAY, Wire, at, quota, run, settlement, tick
from topics.alerts import decode
from topics.times import DAY, to_record_time

MARCH = quota()
COST = settlement(med_type="21", setl_time=at(8), fund_pay_sumamt="1000.01", medfee_sumamt="5000")
"""On 10 March, a fen over the pace of 3,100.00 for the month."""
EARLY = tick(at(0, "00:00:00"))


def quota_alerts(test: Backtest | Cluster) -> list[str]:
    found = [decode(value) for value in test.alerts()]
    return [alert.about.id for alert in found if alert.rule_id == "quota-progress"]


@pytest.mark.parametrize(
    ("time", "found"), [(at(7, "23:59:59"), []), (at(8, "00:00:00"), ["H1/2026-03"]), (at(20), ["H1/2026-03"])]
)
def test_nothing_is_seen_beyond_the_last_tick(time: str, found: list[str]) -> None:
    """A day's cost counts from the first tick of that day on."""
    assert quota_alerts(run([EARLY, MARCH, COST, tick(time)])) == found


@pytest.mark.parametrize("batch", [1, None])
def test_a_tick_wakes_what_waits_for_it(batch: int | None) -> None:
    """The alert is raised by the tick alone, at the tick's record, and by none after it again."""
    log: list[AlertChange] = []
    ticks = [tick(at(day, "00:00:00")) for day in (5, 7, 8, 9, 10)]
    run([EARLY, MARCH, COST, *ticks], batch=batch, on_change=log.append)
    found = [(change.action, change.cause == "tick") for change in log if change.alert.rule_id == "quota-progress"]
    assert found == [("raised", batch == 1)]


def test_a_later_cost_changes_the_pace_when_its_day_has_come() -> None:
    """The finding of the tenth goes when a tick reaches the twentieth, on which the cost is within the pace."""
    later_cost = COST | {"setl_id": "S2", "mdtrt_id": "V2", "setl_time": at(18), "fund_pay_sumamt": "1.00"}
    log: list[AlertChange] = []
    ticks = [tick(at(day)) for day in (8, 17, 18)]
    run([EARLY, MARCH, COST, later_cost, *ticks], batch=1, on_change=log.append)
    changes = [change.action for change in log if change.alert.rule_id == "quota-progress"]
    assert changes == ["raised", "withdrawn"]


def test_the_order_of_ticks_does_not_matter() -> None:
    """Time never goes back."""
    assert quota_alerts(run([EARLY, MARCH, COST, tick(at(9)), tick(at(1)), tick(at(0))], batch=1)) == ["H1/2026-03"]


def test_stage_two_waits_for_the_slowest_partition() -> None:
    """Its clock is the least over the source partitions; a partition that has said nothing holds it."""
    cluster = Cluster(2)
    queues = cluster.records([MARCH, EARLY, COST, tick(at(20))])
    fast, slow = sorted(queues, key=len, reverse=True)
    cluster.apply(fast)
    cluster.apply_frames(cluster.frames)
    assert quota_alerts(cluster) == []
    cluster.apply(slow[:1])
    cluster.apply_frames(cluster.frames)
    assert quota_alerts(cluster) == []
    cluster.apply(slow[1:])
    cluster.apply_frames(cluster.frames)
    assert quota_alerts(cluster) == ["H1/2026-03"]


def test_a_file_without_ticks_is_given_some() -> None:
    """Enough to judge all its days, and none three days after its last fact."""
    assert quota_alerts(run([MARCH, COST])) == ["H1/2026-03"]


def test_a_slip_far_ahead_does_not_move_the_clock() -> None:
    """One fact dated months ahead gives no ticks there."""
    slip: Wire = COST | {"setl_id": "S9", "mdtrt_id": "V9", "setl_time": at(100), "fund_pay_sumamt": "0.01"}
    june = quota(period="2026-06", amount="0")
    assert quota_alerts(run([MARCH, june, COST, slip])) == ["H1/2026-03"]


def frame(offset: int, clock: int, *given: tuple[int, str, int, int]) -> Record:
    """A frame of contributions to an institution: (day, measure, amount, day on which its fact was recorded)."""
    entries = [
        Entry(
            "institution",
            "H1",
            FIRST_DAY + day,
            name,
            amount,
            "settlement:S1",
            to_record_time((FIRST_DAY + recorded) * DAY),
        )
        for day, name, amount, recorded in given
    ]
    value = frame_encoder.encode(Frame(0, (FIRST_DAY + clock) * DAY, entries))
    return Record("contributions", 0, offset, None, None, value)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_key_that_forgets_does_not_forget_that_it_was_woken(batch: int) -> None:
    """The tick that reaches a day with cost, and a fact so late that old days are forgotten, come together."""
    cluster = Cluster(1)
    cluster.records([quota(period="2027-03")])
    cluster.apply_frames([frame(0, 370, (0, "night", 1, 0), (383, "inpatient-fund", 99_999_999, 370))])
    assert quota_alerts(cluster) == []
    frames = [frame(1, 384), frame(2, 384, (383, "night", 1, 384)), frame(3, 450, (440, "night", 1, 450))]
    for first in range(0, len(frames), batch):
        cluster.apply_frames(frames[first : first + batch])
    assert quota_alerts(cluster) == ["H1/2027-03"]
