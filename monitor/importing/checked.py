"""Objects of the contract, read once by its own decoder before they leave."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from monitor.importing.tables import BadValue
from topics.decoding import Decoder, received_at
from topics.reasons import Quarantined
from topics.registry import Entry

_encode = msgspec.json.Encoder().encode
_decode = Decoder("any")
_FIELD: Final = re.compile(r"(?:lines\[\d+\]\.)?(\w+)")


class Checked(NamedTuple):
    """One line of output.

    Attributes:
        at: event time (local seconds); -1 for registry entries, which go before all facts.
        kind: its type.
        line: NDJSON without the end of the line.
    """

    at: int
    kind: str
    line: bytes


def checked(wire: Mapping[str, Any], columns: Mapping[str, str] | None = None) -> Checked:
    """Encode an object and let the contract's decoder read it.

    Args:
        wire: the object, with its `type`.
        columns: wire field -> column of the source, for the message.

    Raises:
        BadValue: the contract does not take it; `column` is the source's column where it is known.
    """
    line = _encode(wire)
    try:
        first = _decode(line)[0]
        received_at(line)
    except Quarantined as why:
        found = _FIELD.match(why.detail)
        column = None if found is None or columns is None else columns.get(found[1])
        raise BadValue(column, f"{why.reason}: {why.detail}") from None
    return Checked(-1 if isinstance(first, Entry) else first.at, str(wire["type"]), line)
