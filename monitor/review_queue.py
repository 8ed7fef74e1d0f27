"""The review queue of outlier claims: the most worth looking at first."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from monitor.connection import Connection
from monitor.scoring import RULE
from monitor.standing_alerts import AlertsReader
from topics.alerts import Alert, decode
from topics.catalogue import ALERTS


class Waiting(NamedTuple):
    """An outlier claim that stands.

    Attributes:
        alert: as it stands.
        value: its value.
        priority: by reviewers' dispositions, `0.000000` to `1.000000`; None: the model of its time gave none.
    """

    alert: Alert
    value: bytes
    priority: str | None


def queued(standing: Iterable[tuple[bytes, str | None]]) -> list[Waiting]:
    """Outlier claims in the order of review: by priority, then those without one by score; equal ones by jr_id.

    Args:
        standing: values of raised alerts of any rule, each with its `review_priority`.
    """
    found = [Waiting(decode(value), value, priority) for value, priority in standing]
    return sorted((one for one in found if one.alert.rule_id == RULE), key=_order)


def _order(one: Waiting) -> tuple[bool, Decimal, Decimal, str]:
    evidence = one.alert.evidence
    score = Decimal(0) if evidence is None else Decimal(str(evidence.observed))
    return one.priority is None, -Decimal(one.priority or 0), -score, one.alert.jr_id


async def read_queue(connection: Connection, prefix: str) -> list[Waiting]:
    """The queue as the alerts topic has it now.

    Raises:
        LookupError: the topic does not exist.
    """
    reader = AlertsReader(connection, prefix + ALERTS)
    await reader.start()
    try:
        await reader.read_to_end()
    finally:
        await reader.stop()
    return queued((value, reader.priorities.get(jr_id)) for jr_id, value in reader.standing.items())
