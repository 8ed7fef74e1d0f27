"""Alerts made for tests, and a way to write them into topics of a real broker."""

import msgspec
from kafka import KafkaProducer

from topics.alerts import About, Action, Alert, Evidence, Texts, Window, alert_id, encode, headers
from topics.client import Change, read_change

Headers = list[tuple[str, bytes]]


def raised(
    name: str,
    amount: str | None = "100.00",
    *,
    rule: str = "repeat-visits",
    severity: str = "2",
    institution: str = "H1",
) -> Alert:
    """An alert about the person `name`."""
    return Alert(
        jr_id=jr_id(name, rule),
        status="raised",
        rule_id=rule,
        about=About("person", name),
        psn_no=name,
        fixmedins_code=institution,
        rule_ver=1,
        terms_id="t",
        sev_deg=severity,
        tier="T1",
        window=Window("2026-03-02 09:00:00", "2026-03-02 10:00:00"),
        evidence=Evidence(("settlement:S1",), 1, {"visits": 9}, {"visits": 8}),
        vola_amt=amount,
        vola_cont=Texts("九次", "nine visits"),
        basis=("M",),
    )


def jr_id(name: str, rule: str = "repeat-visits") -> str:
    return alert_id(rule, "person", name, None)


def withdrawn(name: str, rule: str = "repeat-visits", institution: str = "H1") -> Alert:
    """The same alert, withdrawn."""
    about = About("person", name)
    return Alert(jr_id(name, rule), "withdrawn", rule, about, psn_no=name, fixmedins_code=institution)


def record(action: Action, alert: Alert, revision: int = 1) -> tuple[bytes, Headers]:
    """Value and headers as a worker writes them."""
    value = encode(alert)
    made = headers(
        action=action,
        alert=alert,
        value=value,
        source="/test",
        time="2026-03-02T10:00:00.000+08:00",
        revision=revision,
        cause="enrolment:" + (alert.psn_no or ""),
        record=("claims.facts.v1", 0, 7),
    )
    return value, made


def change(action: Action, alert: Alert, revision: int = 1) -> Change:
    return read_change(*record(action, alert, revision))


class Writer:
    """Writes alerts into a topic in transactions, each committed or aborted."""

    def __init__(self, servers: str, topic: str) -> None:
        self._topic = topic
        # compressed as the workers do it: a subscriber needs the codec too
        self._producer = KafkaProducer(
            bootstrap_servers=servers, transactional_id=f"writer-{topic}", compression_type="lz4"
        )
        self._producer.init_transactions()

    def write(self, *changes: tuple[Action, Alert], partition: int | None = None, commit: bool = True) -> None:
        self._producer.begin_transaction()
        for action, alert in changes:
            value, made = record(action, alert)
            self._producer.send(self._topic, value, alert.jr_id.encode(), made, partition=partition)
        self._producer.flush()
        if commit:
            self._producer.commit_transaction()
        else:
            self._producer.abort_transaction()

    def write_raw(self, value: bytes | None, made: Headers) -> None:
        self._producer.begin_transaction()
        self._producer.send(self._topic, value, b"k", made)
        self._producer.commit_transaction()

    def close(self) -> None:
        self._producer.close()


def names_of(lines: str) -> list[tuple[str, str]]:
    """(person, status) of printed alerts."""
    found = [msgspec.json.decode(line, type=Alert) for line in lines.splitlines()]
    return [(alert.psn_no or "", alert.status) for alert in found]
