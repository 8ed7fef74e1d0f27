"""JSON Schemas of what travels, made from the types: facts, registry, alerts, dispositions, with examples.

A schema says what to send. The decoder reads some more (blanks as absent, numbers with exponents, fields that nobody
knows), and refuses what no schema can say (a lines' sum, a record of another person's key).
"""

import inspect
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from topics import dispositions, samples
from topics.alerts import Alert, headers
from topics.catalogue import ALERTS, ALERTS_LOG, CLAIMS, DISPOSITIONS, INSTITUTIONS, REGISTRY
from topics.decoding import LINE_FIELDS, OF_RECORD, VOID_PARTS
from topics.dispositions import Disposition
from topics.facts import PERSON_FACTS, FeeLine, Settlement, Tick, Void
from topics.institutions import INSTITUTION_FACTS
from topics.registry import REGISTRY_ENTRIES
from topics.wire import Field, Kind, fields_of

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_INSTITUTION_KINDS: Final = {fact.kind for fact in INSTITUTION_FACTS}
_OPTIONAL_IN_RAISED: Final = frozenset({"discriminator", "psn_no", "fixmedins_code", "vola_amt"})
_ACTIONS: Final = ("raised", "revised", "withdrawn")

SCHEMA_TOPICS: Final = (CLAIMS, INSTITUTIONS, REGISTRY, ALERTS, ALERTS_LOG, DISPOSITIONS)
"""Topics that have a schema; both alert topics carry the same values."""


def definitions(topic: str) -> dict[str, Schema]:
    """The objects that a topic carries: name -> schema.

    Raises:
        KeyError: the topic has no schema.
    """
    if topic == CLAIMS:
        found = {"settlement": _settlement(), "fee-lines": _fee_lines()}
        for fact in PERSON_FACTS:
            if fact not in (Settlement, FeeLine, Void):
                found[fact.kind] = _object(fact, fact.kind)
        return found | {"void": _void(of_institutions=False), "tick": _object(Tick, "tick")}
    if topic == INSTITUTIONS:
        facts = {fact.kind: _object(fact, fact.kind) for fact in INSTITUTION_FACTS}
        return facts | {"void": _void(of_institutions=True), "tick": _object(Tick, "tick")}
    if topic == REGISTRY:
        return {entry.kind: _object(entry, entry.kind) for entry in REGISTRY_ENTRIES}
    if topic in {ALERTS, ALERTS_LOG}:
        return {"raised": _alert("raised"), "withdrawn": _alert("withdrawn")}
    if topic == DISPOSITIONS:
        return {"disposition": _disposition()}
    raise KeyError(topic)


def schema_of(topic: str) -> Schema:
    """The JSON Schema of a topic's values: one of its objects."""
    found = definitions(topic)
    document: Schema = {
        "$schema": DIALECT,
        "$id": f"urn:claims-monitor:{topic}",
        "title": topic,
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in found],
        "$defs": found,
    }
    if topic in {ALERTS, ALERTS_LOG}:
        document["x-headers"] = header_schema()
    return document


def header_schema() -> Schema:
    """Kafka headers of an alert (CloudEvents 1.0, binary mode), each a text; all are there but `review_priority`."""
    alert = samples.raised_alert()
    made = headers(action="raised", alert=alert, value=b"{}", **samples.ARRIVAL)
    properties: dict[str, Schema] = {name: {"type": "string"} for name, _ in made}
    properties["ce_type"]["enum"] = [f"claims-monitor.alert.{action}.v1" for action in _ACTIONS]
    for name in ("revision", "source_partition", "source_offset"):
        properties[name]["pattern"] = "^[0-9]+$"
    required = sorted(properties)
    properties["review_priority"] = {
        "type": "string",
        "pattern": r"^(0\.[0-9]{6}|1\.000000)$",
        "description": "how likely reviewers are to confirm it, by what they decided before; orders the review queue",
    }
    return {"type": "object", "properties": properties, "required": required}


def _said(struct: type) -> str:
    return inspect.cleandoc(struct.__doc__ or "").replace("`", "")


def _properties(fields: list[Field] | tuple[Field, ...]) -> dict[str, Schema]:
    return {field.wire.name: _property(field.attribute, field.wire.kind, required=field.required) for field in fields}


