"""Decoding in tests: objects in, facts or the reason out."""

from typing import Any

import msgspec
import pytest

from topics.decoding import Decoder
from topics.reasons import Quarantined

_any = Decoder("any")


def facts(wire: dict[str, Any] | bytes, decoder: Decoder = _any) -> list[Any]:
    """The facts of one record."""
    return decoder(wire if isinstance(wire, bytes) else msgspec.json.encode(wire))


def fact(wire: dict[str, Any] | bytes, decoder: Decoder = _any) -> Any:  # noqa: ANN401 - any fact
    """The only fact of one record."""
    (found,) = facts(wire, decoder)
    return found


def refused(wire: dict[str, Any] | bytes, decoder: Decoder = _any) -> tuple[str, str]:
    """Reason and detail of a record that is not taken."""
    with pytest.raises(Quarantined) as caught:
        facts(wire, decoder)
    return caught.value.reason, caught.value.detail
