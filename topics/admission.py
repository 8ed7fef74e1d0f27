"""Admitting a fact: a look at the record and its own Kafka time alone.

Not more than the tolerance ahead of the record time, not older than the lateness bound before it; which time of
a fact counts stands in `LATENESS`. Both bounds are inclusive: exactly at the bound is admitted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from topics import reasons
from topics.facts import (
    Admission,
    Discharge,
    Enrolment,
    Fact,
    FeeLine,
    Leave,
    PresenceCheck,
    Reversal,
    SelfPayStay,
    Settlement,
    Transfer,
    TraumaFiling,
)
from topics.institutions import ItemChange
from topics.reasons import Quarantined
from topics.times import DAY, HOUR, UTC_OFFSET, format_time, from_record_time

MAY_LIE_AHEAD: Final = frozenset({Enrolment, ItemChange, SelfPayStay})
"""Facts that may announce something to come."""

LATENESS: Final[dict[type[Fact], str]] = {
    Settlement: "settled_at",
    Leave: "begin",
    PresenceCheck: "checked_at",
    Reversal: "settled_at",
    Admission: "uploaded_at",
    Transfer: "uploaded_at",
    Discharge: "uploaded_at",
    TraumaFiling: "uploaded_at",
    FeeLine: "first_upload",
}
"""The attribute that the lateness bound looks at; a fact without it, or of another kind, has no such limit."""


@dataclass(frozen=True)
class Bounds:
    """How far a fact may lie from its record time, in seconds.

    Attributes:
        tolerance: ahead of the record time.
        lateness: before the record time (L).
        horizon: before the record time, for the settlement that a reversal names.
    """

    tolerance: int = HOUR
    lateness: int = 31 * DAY
    horizon: int = 62 * DAY


def admit(facts: Iterable[Any], record_ms: int, bounds: Bounds) -> None:
    """Check the facts of one record against its Kafka time (UTC milliseconds).

    Raises:
        Quarantined: `in-the-future` or `too-late`, with the times.
    """
    # whole local seconds: rounding down for the upper bound and up for the lower one is exact
    latest = record_ms // 1000 + UTC_OFFSET + bounds.tolerance
    now_up = -(-record_ms // 1000) + UTC_OFFSET
    for fact in facts:
        kind = type(fact)
        if fact.at > latest and kind not in MAY_LIE_AHEAD:
            raise Quarantined(reasons.IN_THE_FUTURE, _detail(fact, fact.at, record_ms))
        attribute = LATENESS.get(kind)
        if attribute is None:
            continue
        time = getattr(fact, attribute)
        bound = bounds.horizon if kind is Reversal else bounds.lateness
        if time is not None and time < now_up - bound:
            raise Quarantined(reasons.TOO_LATE, _detail(fact, time, record_ms))


def _detail(fact: Any, time: int, record_ms: int) -> str:  # noqa: ANN401 - any fact
    return f"{fact.kind} of {format_time(time)}, received {format_time(from_record_time(record_ms))}"
