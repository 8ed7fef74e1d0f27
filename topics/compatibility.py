"""Whether schemas still keep what released ones promised: within v1 fields are only added.

What the monitor reads (facts, registry) must go on to take all that was taken: nothing is removed, narrowed or made
required. What it writes (alerts) must go on to be what consumers were told: nothing is removed, widened or made
optional.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_WORDS: Final = frozenset(
    {"description", "title", "examples", "$id", "$schema", "x-headers", "oneOf", "$defs", "properties", "required"}
    | {"type", "enum", "items", "allOf", "default"}
)
"""Keywords that say nothing about values, or that are compared by themselves."""
_LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems"})
_UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems"})


def breaches(released: Schema, now: Schema, *, read: bool) -> list[str]:
    """What a topic's schema breaks of its released one; empty: compatible.

    Args:
        released: the topic's schema as it was released.
        now: as it is.
        read: whether the monitor reads the topic (facts, registry); else it writes it (alerts).
    """
    return list(_topic(released, now, read=read))


def _topic(released: Schema, now: Schema, *, read: bool) -> Iterator[str]:
    for name, old in released["$defs"].items():
        new = now["$defs"].get(name)
        if new is None:
            yield f"{name}: removed"
        else:
            yield from _object(name, old, new, read=read)
    if not read:
        for name in now["$defs"]:
            if name not in released["$defs"]:
                yield f"{name}: a new kind of value, which consumers do not expect in this topic"
    if "x-headers" in released:
        yield from _object("headers", released["x-headers"], now.get("x-headers", {}), read=read)


def _object(where: str, old: Schema, new: Schema, *, read: bool) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield f"{where}.{name}: removed (or renamed)"
        else:
            yield from _value(f"{where}.{name}", schema, after[name], read=read)
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    if read:
        yield from (f"{where}.{name}: made required" for name in sorted(needs - needed))
        yield from _conditions(where, old, new)
    else:
        yield from (f"{where}.{name}: made optional" for name in sorted((needed - needs) & set(after)))


def _conditions(where: str, old: Schema, new: Schema) -> Iterator[str]:
    """Fields that are required under a condition; a condition about a value that was not known before is free."""
    known = {str(one["if"]): set(one["then"]["required"]) for one in old.get("allOf", ())}
    allowed = old.get("properties", {}).get("kind", {}).get("enum", [])
    for one in new.get("allOf", ()):
        condition = str(one["if"])
        about = one["if"]["properties"].get("kind", {}).get("const")
        if condition in known or about in allowed:
            more = set(one["then"]["required"]) - known.get(condition, set())
            yield from (f"{where}.{name}: made required for {about}" for name in sorted(more))


def _value(where: str, old: Schema, new: Schema, *, read: bool) -> Iterator[str]:
    narrow, wide = (old, new) if read else (new, old)
    if not _types(narrow) <= _types(wide):
        yield f"{where}: retyped from {_listed(old)} to {_listed(new)}"
        return
    allowed = wide.get("enum")
    if allowed is not None and not ("enum" in narrow and _codes(narrow) <= _codes(wide)):
        lost = sorted(map(str, _codes(narrow) - _codes(wide))) if "enum" in narrow else ["any value"]
        yield f"{where}: {'no longer takes' if read else 'may now be'} {', '.join(lost)}"
    yield from _limits(where, narrow, wide)
    if "properties" in old:
        yield from _object(where, old, new, read=read)
    if "items" in old:
        yield from _value(f"{where}[]", old["items"], new.get("items", {}), read=read)


def _limits(where: str, narrow: Schema, wide: Schema) -> Iterator[str]:
    """Every limit of the wider side must hold on the narrower one."""
    for name, limit in wide.items():
        if name in _WORDS:
            continue
        held = narrow.get(name)
        if name in _LOWER:
            kept = held is not None and held >= limit
        elif name in _UPPER:
            kept = held is not None and held <= limit
        else:
            kept = held == limit
        if not kept:
            yield f"{where}: {name} is {limit} on one side and {'free' if held is None else held} on the other"


_ANY: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def _types(schema: Schema) -> frozenset[str]:
    if "const" in schema:
        return frozenset({"string" if isinstance(schema["const"], str) else type(schema["const"]).__name__})
    types = schema.get("type")
    if types is None:
        return _ANY
    named = frozenset([types] if isinstance(types, str) else types)
    return named | {"integer"} if "number" in named else named


def _listed(schema: Schema) -> str:
    return "any" if _types(schema) == _ANY else "/".join(sorted(_types(schema)))


def _codes(schema: Schema) -> set[Any]:
    return set(schema["enum"]) - {None}  # whether null is taken is a question of the type
