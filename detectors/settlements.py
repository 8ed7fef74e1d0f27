"""What several rules ask of a settlement: its disease, and whether frequency rules leave it out."""

from detectors.history import PersonHistory
from detectors.terms import General
from topics.facts import Settlement
from topics.registry import Item


def disease(diagnosis: str | None) -> str | None:
    """The disease a diagnosis belongs to: its first three characters; None for an unknown one."""
    return diagnosis[:3] if diagnosis else None


def is_exempt(settlement: Settlement, general: General) -> bool:
    """Whether the disease is one that calls for frequent visits (dialysis, chemotherapy, radiotherapy)."""
    return settlement.diagnosis is not None and settlement.diagnosis.startswith(general.frequency_exempt)


def is_series(settlement: Settlement, history: PersonHistory) -> bool:
    """Whether all lines of the settlement's visit are of a treatment series such as physiotherapy."""
    lines = history.raw_lines(settlement.institution, settlement.visit)
    if not lines:
        return False
    for line in lines:
        item = history.registry.get(Item, line.item, at=line.charged_at)
        if item is None or not item.series:
            return False
    return True
