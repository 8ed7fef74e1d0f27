"""Admitting a fact: a look at the record and its own Kafka time alone.

Not more than the tolerance ahead of the record time, not older than the lateness bound before it; which time of
a fact counts stands in `LATENESS`. Both bounds are inclusive: exactly at the bound is admitted. Every kind that
findings are made of has a bound, so that whatever a fact may touch is still kept when it comes.
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
    Void,
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
    SelfPayStay: "uploaded_at",
    Void: "voided_at",
}
"""The attribute that the lateness bound looks at; see `admitted_until` for facts without it."""


@dataclass(frozen=True)
class Bounds:
    """How far a fact may lie from its record time, in seconds.

    Attributes:
        tolerance: ahead of the record time.
        lateness: before the record time (L).
        horizon: before the record time, for the settlement that a reversal names, and for facts that do not say when
            they were uploaded.
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
        if time is not None and kind is not Reversal:
            if time < now_up - bounds.lateness:
                raise Quarantined(reasons.TOO_LATE, _detail(fact, time, record_ms))
            continue
        until = admitted_until(fact, bounds)
        if until is not None and until < now_up:
            raise Quarantined(reasons.TOO_LATE, _detail(fact, fact.at if time is None else time, record_ms))


def admitted_until(fact: Any, bounds: Bounds) -> int | None:  # noqa: ANN401 - any fact
    """The last record time (local second) at which a fact is admitted; None: ever.

    That of the attribute in `LATENESS` and the lateness bound. A reversal may come as long as the settlement that it
    names lies within the horizon, one that does not say when that was as late as other facts. A fact that does not say
    when it was uploaded may be as old as the horizon; lines inside a settlement follow the settlement.
    """
    kind = type(fact)
    attribute = LATENESS.get(kind)
    if attribute is None:
        return None
    time = getattr(fact, attribute)
    if kind is Reversal:
        return int(fact.at + bounds.lateness if time is None else time + bounds.horizon)
    if time is not None:
        return int(time + bounds.lateness)
    return None if kind is FeeLine else int(fact.at + bounds.horizon)


def _detail(fact: Any, time: int, record_ms: int) -> str:  # noqa: ANN401 - any fact
    return f"{fact.kind} of {format_time(time)}, received {format_time(from_record_time(record_ms))}"
