"""Which partitions work, and which are stuck: one that is stuck makes the worker unhealthy, however well others go."""

from typing import Any, Final

from monitor.delivery.app import DeliveryStatus, PartitionStatus, UnitStatus
from monitor.delivery.units import UnitState

STUCK_AFTER_S: Final = 120.0
"""So long a partition with work to do may show no progress: far beyond what a batch, a transaction or a slice of a
recovery takes, request timeouts included."""


class Liveness:
    """Looks at the delivery's states now and then; call it as often as somebody asks for health.

    Args:
        stuck_after_s: seconds without progress after which a partition with work counts as stuck.
    """

    def __init__(self, stuck_after_s: float = STUCK_AFTER_S) -> None:
        self._stuck_after_s = stuck_after_s
        self._seen: dict[tuple[str, int], tuple[int, float]] = {}

    def partitions(self, status: DeliveryStatus, now: float) -> list[dict[str, Any]]:
        """Every unit with its topics' lags, whether it is `healthy` and `ready`, and the `problem` in words.

        Args:
            status: of the delivery.
            now: seconds of a clock that never goes back.
        """
        known = {(part.topic, part.partition) for unit in status.units for part in unit.partitions}
        self._seen = {tp: seen for tp, seen in self._seen.items() if tp in known}
        return [self._shown(unit, now) for unit in status.units]

    def _shown(self, unit: UnitStatus, now: float) -> dict[str, Any]:
        problem = self._problem(unit, now)
        return {
            "stage": unit.stage,
            "partition": unit.partition,
            "state": str(unit.state),
            "healthy": problem is None,
            # a paused one is ready: it waits for a person, and a restart would not help
            "ready": problem is None and unit.state in (UnitState.READY, UnitState.PAUSED),
            "problem": problem,
            "paused": list(unit.paused_topics),
            "lag": {partition.topic: partition.lag for partition in unit.partitions},
        }

    def _problem(self, unit: UnitStatus, now: float) -> str | None:
        still = [self._still(part, now) for part in unit.partitions]
        if unit.stalled_s > self._stuck_after_s:
            doing = "opening" if unit.state is UnitState.OPENING else "judging a batch"
            return f"stuck: {doing} without progress for {unit.stalled_s:.0f} s"
        for part, seconds in zip(unit.partitions, still, strict=True):
            if seconds > self._stuck_after_s:
                return f"stuck: {part.lag} records of {part.topic} wait, nothing was fetched for {seconds:.0f} s"
        return None

    def _still(self, part: PartitionStatus, now: float) -> float:
        """For how many seconds records wait at the broker without one being fetched."""
        tp = part.topic, part.partition
        position, since = self._seen.get(tp, (-1, now))
        if not part.lag or part.held or part.in_flight or position != part.position:
            self._seen[tp] = part.position, now
            return 0.0
        return now - since
