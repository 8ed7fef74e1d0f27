"""One AsyncAPI 3 document of every topic that users meet, made from the catalogue and the schemas."""

from typing import Any, Final

from topics.alerts import CONTENT_TYPE, headers
from topics.catalogue import ALERTS, ALERTS_LOG, CLAIMS, DISPOSITIONS, INSTITUTIONS, REGISTRY, Topic, all_topics
from topics.samples import ARRIVAL, raised_alert, withdrawn_alert
from topics.schemas import SCHEMA_TOPICS, Schema, definitions, header_schema
from topics.times import DAY

VERSION: Final = "3.1.0"
_BINDING: Final = "0.5.0"
_SHORT: Final = {
    CLAIMS: "claims",
    INSTITUTIONS: "institutions",
    REGISTRY: "registry",
    ALERTS: "alerts",
    DISPOSITIONS: "dispositions",
}
"""Prefix of the messages' names; the alerts log carries the messages of the alerts."""


def document(version: str) -> Schema:
    """The AsyncAPI document.

    Args:
        version: of the contract's code.
    """
    topics = [topic for topic in all_topics() if topic.name in SCHEMA_TOPICS]
    messages = {
        f"{short}.{name}": _message(topic, short, name, schema)
        for topic, short in _SHORT.items()
        for name, schema in definitions(topic).items()
    }
    schemas = {
        f"{short}.{name}": schema for topic, short in _SHORT.items() for name, schema in definitions(topic).items()
    }
    return {
        "asyncapi": VERSION,
        "id": "urn:claims-monitor",
        "info": {
            "title": "Claims monitor",
            "version": version,
            "description": "Facts of medical-insurance settlements in, explained alerts out. Within v1 fields are only "
            "added, never renamed, retyped, removed or made required; ignore what you do not know.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "facts"}, {"name": "registry"}, {"name": "alerts"}, {"name": "dispositions"}],
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {_operation(topic): _operated(topic) for topic in topics},
        "components": {"messages": messages, "schemas": {**schemas, "alert-headers": header_schema()}},
    }


def _carried(topic: str) -> str:
    return _SHORT[ALERTS if topic == ALERTS_LOG else topic]


def _channel(topic: Topic) -> Schema:
    settings: Schema = {"cleanup.policy": [topic.cleanup]}
    if topic.retention_days is not None:
        settings["retention.ms"] = topic.retention_days * DAY * 1000
    binding: Schema = {"topic": topic.name, "topicConfiguration": settings, "bindingVersion": _BINDING}
    if topic.partitions is not None:
        binding["partitions"] = topic.partitions
    short = _carried(topic.name)
    return {
        "address": topic.name,
        "description": f"{topic.carries[0].upper()}{topic.carries[1:]}. Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{short}.{name}"} for name in definitions(topic.name)},
        "bindings": {"kafka": binding},
    }


def _operation(topic: Topic) -> str:
    return ("receive." if _received(topic) else "send.") + topic.name


def _received(topic: Topic) -> bool:
    """Whether others write it: facts, registry, and what reviewers decide."""
    return topic.kind == "input" or topic.name == DISPOSITIONS


def _operated(topic: Topic) -> Schema:
    """What the monitor does with a topic."""
    received = _received(topic)
    tags = {REGISTRY: "registry", DISPOSITIONS: "dispositions"}
    return {
        "action": "receive" if received else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"The monitor {'reads' if received else 'writes'} {topic.carries}.",
        "tags": [{"name": tags.get(topic.name, "facts" if received else "alerts")}],
    }


def _message(topic: str, short: str, name: str, schema: Schema) -> Schema:
    key = next(one.key for one in all_topics() if one.name == topic)
    # the log's records have another key than those of the compacted topic
    keys = "jr_id in alerts.v1, fixmedins_code in alerts.log.v1" if topic == ALERTS else key
    message: Schema = {
        "name": f"{short}.{name}",
        "title": f"{short}: {name}",
        "summary": schema["description"].splitlines()[0],
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{short}.{name}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": keys}, "bindingVersion": _BINDING}},
    }
    example: dict[str, Any] = {"name": name, "payload": schema["examples"][0]}
    if topic == ALERTS:
        message["headers"] = {"$ref": "#/components/schemas/alert-headers"}
        alert, action = (raised_alert(), "raised") if name == "raised" else (withdrawn_alert(), "withdrawn")
        made = headers(action=action, alert=alert, value=b"{}", **ARRIVAL)  # type: ignore[arg-type]
        example["headers"] = {title: text.decode() for title, text in made}
    message["examples"] = [example]
    return message
