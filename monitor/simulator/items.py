"""The items charged: drugs with generics and classes, examinations, tests, treatments, beds, nursing.

Prices in the table are usual prices in fen; an institution charges at most that, and ceilings lie a fifth above,
so that ordinary charges never pass them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from monitor.simulator.formats import REGISTERED, Wire, yuan_text

BED: Final = "01"
EXAM: Final = "03"
TEST: Final = "04"
TREATMENT: Final = "05"
SURGERY: Final = "06"
NURSING: Final = "07"
MATERIAL: Final = "08"
DRUG: Final = "09"
HERBAL: Final = "10"
PATENT: Final = "11"
REGISTRATION: Final = "12"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the national list.

    Attributes:
        code: med_list_codg.
        category: med_chrgitm_type.
        price: usual price of one unit, fen.
        generic: generic name of a drug, else None.
        drug_class: smallest class of a drug, else None.
        form: dosage form of a drug, else None.
        preself: share the insured pays beforehand, per cent (class B).
        max_per_day: units a day at most, None when not limited.
        more: further fields of its registry entry.
    """

    code: str
    name: str
    category: str
    price: int
    generic: str | None = None
    drug_class: str | None = None
    form: str | None = None
    preself: int = 0
    max_per_day: int | None = None
    more: tuple[tuple[str, object], ...] = ()

    @property
    def ceiling(self) -> int:
        """Price ceiling, fen."""
        return self.price * 6 // 5

    def registry(self) -> Wire:
        """Its registry object."""
        entry: Wire = {
            "type": "item",
            "med_list_codg": self.code,
            "name": self.name,
            "med_chrgitm_type": self.category,
            "pric_uplmt_amt": yuan_text(self.ceiling),
            "covered": True,
            "valid_from": REGISTERED,
        }
        for name, value in (
            ("generic", self.generic),
            ("class_codg", self.drug_class),
            ("max_per_day", self.max_per_day),
        ):
            if value is not None:
                entry[name] = value
        entry.update(self.more)
        return entry


def _drug(code: str, generic: str, drug_class: str, yuan: int, **more: object) -> Item:
    injected = bool(more.pop("injected", False))
    form = "injection" if injected else "tablet"
    extra = (("takeaway", not injected), *more.items())
    preself = 0 if code[-1] in "02468" else 5
    return Item(code, generic, DRUG, yuan * 100, generic, drug_class, form, preself, None, extra)


def _service(code: str, name: str, category: str, yuan: int, most: int = 1, **more: object) -> Item:
    return Item(code, name, category, yuan * 100, None, None, None, 0, most, tuple(more.items()))


CHRONIC: Final[dict[str, tuple[Item, ...]]] = {
    "I10": (
        _drug("X1001", "amlodipine", "C08C", 28, chronic=True),
        _drug("X1002", "nifedipine", "C08C", 31, chronic=True),
        _drug("X1003", "felodipine", "C08C", 35, chronic=True),
    ),
    "E11": (
        _drug("X1010", "metformin", "A10BA", 22, chronic=True),
        _drug("X1011", "phenformin", "A10BA", 18, chronic=True),
    ),
    "I25": (
        _drug("X1020", "atorvastatin", "C10AA", 46, chronic=True),
        _drug("X1021", "rosuvastatin", "C10AA", 52, chronic=True),
    ),
    "J44": (
        _drug("X1030", "theophylline", "R03DA", 19, chronic=True),
        _drug("X1031", "doxofylline", "R03DA", 33, chronic=True),
    ),
    "M81": (
        _drug("X1040", "alendronate", "M05BA", 61, chronic=True),
        _drug("X1041", "risedronate", "M05BA", 58, chronic=True),
    ),
}
"""Chronic disease -> its drugs, all of one class; a patient stays with one of them."""

ACUTE: Final = (
    _drug("X2001", "amoxicillin", "J01CA", 24),
    _drug("X2002", "cefuroxime", "J01DC", 38),
    _drug("X2003", "azithromycin", "J01FA", 29),
    _drug("X2004", "ibuprofen", "M01AE", 17),
    _drug("X2005", "omeprazole", "A02BC", 33),
    _drug("X2006", "loratadine", "R06AX", 15),
    _drug("X2007", "ambroxol", "R05CB", 21),
    _drug("X2008", "domperidone", "A03FA", 14),
    _drug("X2009", "diosmectite", "A07BC", 19),
    _drug("X2010", "montelukast", "R03DC", 44),
    _drug("X2011", "acetaminophen", "N02BE", 9),
    _drug("X2012", "mecobalamin", "B03BA", 26),
)
"""Drugs for acute illness, each of a class of its own; a person's visits go through them in turn."""

