"""Self-pay stays: when they end, and whether an insured stay goes before or comes after one."""

from collections.abc import Iterator

from detectors.history import PersonHistory
from detectors.stays import Stay
from topics.facts import SelfPayStay


def self_pay_end(history: PersonHistory, own: SelfPayStay) -> int | None:
    """When a self-pay stay ended, local second: its end, else the begin of the person's next stay; None: not yet."""
    if own.end is not None:
        return own.end
    return min(
        (stay.begin for stay in history.stays.values() if stay.begin >= own.begin and stay.visit != own.visit),
        default=None,
    )


def self_pay_before(history: PersonHistory, later: Stay, gap: int, longest: int) -> Iterator[SelfPayStay]:
    """Self-pay stays at a stay's institution that ended at most `gap` seconds before it began.

    Args:
        history: of the person.
        later: the stay.
        gap: seconds.
        longest: a longer self-pay stay is left out, seconds.
    """
    for own in history.all_of(SelfPayStay):
        if own.institution != later.institution or own.visit == later.visit:
            continue
        end = self_pay_end(history, own)
        if end is not None and 0 <= later.begin - end <= gap and 0 <= end - own.begin <= longest:
            yield own