def _property(attribute: str, kind: Kind, *, required: bool) -> Schema:
    schema: Schema = {"description": f"{attribute.replace('_', ' ')}: {kind.name}", **kind.schema}
    if required:
        return schema
    types = schema["type"]
    schema["type"] = [*([types] if isinstance(types, str) else types), "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema


def _finished(name: str, said: str, properties: dict[str, Schema], required: list[str]) -> Schema:
    """An object with its `type` and an example that shows every field."""
    whole = {"type": {"const": name}, **properties}
    return {
        "type": "object",
        "description": said,
        "properties": whole,
        "required": ["type", *required],
        "examples": [{"type": name} | {field: samples.value(field, one, name) for field, one in properties.items()}],
    }


def _object(struct: type[msgspec.Struct], name: str) -> Schema:
    fields = fields_of(struct)
    return _finished(name, _said(struct), _properties(fields), [field.wire.name for field in fields if field.required])


def _line() -> Schema:
    properties = _properties(LINE_FIELDS)
    return {
        "type": "object",
        "description": "One fee line; amounts and counts below 0 only on a line that cancels another.",
        "properties": properties,
        "required": [field.wire.name for field in LINE_FIELDS if field.required],
    }


def _lines(*, required: bool) -> Schema:
    return {
        "type": "array" if required else ["array", "null"],
        "description": "lines: fee lines; one bad line quarantines the whole record",
        "items": _line(),
    }


def _settlement() -> Schema:
    fields = fields_of(Settlement)
    properties = _properties(fields) | {"lines": _lines(required=False)}
    required = [field.wire.name for field in fields if field.required]
    return _finished("settlement", _said(Settlement), properties, required)


def _fee_lines() -> Schema:
    of_record = {field.wire.name: field for field in fields_of(FeeLine) if field.wire.name in OF_RECORD}
    required = ["mdtrt_id", "psn_no", "fixmedins_code", "upld_time", "lines"]
    properties: dict[str, Schema] = {}
    for name in OF_RECORD:
        field = of_record[name]
        properties[name] = _property(field.attribute, field.wire.kind, required=name in required)
    properties["lines"] = _lines(required=True) | {"minItems": 1}
    return _finished("fee-lines", "Fee lines of one visit, uploaded by themselves.", properties, required)


def _void(*, of_institutions: bool) -> Schema:
    kinds = {
        kind: names for kind, (fact, names) in VOID_PARTS.items() if (fact in _INSTITUTION_KINDS) is of_institutions
    }
    key = "fixmedins_code" if of_institutions else "psn_no"
    declared = {field.wire.name: field for field in fields_of(Void)}
    properties: dict[str, Schema] = {
        "kind": {"type": "string", "description": "kind: the type of the fact that did not happen", "enum": list(kinds)}
    }
    for name, field in declared.items():
        properties[name] = _property(field.attribute, field.wire.kind, required=field.required or name == key)
    for name in sorted({name for names in kinds.values() for name in names} - set(declared)):
        text = "a part of the fact's identity"
        properties[name] = {"type": ["string", "null"], "description": f"{name}: {text}"}
    void = _finished("void", _said(Void), properties, ["kind", "void_time", key])
    void["allOf"] = [
        {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"required": list(names)}}
        for kind, names in kinds.items()
    ]
    return void


def _alert(status: str) -> Schema:
    _, components = msgspec.json.schema_components([Alert])
    alert = _inlined(components["Alert"], components)
    properties: dict[str, Schema] = {name: _without_null(one) for name, one in alert["properties"].items()}
    properties["status"] = {"const": status}
    properties["jr_id"]["pattern"] = "^[0-9a-f]{32}$"
    example = samples.raised_alert()
    required = list(properties)
    if status == "raised":
        properties["sev_deg"] |= {
            "enum": ["1", "2", "3"],
            "description": "1 certain, 2 highly suspicious, 3 suspicious",
        }
        properties["vola_amt"] |= {"pattern": r"^-?[0-9]+\.[0-9]{2}$", "description": "money at stake in yuan"}
        required = [name for name in properties if name not in _OPTIONAL_IN_RAISED]
        said = "A finding stands: what was observed, against which limit, in which facts, and the clause behind it."
    else:
        kept = ("jr_id", "status", "rule_id", "about", "discriminator", "psn_no", "fixmedins_code")
        properties = {name: properties[name] for name in kept}
        required = ["jr_id", "status", "rule_id", "about"]
        said = "A finding stands no more: its identity and whom it concerned."
        example = samples.withdrawn_alert()
    return {
        "type": "object",
        "description": said,
        "properties": properties,
        "required": required,
        "examples": [msgspec.json.decode(msgspec.json.encode(example))],
    }


def _disposition() -> Schema:
    (schema,), components = msgspec.json.schema_components([Disposition])
    whole = _inlined(schema, components)
    properties: dict[str, Schema] = {name: _without_null(one) for name, one in whole["properties"].items()}
    return {
        "type": "object",
        "description": _said(Disposition).partition("\n")[0],
        "properties": properties,
        "required": whole["required"],
        "examples": [msgspec.to_builtins(dispositions.example())],
    }


def _inlined(schema: Any, components: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """A schema of msgspec's with its references replaced by what they name."""
    if isinstance(schema, list):
        return [_inlined(one, components) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"].rpartition("/")[2]], components)
    return {
        name: _inlined(one, components)
        for name, one in schema.items()
        if name not in {"title", "default"} or not isinstance(one, str | None)
    }


def _without_null(schema: Schema) -> Schema:
    """Fields of an alert are there or not; none is ever null."""
    kinds = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema
