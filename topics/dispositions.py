"""Dispositions (`dispositions.v1`): what reviewers decided about alerts. The latest of an alert, by `at`, stands."""

from typing import Annotated, Final, Literal, get_args

import msgspec

from topics.times import BadTime, parse_time

Decision = Literal["in-review", "explained", "confirmed", "dismissed", "appealed", "upheld", "overturned"]
DECISIONS: Final[tuple[Decision, ...]] = get_args(Decision)

FOUND_RIGHT: Final[frozenset[Decision]] = frozenset({"confirmed", "upheld"})
FOUND_WRONG: Final[frozenset[Decision]] = frozenset({"explained", "dismissed", "overturned"})

JR_ID: Final = "^[0-9a-f]{32}$"
DIGEST: Final = "^[0-9a-f]{16}$"
_MONEY: Final = r"^[0-9]+(\.[0-9]{1,2})?$"
_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Disposition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a reviewer decided about an alert; the latest of an alert stands, an equal time by the later line.

    Attributes:
        jr_id: of the alert.
        value_digest: of the alert's value as it was judged: what stands after the dot in `ce_id`; a later revision
            reopens it.
        decision: confirmed and upheld say that the alert was right; explained, dismissed and overturned that it was
            not; in-review and appealed leave it open.
        reason: a code or a few words.
        by: who decided; a role or pseudonym will do.
        at: when, yyyy-MM-dd HH:mm:ss local time, or ISO 8601 with an offset.
        amount: confirmed, in yuan.
        due: deadline, yyyy-MM-dd.
        note: free text.
    """

    jr_id: Annotated[str, msgspec.Meta(pattern=JR_ID, description="jr_id of the alert")]
    value_digest: Annotated[
        str, msgspec.Meta(pattern=DIGEST, description="digest of the alert as judged: what follows the dot in ce_id")
    ]
    decision: Annotated[Decision, msgspec.Meta(description="what was decided")]
    reason: Annotated[str, msgspec.Meta(description="a code or a few words")]
    by: Annotated[str, msgspec.Meta(min_length=1, description="who decided; a role or pseudonym will do")]
    at: Annotated[str, msgspec.Meta(description="when: yyyy-MM-dd HH:mm:ss local time, or ISO 8601 with an offset")]
    amount: Annotated[str, msgspec.Meta(pattern=_MONEY, description="amount confirmed, yuan")] | None = None
    due: Annotated[str, msgspec.Meta(pattern=_DAY, description="deadline, yyyy-MM-dd")] | None = None
    note: Annotated[str, msgspec.Meta(description="free text")] | None = None

    @property
    def time(self) -> int:
        """`at` as a local second."""
        return parse_time(self.at)

    @property
    def right(self) -> bool | None:
        """Whether the alert was found right; None while that is open."""
        if self.decision in FOUND_RIGHT:
            return True
        return False if self.decision in FOUND_WRONG else None


class BadDisposition(ValueError):
    """A value that is no disposition; the message says what is wrong with it, without the value."""


_decoder: Final = msgspec.json.Decoder(Disposition)


def decode(value: bytes) -> Disposition:
    """Read a disposition.

    Raises:
        BadDisposition: the value is none.
    """
    try:
        found = _decoder.decode(value)
        parse_time(found.at)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadDisposition(str(error)) from None
    except BadTime:
        raise BadDisposition("at: not a time yyyy-MM-dd HH:mm:ss") from None
    return found


def example() -> Disposition:
    """A disposition that shows every field."""
    return Disposition(
        jr_id="5f0c7be2a4d94d0f8a3ce1b2c9d07e66",
        value_digest="9c1e4b7aa02d3f58",
        decision="confirmed",
        reason="upcoded",
        by="reviewer-07",
        at="2026-03-12 10:20:00",
        amount="1210.40",
        due="2026-04-11",
        note="院方已确认",
    )
