"""Why a record goes to the dead-letter topic: each reason a named constant.

The constants are the values of the `reason` header and of the `reason` label of the quarantine metric.
"""

from typing import Final

BROKEN_JSON: Final = "broken-json"
BAD_UTF8: Final = "bad-utf8"
TOO_DEEP: Final = "too-deep"
TOO_LARGE: Final = "too-large"
NOT_AN_OBJECT: Final = "not-an-object"
UNKNOWN_TYPE: Final = "unknown-type"
WRONG_TOPIC: Final = "wrong-topic"
WRONG_KEY: Final = "wrong-key"
MISSING_FIELD: Final = "missing-field"
WRONG_TYPE: Final = "wrong-type"
BAD_TIME: Final = "bad-time"
BAD_NUMBER: Final = "bad-number"
OVER_PRECISE: Final = "over-precise"
NEGATIVE: Final = "negative"
NOT_NEGATIVE: Final = "not-negative"
BAD_CODE: Final = "bad-code"
TOO_LONG: Final = "too-long"
IN_THE_FUTURE: Final = "in-the-future"
TOO_LATE: Final = "too-late"

MEANING: Final = {
    BROKEN_JSON: "the value is not JSON",
    BAD_UTF8: "the value is not UTF-8",
    TOO_DEEP: "the value is nested too deeply",
    TOO_LARGE: "the record is larger than the limit",
    NOT_AN_OBJECT: "the value is not a JSON object",
    UNKNOWN_TYPE: "no fact has this type",
    WRONG_TOPIC: "a fact of this type does not belong into this topic",
    WRONG_KEY: "the record's key is not the one the contract asks for",
    MISSING_FIELD: "a required field is absent, null or blank",
    WRONG_TYPE: "a field has another JSON type than the contract says",
    BAD_TIME: "a time or day cannot be read or lies outside the years allowed",
    BAD_NUMBER: "a number is not finite or too large",
    OVER_PRECISE: "a number has more decimals than the contract allows",
    NEGATIVE: "a number is negative where only cancelling lines may be",
    NOT_NEGATIVE: "a cancelling line has an amount or count above 0",
    BAD_CODE: "a code is none of those the contract knows",
    TOO_LONG: "an identifier or code is longer than the contract allows",
    IN_THE_FUTURE: "the event time lies further ahead of the record time than the tolerance",
    TOO_LATE: "the event time lies further before the record time than the lateness bound",
}
"""What each reason means, for people."""


class Quarantined(Exception):
    """A record that is not admitted.

    Attributes:
        reason: one of the constants of this module.
        detail: what was found, with the field's name; never a person's number.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
