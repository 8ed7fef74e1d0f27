"""What every consumer of alerts has to get right, without any Kafka library: reading, filtering, dropping duplicates.

The caller hands over each record of `alerts.v1` or `alerts.log.v1` in the order of its partition. No I/O happens here,
so that this module keeps to what `topics` promises and serves consumers with whatever client they use
(`monitor/subscribing/` and `examples/case_desk/` use kafka-python).
"""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from topics.alerts import Action, Alert, decode
from topics.money import FEN_PLACES, BadNumber, scaled

_TYPE: Final = "claims-monitor.alert."
_ACTIONS: Final[tuple[Action, ...]] = ("raised", "revised", "withdrawn")


class NoAlert(ValueError):
    """A record that is no alert; the message says what is wrong, without the record's content."""


class Change(NamedTuple):
    """One raise, revision or withdrawal.

    Attributes:
        alert: after the change.
        value: the record's value.
        action: what happened.
        event: `ce_id`; the same id means the same change of the same alert.
        headers: all of the record's headers as texts.
    """

    alert: Alert
    value: bytes
    action: Action
    event: str
    headers: dict[str, str]

    @property
    def content(self) -> str:
        """The part of the id that tells contents apart: equal for equal values of one alert."""
        return content_of(self.event)


def content_of(event: str) -> str:
    """The part of a `ce_id` that names alert and content, without the change that led to it."""
    return ".".join(event.split(".")[:2])


def read_change(value: bytes, headers: Iterable[tuple[str, bytes]]) -> Change:
    """Read a record of an alerts topic.

    Raises:
        NoAlert: value or headers are not those of an alert.
    """
    texts = {name: raw.decode("utf-8", "replace") for name, raw in headers if raw is not None}
    action = texts.get("ce_type", "").removeprefix(_TYPE).removesuffix(".v1")
    if action not in _ACTIONS or "ce_id" not in texts:
        raise NoAlert("it has no ce_type and ce_id of an alert")
    try:
        alert = decode(value)
    except msgspec.DecodeError:
        raise NoAlert("its value is no alert") from None
    return Change(alert, value, action, texts["ce_id"], texts)


@dataclass(frozen=True)
class Wanted:
    """Which alerts a consumer wants; an empty set wants all.

    Attributes:
        rules: rule ids.
        severities: 1 certain, 2 highly suspicious, 3 suspicious.
        institutions: fixmedins_code.
        least: money at stake in fen, at least; an alert without an amount is not wanted then. None: any.
    """

    rules: frozenset[str] = field(default_factory=frozenset)
    severities: frozenset[str] = field(default_factory=frozenset)
    institutions: frozenset[str] = field(default_factory=frozenset)
    least: int | None = None

    def matches(self, alert: Alert) -> bool:
        """Whether a raised alert is wanted."""
        return (
            (not self.rules or alert.rule_id in self.rules)
            and (not self.severities or alert.sev_deg in self.severities)
            and (not self.institutions or alert.fixmedins_code in self.institutions)
            and (self.least is None or _at_least(alert.vola_amt, self.least))
        )


def _at_least(amount: str | None, least: int) -> bool:
    fen = amount_of(amount)
    return fen is not None and fen >= least


def amount_of(amount: str | None) -> int | None:
    """An alert's `vola_amt` in fen; None when it has none, or one that cannot be read."""
    from decimal import Decimal, InvalidOperation

    if amount is None:
        return None
    try:
        return scaled(Decimal(amount), FEN_PLACES)
    except (InvalidOperation, BadNumber):
        return None


class Told:
    """Decides what a consumer is told, so that what it was told always ends in what stands.

    It is told of an alert that it wants, and of the end of each alert it was told of: withdrawn, or revised so that it
    is wanted no more. A withdrawal of an alert it never heard of says nothing to it. A duplicate is the content that it
    was told last, though another change led to it (a state that was rebuilt tells everything again). An alert may
    return to content that it had before: that is told.

    Args:
        wanted: the filter.
        known: jr_id -> id of the event told last, of the alerts that stand for the consumer; kept up to date.
    """

    def __init__(self, wanted: Wanted, known: MutableMapping[str, str]) -> None:
        self._wanted = wanted
        self._known = known

    def news(self, change: Change) -> bool:
        """Whether the consumer is to be told of a change; it counts as told then."""
        jr_id = change.alert.jr_id
        last = self._known.get(jr_id)
        stands = change.alert.status == "raised" and self._wanted.matches(change.alert)
        if not stands:
            if last is not None:
                del self._known[jr_id]
            return last is not None
        self._known[jr_id] = change.event
        return last is None or content_of(last) != change.content

    def stands(self, jr_id: str) -> bool:
        """Whether an alert stands for the consumer."""
        return jr_id in self._known
