"""What values of a Synthea export mean in the contract."""

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

from monitor.importing.tables import BadValue

OUTPATIENT: Final = "11"
EMERGENCY: Final = "13"
INPATIENT: Final = "21"

MED_TYPES: Final = {
    "ambulatory": OUTPATIENT,
    "outpatient": OUTPATIENT,
    "wellness": OUTPATIENT,
    "home": OUTPATIENT,
    "virtual": OUTPATIENT,
    "urgentcare": EMERGENCY,
    "emergency": EMERGENCY,
    "inpatient": INPATIENT,
    "snf": INPATIENT,  # skilled nursing facility: the person lies in its bed day and night
    "hospice": INPATIENT,
}
"""ENCOUNTERCLASS -> med_type."""

GENDERS: Final = {"M": "1", "F": "2"}

CONSULTATION: Final = "12"
DRUG: Final = "09"
NURSING: Final = "07"
TREATMENT: Final = "05"
TEST: Final = "04"
EXAM: Final = "03"
OTHER: Final = "14"

NURSING_CODES: Final = frozenset({"410401003", "385763009"})
"""SNOMED CT: nursing care or supplementary surveillance; hospice care."""

_PROCEDURES: Final = (
    (
        EXAM,
        re.compile(
            r"x-ray|radiograph|ultrasound|(?<!referral for )echocardiograph|colonoscopy|fetal (anatomy|heart)",
            re.IGNORECASE,
        ),
    ),
    (
        TEST,
        re.compile(
            r"\b(culture|count|hemogram|antigen|antibody|titer|assay|measurement|viral load|urinalysis|typing|smear"
            r"|cytopathology|sputum|in situ hybridization|(pregnancy|protein|afp|laboratory) test"
            r"|(urine|hepatitis.*|rubella|venereal disease|tuberculosis) screening)\b",
            re.IGNORECASE,
        ),
    ),
)
"""Words of a procedure's description that make it an examination or a test; all others are treatment."""

LONGEST_SUPPLY: Final = 92
"""Days that one dispensing can last. A longer span (an inhaler kept on the list for a year) tells nothing of it."""

_FEN: Final = Decimal("0.01")
_MICRO: Final = Decimal("0.000001")
_DAY: Final = dt.timedelta(days=1)


def med_type(column: str, encounter_class: str) -> str:
    """The med_type of an ENCOUNTERCLASS.

    Raises:
        BadValue: a class that is not known.
    """
    found = MED_TYPES.get(encounter_class.lower())
    if found is None:
        raise BadValue(column, f"{encounter_class[:40]!r} is none of {', '.join(MED_TYPES)}")
    return found


def procedure_category(code: str, description: str) -> str:
    """The med_chrgitm_type of a procedure.

    >>> procedure_category("399208008", "Chest X-ray"), procedure_category("117010004", "Urine culture")
    ('03', '04')
    """
    if code in NURSING_CODES:
        return NURSING
    return next((category for category, words in _PROCEDURES if words.search(description)), TREATMENT)


def amount(column: str, text: str) -> Decimal:
    """Dollars as yuan, rounded half up to the fen.

    Raises:
        BadValue: not a number.
    """
    return _number(column, text).quantize(_FEN, ROUND_HALF_UP)


def degrees(column: str, text: str) -> str:
    """A coordinate in degrees with six decimals (about 0.1 m).

    Raises:
        BadValue: not a number.
    """
    return str(_number(column, text).quantize(_MICRO, ROUND_HALF_UP))


def whole(column: str, text: str) -> int:
    """A number without decimals.

    Raises:
        BadValue: not such a number.
    """
    number = _number(column, text)
    if number != number.to_integral_value():
        raise BadValue(column, f"{text[:40]!r} is not a whole number")
    return int(number)


def _number(column: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadValue(column, f"{text[:40]!r} is not a number") from None
    if not number.is_finite() or number.adjusted() > 12:
        raise BadValue(column, f"{text[:40]!r} is not a believable number")
    return number


def moment(column: str, text: str) -> dt.datetime:
    """A time with an offset.

    Raises:
        BadValue: not such a time.
    """
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadValue(column, f"{text[:40]!r} is not a time like 2014-05-06T08:34:30Z")
    return found


def days_of_supply(start: dt.datetime, stop: dt.datetime | None, dispenses: int) -> int:
    """Days that one of `dispenses` equal dispensings between two times lasts; 0 = unknown.

    >>> begin = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    >>> days_of_supply(begin, begin + dt.timedelta(days=363), 12)
    30
    >>> days_of_supply(begin, begin + dt.timedelta(days=371), 1)
    0
    """
    if stop is None or dispenses < 1:
        return 0
    days = (stop - start) // _DAY // dispenses
    return days if 1 <= days <= LONGEST_SUPPLY else 0
