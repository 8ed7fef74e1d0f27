"""How a change is written: the alert as it is, a CloudEvent in one JSON object, or one line for people."""

from typing import Any, Final, Literal, get_args

import msgspec

from monitor.pseudonyms import Pseudonyms
from topics.alerts import encode
from topics.client import Change

Shape = Literal["alert", "event", "text"]
SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)

_EXTENSIONS: Final = {
    "revision": "revision",
    "cause": "cause",
    "traceparent": "traceparent",
    "source_topic": "sourcetopic",
    "source_partition": "sourcepartition",
    "source_offset": "sourceoffset",
    "review_priority": "reviewpriority",
}
_SEVERITY: Final = {"1": "certain/确定", "2": "highly suspicious/高度可疑", "3": "suspicious/可疑"}
_ACTION: Final = {"raised": "raised/新增", "revised": "revised/修订", "withdrawn": "withdrawn/撤销"}


def masked(change: Change, pseudonyms: Pseudonyms) -> Change:
    """The change without any person's number, in value and headers."""
    alert = pseudonyms.mask_alert(change.alert)
    headers = dict(change.headers)
    headers["ce_subject"] = f"{alert.about.kind}/{alert.about.id}"
    if "cause" in headers:
        headers["cause"] = pseudonyms.mask_ref(headers["cause"])
    return change._replace(alert=alert, value=encode(alert), headers=headers)


def cloud_event(change: Change) -> dict[str, Any]:
    """A CloudEvent in structured mode; extension names have no underscores there."""
    event: dict[str, Any] = {
        name.removeprefix("ce_"): text for name, text in change.headers.items() if name.startswith("ce_")
    }
    event["datacontenttype"] = change.headers.get("content-type", "application/json")
    for name, extension in _EXTENSIONS.items():
        if name in change.headers:
            event[extension] = change.headers[name]
    event["data"] = msgspec.Raw(change.value)
    return event


def written(change: Change, shape: Shape) -> bytes:
    """One line, without its end."""
    if shape == "alert":
        return change.value
    if shape == "event":
        return msgspec.json.encode(cloud_event(change))
    return _text(change).encode()


def _text(change: Change) -> str:
    alert = change.alert
    parts = [change.headers.get("ce_time", "")[:19], _ACTION[change.action], alert.rule_id]
    parts.append(f"{alert.about.kind} {alert.about.id}")
    if alert.fixmedins_code is not None and alert.about.kind != "institution":
        parts.append(f"at {alert.fixmedins_code}")
    if alert.sev_deg is not None:
        parts.append(_SEVERITY.get(alert.sev_deg, alert.sev_deg))
    if alert.vola_amt is not None:
        parts.append(f"{alert.vola_amt} yuan/元")
    if alert.vola_cont is not None:
        parts.append(f"{alert.vola_cont.en} / {alert.vola_cont.zh}")
    return "  ".join(parts).replace("\n", " ")
