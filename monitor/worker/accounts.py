"""The account of a partition as JSON, for `claims-monitor doctor` and whoever else asks a worker."""

from typing import Any

from msgspec.structs import asdict

from detectors.standing import Counts
from monitor.account import Account
from monitor.state import Meta

_HELD = ("live", "reversed", "voided")


def account_shown(meta: Meta, account: Account, held: Counts | None) -> dict[str, Any]:
    """What the account of a partition says, and whether it adds up.

    Args:
        meta: of the partition.
        account: of the partition.
        held: facts counted again from the state that belongs to this account; None: they were not.

    Returns:
        `records`: source topic without prefix -> `offset` (last one folded in), `read`, `admitted`, `quarantined`,
        `ticks`; `facts`: `read`, `admitted`, `live`, `reversed`, `voided`, `forgotten`, `duplicates`, `superseded`;
        `held`: `live`, `reversed`, `voided` as counted again, else null; `differences`: what does not add up, in
        words; `balanced`: whether there are none.
    """
    facts = asdict(account.facts)
    differences = list(account.differences())
    counted = None if held is None else {name: getattr(held, name) for name in _HELD}
    if counted is not None:
        differences += [
            f"the account says that {facts[name]} facts are {name}, the state holds {counted[name]}"
            for name in _HELD
            if facts[name] != counted[name]
        ]
    return {
        "records": {
            topic: {"offset": meta.offsets.get(topic, -1), **asdict(counts)}
            for topic, counts in sorted(account.records.items())
        },
        "facts": facts,
        "held": counted,
        "differences": differences,
        "balanced": not differences,
    }
