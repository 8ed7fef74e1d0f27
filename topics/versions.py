"""Two versions of one fact: which one stands, whatever their order of arrival."""

from typing import Any

import msgspec

from topics.facts import FeeLine
from topics.wire import canonical_json, fields_present


def standing(held: Any, other: Any) -> Any:  # noqa: ANN401 - two facts of one identity
    """Choose the version that stands.

    The latest upload time (missing is earliest), else more fields, else the greater canonical JSON.
    Of a fee line the earliest upload is kept for lateness, whichever version stands.
    """
    if held == other:
        return held
    winner = other if _rank(other, held) else held
    if isinstance(winner, FeeLine):
        uploads = [line.first_upload for line in (held, other) if line.first_upload is not None]
        first = min(uploads, default=None)
        if first != winner.first_upload:
            return msgspec.structs.replace(winner, first_upload=first)
    return winner


def _rank(challenger: Any, held: Any) -> bool:  # noqa: ANN401 - two facts of one identity
    new, old = challenger.uploaded_at, held.uploaded_at
    if new != old:
        return old is None or (new is not None and new > old)
    more, fewer = fields_present(challenger), fields_present(held)
    if more != fewer:
        return more > fewer
    # bytes, not code points: UTF-8 is what the contract compares
    return canonical_json(challenger).encode() > canonical_json(held).encode()
