"""Builders of facts as plain wire objects, and a run of the engine over them.

Days count from 2026-03-02, a Monday; `at(2, "10:00:00")` is a wire time two days later.
"""

from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

import msgspec

from detectors.terms import TermsSet
from monitor import backtest
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.records import AlertChange
from monitor.terms_files import load_terms
from monitor.timeline import place
from topics.alerts import Alert, decode
from topics.reasons import Quarantined
from topics.times import DAY, format_day, format_time, parse_day, parse_time

Wire = dict[str, Any]
Identity = tuple[str, str, str, str | None]

FIRST_DAY = parse_day("2026-03-02")
CERTNO_A = "11010519491231002X"
CERTNO_B = "440524188001010014"


def at(day: int, clock: str = "09:00:00") -> str:
    """A wire time, `day` days after the first day."""
    return f"{format_day(FIRST_DAY + day)} {clock}"


def later(time: str, seconds: int) -> str:
    """A wire time some seconds after another."""
    return format_time(parse_time(time) + seconds)


def settlement(setl_id: str = "S1", **fields: object) -> Wire:
    """An outpatient settlement of 100 yuan, 60 of them from the fund; its visit is `V-` and its id."""
    base = {
        "type": "settlement",
        "setl_id": setl_id,
        "mdtrt_id": f"V-{setl_id}",
        "psn_no": "P1",
        "fixmedins_code": "H1",
        "setl_time": at(0),
        "med_type": "11",
        "medfee_sumamt": "100.00",
        "fund_pay_sumamt": "60.00",
    }
    return base | fields


def reversal(setl_id: str = "S1", **fields: object) -> Wire:
    """The cancellation of a settlement."""
    return {"type": "reversal", "setl_id": setl_id, "psn_no": "P1", "setl_time": at(1)} | fields


def line(feedetl_sn: str = "1", **fields: object) -> Wire:
    """One fee line, for `lines`."""
    base = {
        "feedetl_sn": feedetl_sn,
        "fee_ocur_time": at(0),
        "med_list_codg": "D1",
        "cnt": 2,
        "pric": "1.5",
        "det_item_fee_sumamt": "3.00",
    }
    return base | fields


def fee_lines(*lines: Wire, **fields: object) -> Wire:
    """An upload of fee lines."""
    base = {
        "type": "fee-lines",
        "mdtrt_id": "V1",
        "psn_no": "P1",
        "fixmedins_code": "H1",
        "upld_time": at(0, "10:00:00"),
        "lines": list(lines) or [line()],
    }
    return base | fields


def admission(mdtrt_id: str = "V1", **fields: object) -> Wire:
    """The begin of a stay."""
    base = {
        "type": "admission",
        "mdtrt_id": mdtrt_id,
        "psn_no": "P1",
        "fixmedins_code": "H1",
        "begntime": at(0),
        "upld_time": at(0, "10:00:00"),
    }
    return base | fields


def stay_fact(kind: str, time_field: str, mdtrt_id: str = "V1", **fields: object) -> Wire:
    """Another fact of a stay: transfer, discharge, leave, trauma-filing, self-pay-stay."""
    return {
        "type": kind,
        "mdtrt_id": mdtrt_id,
        "psn_no": "P1",
        "fixmedins_code": "H1",
        time_field: at(0),
    } | fields


def enrolment(psn_no: str = "P1", **fields: object) -> Wire:
    """A person's reference data."""
    return {"type": "enrolment", "psn_no": psn_no, "valid_from": "2020-01-01 00:00:00"} | fields


def void(kind: str, **fields: object) -> Wire:
    """A fact that did not happen; give the fields of its identity."""
    return {"type": "void", "kind": kind, "psn_no": "P1", "void_time": at(1)} | fields


def quota(fixmedins_code: str = "H1", period: str = "2026-03", amount: str = "3100.00", **fields: object) -> Wire:
    """An institution's quota of a period."""
    base = {
        "type": "quota",
        "fixmedins_code": fixmedins_code,
        "period": period,
        "quota_amt": amount,
        "valid_from": "2026-01-01 00:00:00",
    }
    return base | fields


def item(med_list_codg: str = "D1", **fields: object) -> Wire:
    """A priced item."""
    return {"type": "item", "med_list_codg": med_list_codg, "valid_from": "2020-01-01 00:00:00"} | fields


def tick(time: str) -> Wire:
    """Time has come this far."""
    return {"type": "tick", "tick_time": time}


def encoded(objects: Iterable[Wire]) -> list[bytes]:
    """The objects as lines of NDJSON."""
    return [msgspec.json.encode(wire) for wire in objects]


def run(
    objects: Iterable[Wire],
    *,
    terms: TermsSet | None = None,
    batch: int | None = None,
    on_change: Callable[[AlertChange], None] | None = None,
    on_bad: Callable[[int, Quarantined], None] | None = None,
) -> Backtest:
    """Judge wire objects in this order with the live engine.

    Args:
        objects: facts and registry entries in order of arrival.
        terms: the default terms without.
        batch: how many records go into the engine at once.
        on_change: called with every raise, revision and withdrawal.
        on_bad: called with the line and reason of what is not admitted.
    """
    engine = Engine(load_terms(None) if terms is None else terms, 1, "contributions")
    test = Backtest(engine, on_change, on_bad)
    with patch.object(backtest, "BATCH", batch or backtest.BATCH):
        test.run(place(encoded(objects)))
    return test


def alerts(objects: Iterable[Wire], *, rule: str | None = None, terms: TermsSet | None = None) -> list[Alert]:
    """The standing alerts (of a rule) after these objects."""
    found = [decode(value) for value in run(objects, terms=terms).alerts()]
    return [alert for alert in found if rule is None or alert.rule_id == rule]


def identity(alert: Alert) -> Identity:
    """Rule, kind and id of what it is about, discriminator."""
    return alert.rule_id, alert.about.kind, alert.about.id, alert.discriminator


def identities(objects: Iterable[Wire], *, rule: str | None = None) -> set[Identity]:
    """The identities of the standing alerts after these objects."""
    return {identity(alert) for alert in alerts(objects, rule=rule)}


def seconds(days: float) -> int:
    """Days as seconds."""
    return int(days * DAY)
