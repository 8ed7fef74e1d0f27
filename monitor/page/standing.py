"""What stands: the newest alerts in full, masked, and the totals over all of them. No I/O and no clock."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from topics.alerts import Alert
from topics.money import FEN, BadNumber, yuan

KEEP: Final = 5_000
"""How many alerts are kept in full."""
TOP_INSTITUTIONS: Final = 50
"""How many institutions the totals name."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One alert as the page shows it: its masked value, and what its record's headers say.

    Attributes:
        alert: without any person's number.
        action: what last happened to it; None where the record did not say.
        revision: versions since it was raised, from 1; None where the record did not say.
        at: record time of the fact that caused it, local `yyyy-MM-dd HH:mm:ss`.
        cause: identity of that fact, masked.
        order: counts the changes the page has seen; breaks ties of `at`.
    """

    alert: Alert
    at: str
    order: int
    action: Literal["raised", "revised", "withdrawn"] | None = None
    revision: int | None = None
    cause: str | None = None

    @property
    def age(self) -> tuple[str, int]:
        """Greater is newer."""
        return self.at, self.order


class Change(NamedTuple):
    """How one alert changed.

    Attributes:
        before: as it stood, None when it did not, or was no longer kept in full.
        after: as it is now; its status says whether it stands.
    """

    before: Entry | None
    after: Entry


@dataclass(frozen=True)
class Filter:
    """Which alerts a reader wants; an empty field takes all.

    Attributes:
        rule: a rule id.
        institution: a fixmedins_code.
        severity: `1`, `2` or `3`.
        text: words that must all occur, in any case.
    """

    rule: str = ""
    institution: str = ""
    severity: str = ""
    text: str = ""

    def takes(self, entry: Entry) -> bool:
        """Whether the reader wants the alert."""
        alert = entry.alert
        if self.rule and alert.rule_id != self.rule:
            return False
        if self.institution and alert.fixmedins_code != self.institution:
            return False
        if self.severity and alert.sev_deg != self.severity:
            return False
        if not self.text:
            return True
        hay = _searchable(entry)
        return all(word in hay for word in self.text.casefold().split())


def _searchable(entry: Entry) -> str:
    alert = entry.alert
    parts: list[str | None] = [
        alert.jr_id, alert.rule_id, alert.about.id, alert.discriminator, alert.psn_no, alert.fixmedins_code,
        alert.terms_id, entry.cause,
    ]  # fmt: skip
    if alert.vola_cont is not None:
        parts += (alert.vola_cont.zh, alert.vola_cont.en)
    if alert.evidence is not None:
        parts += alert.evidence.facts
    return "\n".join(part for part in parts if part).casefold()


class _Held(NamedTuple):
    """What the totals need of every standing alert."""

    rule: str
    severity: str
    institution: str
    amount: int


class Standing:
    """The alerts that stand.

    Args:
        keep: how many of the newest are kept in full; of the others only what the totals need.
    """

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._held: dict[str, _Held] = {}
        self._full: dict[str, Entry] = {}
        self._oldest: list[tuple[str, int, str]] = []
        self._rules: Counter[str] = Counter()
        self._severities: Counter[str] = Counter()
        self._institutions: Counter[str] = Counter()
        self._amounts: Counter[str] = Counter()

    def apply(self, entry: Entry) -> Change:
        """Take over an alert's new state."""
        alert = entry.alert
        before = self._full.pop(alert.jr_id, None)
        self._count(self._held.pop(alert.jr_id, None), -1)
        if alert.status == "raised":
            held = _Held(alert.rule_id, alert.sev_deg or "", alert.fixmedins_code or "", fen_of(alert.vola_amt) or 0)
            self._held[alert.jr_id] = held
            self._count(held, 1)
            self._full[alert.jr_id] = entry
            heapq.heappush(self._oldest, (*entry.age, alert.jr_id))
            self._trim()
        return Change(before, entry)

    def gone(self, jr_id: str, order: int, at: str) -> Change | None:
        """Take over that an alert's record was deleted; None when it did not stand in full."""
        before = self._full.pop(jr_id, None)
        self._count(self._held.pop(jr_id, None), -1)
        if before is None:
            return None
        alert = msgspec.structs.replace(before.alert, status="withdrawn")
        return Change(before, Entry(alert=alert, at=at, order=order, action="withdrawn"))

    def _count(self, held: _Held | None, step: int) -> None:
        if held is None:
            return
        self._rules[held.rule] += step
        self._severities[held.severity] += step
        self._amounts[held.rule] += step * held.amount
        self._institutions[held.institution] += step
        if not self._institutions[held.institution]:
            del self._institutions[held.institution]

    def _trim(self) -> None:
        while len(self._full) > self._keep:
            at, order, jr_id = heapq.heappop(self._oldest)
            if jr_id in self._full and self._full[jr_id].age == (at, order):
                del self._full[jr_id]
        if len(self._oldest) > 4 * self._keep + 1_000:
            self._oldest = [(*entry.age, jr_id) for jr_id, entry in self._full.items()]
            heapq.heapify(self._oldest)

    def find(self, jr_id: str) -> Entry | None:
        """An alert that stands and is kept in full."""
        return self._full.get(jr_id)

    def count(self, wanted: Filter) -> int:
        """How many kept alerts a filter takes."""
        return len(self._full) if wanted == Filter() else sum(map(wanted.takes, self._full.values()))

    def newest(self, wanted: Filter, limit: int) -> tuple[int, list[Entry]]:
        """How many kept alerts a filter takes, and the newest of them, newest first."""
        taken = [entry for entry in self._full.values() if wanted.takes(entry)]
        return len(taken), heapq.nlargest(limit, taken, key=lambda entry: entry.age)

    def __contains__(self, jr_id: object) -> bool:
        return jr_id in self._held

    def __len__(self) -> int:
        """Number of alerts that stand, kept in full or not."""
        return len(self._held)

    def __iter__(self) -> Iterator[Entry]:
        """The alerts kept in full, in no order."""
        return iter(self._full.values())

    def totals(self) -> dict[str, Any]:
        """Totals over all standing alerts.

        `standing` and `kept` count alerts, `amount_fen` is the money at stake, `by_rule` maps a rule to
        `standing` and `amount_fen`, `by_severity` a severity to a count, `institutions` are those with the most.
        """
        return {
            "standing": len(self._held),
            "kept": len(self._full),
            "amount_fen": sum(self._amounts.values()),
            "amount": yuan(sum(self._amounts.values())),
            "by_rule": {
                rule: {"standing": count, "amount_fen": self._amounts[rule], "amount": yuan(self._amounts[rule])}
                for rule, count in sorted(self._rules.items())
                if count
            },
            "by_severity": {severity: count for severity, count in sorted(self._severities.items()) if count},
            "institutions": [[code, count] for code, count in self._institutions.most_common(TOP_INSTITUTIONS) if code],
        }


def fen_of(amount: str | None) -> int | None:
    """Read an alert's `vola_amt` (yuan with two decimals) as fen; None when it has none.

    Raises:
        BadNumber: it is no such amount.
    """
    if amount is None:
        return None
    sign, digits = (-1, amount[1:]) if amount.startswith("-") else (1, amount)
    whole, point, cents = digits.partition(".")
    if not (whole.isascii() and whole.isdigit() and point and len(cents) == 2 and cents.isascii() and cents.isdigit()):
        raise BadNumber(f"{amount[:40]!r} is not an amount like 123.45")
    return sign * (int(whole) * FEN + int(cents))
