"""What stands, in numbers: alerts and money by rule and severity and by institution, kept with a partition's state.

The totals are values of the state like any other: they are written in the transaction of the batch that changed them,
so that a restart, a recovery or a move to another worker neither loses nor doubles anything, and the sum over all
workers is what `alerts.v1` holds.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from monitor.records import AlertChange, Reader
from monitor.state import encode
from topics.times import DAY, from_record_time

TOTALS: Final = b"\x00t"
"""Keys of totals in a partition's state begin with this."""
_RULE: Final = b"r"
_INSTITUTION: Final = b"i"


class Total(msgspec.Struct, array_like=True):
    """Alerts that stand, and those that were raised on the latest day with any.

    Attributes:
        alerts: that stand.
        amount: their money at stake, fen.
        day: the latest local day (of record time) on which one was raised; -1 before the first.
        new: raised on that day.
        new_amount: their money at stake when they were raised, fen.
    """

    alerts: int = 0
    amount: int = 0
    day: int = -1
    new: int = 0
    new_amount: int = 0

    def stand(self, alerts: int, amount: int) -> None:
        """So many more stand, and so much more is at stake."""
        self.alerts += alerts
        self.amount += amount

    def raised(self, day: int, amount: int) -> None:
        """One was raised on a day."""
        if day > self.day:
            self.day, self.new, self.new_amount = day, 0, 0
        if day == self.day:
            self.new += 1
            self.new_amount += amount

    def add(self, other: "Total", today: int) -> None:
        """Add another total; what it raised before today is not new."""
        self.alerts += other.alerts
        self.amount += other.amount
        if other.day == today:
            self.new += other.new
            self.new_amount += other.new_amount


class RuleKey(NamedTuple):
    """A rule and the severity of its alerts."""

    rule: str
    severity: str


_decode: Final = msgspec.msgpack.Decoder(Total).decode


class Standing:
    """The totals of all partitions that a process owns."""

    def __init__(self) -> None:
        self.parts: list[Totals] = []
        self.institutions: dict[str, Total] = {}
        self.today = 0
        """The latest local day that any partition has reached."""

    def reached(self, day: int) -> None:
        """A partition's clock, or a fact, has come to a local day."""
        self.today = max(self.today, day)

    def rules(self) -> dict[RuleKey, Total]:
        """The sums by rule and severity."""
        sums: dict[RuleKey, Total] = {}
        for part in self.parts:
            for key, total in part.rules.items():
                sums.setdefault(key, Total()).add(total, self.today)
        return sums


class Totals:
    """The totals of one partition of one stage.

    Args:
        standing: the sums over the process's partitions, kept up to date.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.rules: dict[RuleKey, Total] = {}
        self.institutions: dict[str, Total] = {}

    def load(self, store: Reader) -> None:
        """Take what the state holds, and take part in the process's sums."""
        for key in store.keys(TOTALS):
            value = store.get(key)
            if value is None:
                continue
            name = key[len(TOTALS) + 1 :].decode()
            if key.startswith(TOTALS + _RULE):
                rule, _, severity = name.partition("\x00")
                self.rules[RuleKey(rule, severity)] = _decode(value)
            else:
                self.institutions[name] = _decode(value)
        self._standing.parts.append(self)
        for name, total in self.institutions.items():
            _merge(self._standing.institutions.setdefault(name, Total()), total)

    def leave(self) -> None:
        """Take no part in the process's sums any more."""
        if self not in self._standing.parts:
            return
        self._standing.parts.remove(self)
        for name, total in self.institutions.items():
            _part(self._standing.institutions[name], total)

    def take(self, changes: Iterable[AlertChange]) -> dict[bytes, bytes]:
        """Count what alerts changed; gives the values to be written with the batch."""
        touched: dict[bytes, Total] = {}
        for change in changes:
            before, after = change.severity_before, change.alert.sev_deg or ""
            day = from_record_time(change.time_ms) // DAY
            self._standing.reached(day)
            if change.action != "raised":
                self._rule(change, before, touched).stand(-1, change.amount_change - change.amount)
            if change.action != "withdrawn":
                total = self._rule(change, after, touched)
                total.stand(1, change.amount)
                if change.action == "raised":
                    total.raised(day, change.amount)
            if change.action != "raised":
                self._place(change.institution_before, -1, change.amount_change - change.amount, touched)
            if change.action != "withdrawn":  # a revision may name another institution than before
                raised = day if change.action == "raised" else None
                self._place(change.institution, 1, change.amount, touched, raised)
        return {key: encode(total) for key, total in touched.items()}

    def _rule(self, change: AlertChange, severity: str, touched: dict[bytes, Total]) -> Total:
        rule = change.alert.rule_id
        total = self.rules.setdefault(RuleKey(rule, severity), Total())
        touched[TOTALS + _RULE + f"{rule}\x00{severity}".encode()] = total
        return total

    def _place(
        self, institution: str, alerts: int, amount: int, touched: dict[bytes, Total], raised: int | None = None
    ) -> None:
        if not institution:
            return
        total = self.institutions.setdefault(institution, Total())
        for one in (total, self._standing.institutions.setdefault(institution, Total())):
            one.stand(alerts, amount)
            if raised is not None:
                one.raised(raised, amount)
        touched[TOTALS + _INSTITUTION + institution.encode()] = total


def _merge(sums: Total, total: Total) -> None:
    sums.stand(total.alerts, total.amount)
    if total.day > sums.day:
        sums.day, sums.new, sums.new_amount = total.day, 0, 0
    if total.day == sums.day:
        sums.new += total.new
        sums.new_amount += total.new_amount


def _part(sums: Total, total: Total) -> None:
    sums.stand(-total.alerts, -total.amount)
    if total.day == sums.day:
        sums.new -= total.new
        sums.new_amount -= total.new_amount
