"""Findings: what a detector says about a history, with everything that an alert needs."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from topics.alerts import About, Alert, Evidence, Texts, Window, alert_id
from topics.money import yuan
from topics.times import format_time

MOST_FACTS: Final = 50
"""How many facts an alert names; the total says how many there are."""


class Span(NamedTuple):
    """A stretch of event time, local seconds, both ends included."""

    begin: int
    end: int

    def holds(self, time: int) -> bool:
        """Whether the time lies in the span."""
        return self.begin <= time <= self.end


ALWAYS: Final = Span(-(1 << 62), 1 << 62)
"""All of time."""


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One finding.

    Identity: `rule`, `about_kind`, `about_id`, `discriminator`. All the rest is content.

    Attributes:
        anchor: local second of the fact it hangs on; decides which terms apply and where it is filed.
        begin: first time looked at, local second.
        end: last time looked at, local second.
        facts: identities of the facts, ascending, at most `MOST_FACTS`.
        facts_total: number of all of them.
        observed: what was seen (whole numbers and texts only, never floats).
        limit: what it was held against.
        amount: money at stake in fen; None while no settlement is known.
        priority: in the review queue, parts per million; None: not ranked. It travels beside the alert, not in it: no
            alert is another one for it.
    """

    rule: str
    about_kind: str
    about_id: str
    discriminator: str | None
    anchor: int
    begin: int
    end: int
    person: str | None
    institution: str | None
    facts: tuple[str, ...]
    facts_total: int
    observed: Any
    limit: Any
    amount: int | None
    severity: str
    tier: str
    zh: str
    en: str
    basis: tuple[str, ...]
    rule_version: int
    terms_id: str
    priority: int | None = None

    @property
    def jr_id(self) -> str:
        """The identity as the alert's id."""
        return alert_id(self.rule, self.about_kind, self.about_id, self.discriminator)

    def alert(self) -> Alert:
        """The alert that says this finding stands."""
        return Alert(
            jr_id=self.jr_id,
            status="raised",
            rule_id=self.rule,
            about=About(self.about_kind, self.about_id),
            discriminator=self.discriminator,
            psn_no=self.person,
            fixmedins_code=self.institution,
            rule_ver=self.rule_version,
            terms_id=self.terms_id,
            sev_deg=self.severity,
            tier=self.tier,
            window=Window(format_time(self.begin), format_time(self.end)),
            evidence=Evidence(self.facts, self.facts_total, self.observed, self.limit),
            vola_amt=None if self.amount is None else yuan(self.amount),
            vola_cont=Texts(self.zh, self.en),
            basis=self.basis,
        )


def withdrawn(rule: str, about: About, discriminator: str | None, person: str | None, institution: str | None) -> Alert:
    """The alert that says a finding stands no more: its identity and whom it concerned."""
    return Alert(
        jr_id=alert_id(rule, about.kind, about.id, discriminator),
        status="withdrawn",
        rule_id=rule,
        about=about,
        discriminator=discriminator,
        psn_no=person,
        fixmedins_code=institution,
    )


def named(refs: Iterable[str]) -> tuple[tuple[str, ...], int]:
    """The facts an alert names, ascending and at most `MOST_FACTS`, and how many there are in all."""
    ordered = sorted(set(refs))
    return tuple(ordered[:MOST_FACTS]), len(ordered)