WARD: Final = (
    _drug("X3001", "ceftriaxone", "J01DD", 36, injected=True),
    _drug("X3002", "levofloxacin", "J01MA", 42, injected=True),
    _drug("X3003", "pantoprazole", "A02BD", 55, injected=True),
    _drug("X3004", "cytidine", "N06BX", 31, injected=True),
    _drug("X3005", "heparin", "B01AB", 48, injected=True),
    _drug("X3006", "furosemide", "C03CA", 7, injected=True),
)
"""Injections given on the ward, never taken home; each of a class of its own."""

SOLVENT: Final = _drug("X3100", "sodium chloride", "B05XA", 8, injected=True, solvent=True)
PATENT_DRUG: Final = Item("Z4001", "isatis granules", PATENT, 2_600, "isatis", "ZA01", "granules")
HERBALS: Final = tuple(
    Item(f"T5{number:03d}", f"herbal piece {number}", HERBAL, 120 + 35 * number) for number in range(1, 9)
)

REGISTRATIONS: Final = (
    _service("F6001", "consultation", REGISTRATION, 12),
    _service("F6002", "consultation, chief physician", REGISTRATION, 25),
)
EXAMS: Final = (
    _service("F6101", "electrocardiogram", EXAM, 25, 2),
    _service("F6102", "chest CT", EXAM, 180),
    _service("F6103", "abdominal ultrasound", EXAM, 95),
    _service("F6104", "chest radiograph", EXAM, 60),
)
TESTS: Final = (
    _service("F6201", "blood count", TEST, 18, 3),
    _service("F6202", "urine analysis", TEST, 12, 3),
    _service("F6203", "liver and kidney function", TEST, 85, 2),
    _service("F6204", "C-reactive protein", TEST, 30, 3),
    _service("F6205", "blood glucose", TEST, 6, 8),
)
TREATMENTS: Final = (
    _service("F6301", "intravenous infusion", TREATMENT, 9, 4),
    _service("F6302", "nebulisation", TREATMENT, 15, 4),
    _service("F6303", "dressing", TREATMENT, 22, 3),
)
PHYSIOTHERAPY: Final = _service("F6350", "physiotherapy", TREATMENT, 40, 2, series=True)
DIALYSIS: Final = _service("F6360", "haemodialysis", TREATMENT, 400)
OPERATIONS: Final = (
    _service("F6401", "appendectomy", SURGERY, 1_150),
    _service("F6402", "fracture fixation", SURGERY, 1_480),
    _service("F6403", "cholecystectomy", SURGERY, 1_350),
)
DELIVERY: Final = _service("F6404", "caesarean section", SURGERY, 1_200, 1, gend_limit="2", age_min=14, age_max=60)
ANTENATAL: Final = _service("F6150", "obstetric ultrasound", EXAM, 110, 1, gend_limit="2")
CHILD_CARE: Final = _service("F6310", "paediatric nebulisation", TREATMENT, 18, 4, age_max=13)
MATERIALS: Final = (
    _service("C7001", "infusion set", MATERIAL, 6, 4),
    _service("C7002", "suture kit", MATERIAL, 85, 2),
)
BED_DAY: Final = _service("F6501", "ward bed", BED, 38)
NURSING_GRADES: Final = {
    "1": _service("F6601", "nursing, grade I", NURSING, 30, 1, nursing_grade="1"),
    "2": _service("F6602", "nursing, grade II", NURSING, 20, 1, nursing_grade="2"),
    "3": _service("F6603", "nursing, grade III", NURSING, 12, 1, nursing_grade="3"),
}
RESTRICTED: Final = _drug("X2900", "albumin", "B05AA", 90, injected=True, restricted=True)
UNCOVERED: Final = _service("F6900", "single-room supplement", BED, 60, 1, covered=False)
COSMETIC: Final = _service("C7900", "comfort pad", MATERIAL, 35, 2, covered=False)


def registry() -> Iterator[Wire]:
    """The registry objects of all items."""
    for item in all_items():
        yield item.registry()


def all_items() -> tuple[Item, ...]:
    """Every item there is."""
    chronic = tuple(item for items in CHRONIC.values() for item in items)
    singles = (SOLVENT, PATENT_DRUG, PHYSIOTHERAPY, DIALYSIS, DELIVERY, ANTENATAL, CHILD_CARE, BED_DAY)
    rest = (RESTRICTED, UNCOVERED, COSMETIC)
    groups = (ACUTE, WARD, HERBALS, REGISTRATIONS, EXAMS, TESTS, TREATMENTS, OPERATIONS, MATERIALS)
    return (
        *chronic,
        *(item for group in groups for item in group),
        *singles,
        *NURSING_GRADES.values(),
        *rest,
    )
