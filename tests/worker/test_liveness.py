"""Liveness and readiness by partition: one stuck partition makes a worker unhealthy."""

import pytest

from monitor.delivery.app import DeliveryStatus, PartitionStatus, UnitStatus
from monitor.delivery.units import UnitState
from monitor.worker.liveness import Liveness

LIMIT = 120.0


def status(
    *,
    state: UnitState = UnitState.READY,
    stalled_s: float = 0.0,
    position: int = 5,
    lag: int | None = 0,
    in_flight: int = 0,
    held: tuple[str, ...] = (),
) -> DeliveryStatus:
    """Two partitions: the first is well, the second as told."""

    def unit(number: int, state: UnitState, stalled_s: float, part: PartitionStatus) -> UnitStatus:
        return UnitStatus("persons", number, state, (), 0, (part,), stalled_s)

    well = unit(0, UnitState.READY, 0.0, PartitionStatus("claims", 0, 9, 9, 0, 9, 0, ()))
    part = PartitionStatus("claims", 1, position, None if lag is None else position + lag, lag, None, in_flight, held)
    return DeliveryStatus(1, joined=True, units=(well, unit(1, state, stalled_s, part)))


def second(liveness: Liveness, found: DeliveryStatus, now: float) -> tuple[bool, bool, str | None]:
    first, other = liveness.partitions(found, now)
    assert (first["healthy"], first["ready"], first["problem"]) == (True, True, None)
    return other["healthy"], other["ready"], other["problem"]


@pytest.mark.parametrize(("state", "doing"), [(UnitState.READY, "judging a batch"), (UnitState.OPENING, "opening")])
def test_work_that_makes_no_progress(state: UnitState, doing: str) -> None:
    """At the limit it is still well; beyond it is neither healthy nor ready, and says why."""
    liveness = Liveness(LIMIT)
    assert second(liveness, status(state=state, stalled_s=LIMIT), 0)[0]
    healthy, ready, problem = second(liveness, status(state=state, stalled_s=LIMIT + 1), 0)
    assert (healthy, ready) == (False, False)
    assert problem == f"stuck: {doing} without progress for 121 s"


def test_a_partition_that_opens_is_healthy_but_not_ready() -> None:
    """A restart would only make it begin again."""
    assert second(Liveness(LIMIT), status(state=UnitState.OPENING, stalled_s=3.0), 0) == (True, False, None)


def test_records_wait_and_none_is_fetched() -> None:
    """Stuck beyond the limit; as soon as the position moves it is well again."""
    liveness = Liveness(LIMIT)
    waiting = status(lag=7)
    assert second(liveness, waiting, 1000.0)[0]
    assert second(liveness, waiting, 1000.0 + LIMIT)[0]
    assert second(liveness, waiting, 1001.0 + LIMIT) == (
        False,
        False,
        "stuck: 7 records of claims wait, nothing was fetched for 121 s",
    )
    assert second(liveness, status(position=6, lag=6), 1002.0 + LIMIT)[0]
    assert second(liveness, status(position=6, lag=6), 1003.0 + LIMIT)[0]


@pytest.mark.parametrize(
    "found",
    [
        status(lag=0),
        status(lag=None),
        status(lag=7, held=("handler",), state=UnitState.PAUSED),
        status(lag=7, in_flight=3),
    ],
)
def test_who_has_nothing_to_do_or_may_not_is_not_stuck(found: DeliveryStatus) -> None:
    """Nothing new, paused until somebody says so, or enough taken already."""
    liveness = Liveness(LIMIT)
    for now in (0.0, LIMIT, 100 * LIMIT):
        assert second(liveness, found, now) == (True, True, None)
