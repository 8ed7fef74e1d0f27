"""Alerts (`alerts.v1`, `alerts.log.v1`): their value, a pure function of the facts, and their CloudEvents headers.

What depends on arrival (cause, offsets, revision number, detection time) travels in the headers alone.
"""

from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/json"

Action = Literal["raised", "revised", "withdrawn"]


class About(msgspec.Struct, frozen=True):
    """What an alert is about; `id` joins the parts that the catalogue names with `/`."""

    kind: str
    id: str


class Window(msgspec.Struct, frozen=True):
    """First and last time looked at, `yyyy-MM-dd HH:mm:ss`."""

    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


class Evidence(msgspec.Struct, frozen=True):
    """What was observed, against which limit, in which facts (`type:id`, ascending, at most 50 of `facts_total`)."""

    facts: tuple[str, ...]
    facts_total: int
    observed: Any
    limit: Any


class Texts(msgspec.Struct, frozen=True):
    """A text for people in Chinese and English."""

    zh: str
    en: str


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a raised alert, or what is left of it when withdrawn (identity and whom it concerned)."""

    jr_id: str
    status: Literal["raised", "withdrawn"]
    rule_id: str
    about: About
    discriminator: str | None = None
    psn_no: str | None = None
    fixmedins_code: str | None = None
    rule_ver: int | None = None
    terms_id: str | None = None
    sev_deg: str | None = None
    tier: str | None = None
    window: Window | None = None
    evidence: Evidence | None = None
    vola_amt: str | None = None
    vola_cont: Texts | None = None
    basis: tuple[str, ...] | None = None


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Alert)


def encode(alert: Alert) -> bytes:
    """The alert's value, the same bytes for the same content."""
    return _encoder.encode(alert)


def decode(value: bytes) -> Alert:
    """Read an alert's value.

    Raises:
        msgspec.ValidationError: the value is no alert.
    """
    return _decoder.decode(value)


def alert_id(rule_id: str, about_kind: str, about_id: str, discriminator: str | None) -> str:
    """`jr_id`: 32 hexadecimal digits, a digest of the finding's identity."""
    text = "\x1f".join((rule_id, about_kind, about_id, discriminator or ""))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def value_digest(value: bytes) -> str:
    """Sixteen hexadecimal digits that tell one content of an alert from another."""
    return blake2b(value, digest_size=8).hexdigest()


def headers(
    *,
    action: Action,
    alert: Alert,
    value: bytes,
    source: str,
    time: str,
    revision: int,
    cause: str,
    record: tuple[str, int, int],
    priority: str | None = None,
) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 headers (Kafka binary mode) of one change of an alert.

    Args:
        action: what happened to the alert.
        alert: the alert after the change.
        value: its encoded value.
        source: URI of the monitor that found it.
        time: record time of the fact that caused it, RFC 3339.
        revision: counts the versions since the alert was raised, from 1.
        cause: identity of the fact that caused the change.
        record: topic, partition and offset of that fact's record.
        priority: of the alert in the review queue, 0 to 1 with six decimals; None: the model gives none.

    `ce_id` is jr_id, a digest of the value and one of what the change came from, with points between: content that
    comes back after other content is another event, and a consumer may drop every id that it has seen.
    """
    digest = value_digest(value)
    topic, partition, offset = record
    change = blake2b(f"{action}/{revision}/{topic}/{partition}/{offset}".encode(), digest_size=4).hexdigest()
    trace = blake2b(f"{source}/{topic}/{partition}/{offset}".encode(), digest_size=24).hexdigest()
    pairs = {
        "ce_specversion": SPEC_VERSION,
        "ce_type": f"claims-monitor.alert.{action}.v1",
        "ce_source": source,
        "ce_id": f"{alert.jr_id}.{digest}.{change}",
        "ce_subject": f"{alert.about.kind}/{alert.about.id}",
        "ce_time": time,
        "content-type": CONTENT_TYPE,
        "revision": str(revision),
        "cause": cause,
        "source_topic": topic,
        "source_partition": str(partition),
        "source_offset": str(offset),
        "traceparent": f"00-{trace[:32]}-{trace[32:]}-01",
    }
    if priority is not None:
        pairs["review_priority"] = priority
    return [(name, text.encode()) for name, text in pairs.items()]
