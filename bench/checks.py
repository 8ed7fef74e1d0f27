"""The three checks that every engine of the bench makes, as functions from state and claim to state and alerts.

Repeat visits, identity mismatch, quota progress: what `detectors` finds, in the short form that claims in order of time
allow (`Size.frequent` above 0). The other engines run these functions in their own operators and keep the state in
their own stores, so that a difference in speed is the engine's. Standard library alone: they have no other of ours.

State is JSON: dictionaries and lists of strings and whole numbers. Functions change the state that they are given.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final, NamedTuple

Claim = dict[str, Any]
State = dict[str, Any]
Alert = dict[str, Any]

DAY: Final = 86_400
OUTPATIENT: Final = "11"
INPATIENT: Final = "21"

RULES: Final = ("repeat-visits", "id-mismatch", "quota-progress")


class Band(NamedTuple):
    """So many visits in a window of seconds make a burst; `same`: at one institution with one disease."""

    name: str
    window: int
    visits: int
    same: bool = False


BANDS: Final = (Band("1d", DAY, 4), Band("7d", 7 * DAY, 8), Band("1d-same", DAY, 3, same=True))
STEPS: Final = (10, 5, 0)


def seconds(text: str) -> int:
    """`yyyy-mm-dd hh:mm:ss` as seconds since 1970 of the same clock."""
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001 - local time


def alert(rule: str, about: str, discriminator: str, claim: Claim, **more: object) -> Alert:
    """An alert, by the identity that the monitor gives it."""
    return {"rule": rule, "about": about, "discriminator": discriminator, "cause": claim["setl_id"], **more}


def key_of(one: Alert) -> str:
    """What an alert is compacted by."""
    return f"{one['rule']}|{one['about']}|{one['discriminator']}"


def is_inpatient(claim: Claim) -> bool:
    """Whether a claim counts towards its institution's quota."""
    return claim.get("med_type") == INPATIENT


def judge_person(state: State | None, claim: Claim) -> tuple[State, list[Alert]]:
    """Take in a person's next settlement: repeat visits and identity mismatch."""
    if state is None:
        state = {"certno": claim["certno"], "visits": [], "bursts": {}}
    alerts = []
    if claim["certno"] != state["certno"]:
        about = claim["mdtrt_id"] if is_inpatient(claim) else claim["setl_id"]
        alerts.append(alert("id-mismatch", about, "", claim))
    if claim["med_type"] == OUTPATIENT:
        alerts.extend(_repeat_visits(state, claim))
    return state, alerts


def _repeat_visits(state: State, claim: Claim) -> Iterator[Alert]:
    at = seconds(claim["begntime"])
    institution = claim["fixmedins_code"]
    disease = claim["dscg_maindiag_code"][:3]
    longest = max(band.window for band in BANDS)
    visits = [one for one in state["visits"] if one[0] > at - longest]
    visits.append([at, claim["setl_id"], institution, disease])
    bursts: dict[str, list[Any]] = state["bursts"]
    for name in [name for name, (_, last) in bursts.items() if last <= at - longest]:
        del bursts[name]
    state["visits"] = visits
    for band in BANDS:
        if band.same and not disease:
            continue
        inside = [
            one
            for one in visits
            if one[0] > at - band.window and (not band.same or (one[2] == institution and one[3] == disease))
        ]
        if len(inside) < band.visits:
            continue
        name = f"{band.name} {institution} {disease}" if band.same else band.name
        first, last = bursts.get(name, (inside[0][1], at - 2 * band.window))
        if inside[0][0] - last >= band.window:
            first = inside[0][1]
        bursts[name] = [first, at]
        yield alert("repeat-visits", first, band.name, claim, visits=len(inside))


def judge_institution(state: State | None, claim: Claim, quota: int) -> tuple[State, list[Alert]]:
    """Take in an institution's next inpatient settlement: cost of the month through its last day, against the quota.

    Args:
        state: None for the first one.
        claim: inpatient.
        quota: of the month, fen.
    """
    if state is None:
        state = {"cost": 0, "day": 0, "step": None}
    yuan, _, fen = claim["fund_pay_sumamt"].partition(".")
    state["cost"] += int(yuan) * 100 + int(fen)
    month = claim["setl_time"][:7]
    state["day"] = max(state["day"], int(claim["setl_time"][8:10]))
    length = _days_of(month)
    before, step = state["step"], None
    if state["day"] * 4 >= length:
        pace = quota * state["day"]
        step = next((one for one in STEPS if state["cost"] * length * 100 > pace * (100 + one)), None)
    state["step"] = step
    about = f"{claim['fixmedins_code']}/{month}"
    alerts = []
    if before is not None and before != step:
        alerts.append(alert("quota-progress", about, str(before), claim, withdrawn=True))
    if step is not None:
        alerts.append(alert("quota-progress", about, str(step), claim, cost=state["cost"]))
    return state, alerts


def _days_of(month: str) -> int:
    year, number = int(month[:4]), int(month[5:])
    return (date(year + number // 12, number % 12 + 1, 1) - date(year, number, 1)).days


def quota_of(entry: Claim) -> tuple[str, int]:
    """Institution and quota (fen) of a registry entry."""
    yuan, _, fen = entry["quota_amt"].partition(".")
    return entry["fixmedins_code"], int(yuan) * 100 + int(fen)


class Counts(NamedTuple):
    """What alerts there were of one rule.

    Attributes:
        sent: alerts and revisions, withdrawals left out.
        ever: identities that were raised at any time.
        standing: those that stand at the end.
    """

    sent: int
    ever: frozenset[str]
    standing: frozenset[str]


def counted(alerts: Iterable[Alert]) -> dict[str, Counts]:
    """Counts by rule of alerts in the order in which they were sent."""
    sent = dict.fromkeys(RULES, 0)
    ever: dict[str, set[str]] = {rule: set() for rule in RULES}
    standing: dict[str, set[str]] = {rule: set() for rule in RULES}
    for one in alerts:
        rule, key = one["rule"], key_of(one)
        if one.get("withdrawn"):
            standing[rule].discard(key)
            continue
        sent[rule] += 1
        ever[rule].add(key)
        standing[rule].add(key)
    return {rule: Counts(sent[rule], frozenset(ever[rule]), frozenset(standing[rule])) for rule in RULES}


def reference(claims: Iterable[Claim], quotas: dict[str, int]) -> Iterator[Alert]:
    """The alerts of claims in their order, without any engine."""
    persons: dict[str, State] = {}
    institutions: dict[str, State] = {}
    for claim in claims:
        person = claim["psn_no"]
        persons[person], alerts = judge_person(persons.get(person), claim)
        yield from alerts
        if is_inpatient(claim):
            code = claim["fixmedins_code"]
            institutions[code], alerts = judge_institution(institutions.get(code), claim, quotas[code])
            yield from alerts
