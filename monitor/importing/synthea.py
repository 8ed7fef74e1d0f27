"""Synthea's CSV export as facts of the contract.

Synthea writes one file a table: patients, organizations, providers, encounters, and where they are there claims,
claims_transactions, medications and procedures (each plain or .gz). Costs in US dollars are read as yuan, times stay
as they are (ISO 8601, UTC). The whole export is held in memory, since its tables are joined and the facts are sorted.
What becomes of what stands in `examples/synthea/README.md`.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from monitor.importing import synthea_values as values
from monitor.importing.checked import Checked, checked
from monitor.importing.synthea_bills import Bill, Bills, Encounter
from monitor.importing.tables import BadValue, Report, Row, TableError, read_table

VALID_FROM: Final = "1970-01-01 00:00:00"
"""An export does not say since when an organization or a provider has been there."""

_ORDER: Final = {"institution": 0, "physician": 1, "enrolment": 2, "admission": 3, "discharge": 4, "settlement": 5}
_FIRST_YEAR: Final = 1970
_COLUMNS: Final = {"valid_from": "BIRTHDATE", "brdy": "BIRTHDATE", "death_time": "DEATHDATE"}
"""Wire field -> column, where the contract alone judges the value."""

OnPart = Callable[[str, float], None]


def import_synthea(folder: Path, report: Report, on_part: OnPart = lambda _table, _part: None) -> list[Checked]:
    """Read an export and give its facts: the registry first, then by event time.

    Args:
        folder: of the CSV files.
        report: told of every row that is left out.
        on_part: told which part (0 to 1) of which table was read.

    Raises:
        TableError: a table that must be there is missing, or a column of one.
    """
    export = _Export(folder, report, on_part)
    return sorted(export.objects(), key=lambda one: (one.at, _ORDER.get(one.kind, len(_ORDER)), one.line))


class _Export:
    """The tables of one folder."""

    def __init__(self, folder: Path, report: Report, on_part: OnPart) -> None:
        if not folder.is_dir():
            raise TableError(f"{folder}: no such folder; give the folder of Synthea's CSV files")
        self._folder = folder
        self._report = report
        self._on_part = on_part

    def objects(self) -> Iterator[Checked]:
        """Everything the export says, unsorted."""
        yield from self._each("organizations", ("Id", "LAT", "LON"), _institution)
        yield from self._each("providers", ("Id", "ORGANIZATION"), _physician)
        yield from self._each("patients", ("Id", "BIRTHDATE", "DEATHDATE", "GENDER"), _person)
        bills = Bills(self._rows, self._report)
        for encounter, row in bills.encounters.values():
            yield from self._checked(row, _stay(encounter))
        for bill, row in bills.all():
            yield from self._checked(row, [_settlement(bill)])

    def _each(
        self, table: str, columns: tuple[str, ...], make: Callable[[Row], list[dict[str, Any]]]
    ) -> Iterator[Checked]:
        for row in self._rows(table, columns):
            try:
                wires = make(row)
            except BadValue as error:
                self._report(row.problem(error))
                continue
            yield from self._checked(row, wires)

    def _checked(self, row: Row, wires: list[dict[str, Any]]) -> Iterator[Checked]:
        """All objects of a row, or none of them."""
        try:
            found = [checked(wire, _COLUMNS) for wire in wires]
        except BadValue as error:
            self._report(row.problem(error))
            return
        yield from found

    def _rows(self, table: str, columns: tuple[str, ...], *, optional: bool = False) -> Iterator[Row]:
        path = self._folder / f"{table}.csv"
        if not path.exists():
            path = self._folder / f"{table}.csv.gz"
        if not path.exists():
            if optional:
                return
            raise TableError(f"{self._folder}: holds no {table}.csv or {table}.csv.gz")
        yield from read_table(path, columns, self._report, on_part=lambda part: self._on_part(table, part))


def _institution(row: Row) -> list[dict[str, Any]]:
    wire = {
        "type": "institution",
        "fixmedins_code": row.cells["Id"],
        "valid_from": VALID_FROM,
        "fixmedins_name": row.cells.get("NAME") or None,
        "fixmedins_type": "1",
    }
    if row.cells["LAT"] and row.cells["LON"]:
        wire["lng"] = values.degrees("LON", row.cells["LON"])
        wire["lat"] = values.degrees("LAT", row.cells["LAT"])
    return [_without_none(wire)]


def _physician(row: Row) -> list[dict[str, Any]]:
    return [
        {
            "type": "physician",
            "dr_codg": row.cells["Id"],
            "fixmedins_code": row.cells["ORGANIZATION"],
            "valid_from": VALID_FROM,
            "status": "registered",
        }
    ]


def _person(row: Row) -> list[dict[str, Any]]:
    person, born, died = row.cells["Id"], row.cells["BIRTHDATE"], row.cells["DEATHDATE"]
    # insured from birth on: an export does not say since when
    valid_from = f"{born} 00:00:00" if born[:4] >= str(_FIRST_YEAR) else VALID_FROM
    enrolment = {
        "type": "enrolment",
        "psn_no": person,
        "valid_from": valid_from,
        "gend": values.GENDERS.get(row.cells["GENDER"]),
        "brdy": born,
    }
    found = [_without_none(enrolment)]
    if died:
        # of the hour nothing is known: the day's end, so that nothing of that day looks like care after death
        when = died if "T" in died else f"{died}T23:59:59Z"
        found.append({"type": "death", "psn_no": person, "death_time": when})
    return found


def _stay(encounter: Encounter) -> list[dict[str, Any]]:
    if encounter.med_type != values.INPATIENT:
        return []
    ids = {"mdtrt_id": encounter.id, "psn_no": encounter.person, "fixmedins_code": encounter.institution}
    admission = {
        "type": "admission",
        **ids,
        "begntime": encounter.start,
        "upld_time": encounter.start,  # an export does not say when it was uploaded: at once
        "med_type": encounter.med_type,
        "atddr_no": encounter.physician,
    }
    found = [_without_none(admission)]
    if encounter.stop is not None:
        found.append({"type": "discharge", **ids, "endtime": encounter.stop, "upld_time": encounter.stop})
    return found


def _settlement(bill: Bill) -> dict[str, Any]:
    encounter = bill.encounter
    open_stay = encounter.stop is None and encounter.med_type == values.INPATIENT
    return _without_none(
        {
            "type": "settlement",
            "setl_id": bill.id,
            "mdtrt_id": encounter.id,
            "psn_no": encounter.person,
            "fixmedins_code": encounter.institution,
            "setl_time": bill.settled_at,
            "begntime": encounter.start,
            "endtime": encounter.stop,
            "med_type": encounter.med_type,
            "medfee_sumamt": _text(bill.total),
            "fund_pay_sumamt": _text(bill.fund),
            "psn_cash_pay": _text(bill.cash),
            "atddr_no": bill.physician,
            "final": "0" if open_stay else None,
            "lines": [
                _without_none(
                    {
                        "feedetl_sn": line.sequence,
                        "fee_ocur_time": line.time,
                        "med_list_codg": line.item,
                        "cnt": line.units,
                        "pric": _text(line.price),
                        "det_item_fee_sumamt": _text(line.amount),
                        "med_chrgitm_type": line.category,
                        "prd_days": line.days,
                        "bilg_dr_codg": line.physician,
                    }
                )
                for line in bill.lines
            ]
            or None,
        }
    )


def _text(number: Decimal) -> str:
    return f"{number:.2f}"


def _without_none(wire: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wire.items() if value not in (None, "")}
