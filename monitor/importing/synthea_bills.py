"""Joins a Synthea export's encounters, claims, charges, payments, medications and procedures into bills."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

from monitor.importing import synthea_values as values
from monitor.importing.tables import BadValue, Report, Row

_BY_INSURER: Final = "ECHECK"
"""METHOD of a PAYMENT that an insurer makes; all others (COPAY, CASH, CHECK, CC) are the person's."""
_ZERO: Final = Decimal("0.00")


class Rows(Protocol):
    """Gives the rows of a table of the export."""

    def __call__(self, table: str, columns: tuple[str, ...], *, optional: bool = False) -> Iterator[Row]:
        """Rows of `table`, none where it is optional and not there."""
        ...


class Encounter(NamedTuple):
    """One encounter; `stop` None: it goes on. Times are texts as they stand in the export."""

    id: str
    person: str
    institution: str
    physician: str | None
    start: str
    stop: str | None
    med_type: str
    code: str
    base: Decimal
    total: Decimal
    covered: Decimal


class Line(NamedTuple):
    """One fee line; `days` 0: unknown, None: not a drug."""

    sequence: str
    time: str
    item: str
    units: int
    price: Decimal
    amount: Decimal
    category: str
    days: int | None
    physician: str | None


class _Drug(NamedTuple):
    start: str
    code: str
    price: Decimal
    dispenses: int
    total: Decimal
    covered: Decimal
    days: int


class _Procedure(NamedTuple):
    start: str
    code: str
    cost: Decimal
    category: str


@dataclass
class Bill:
    """A claim with its charges, or an encounter where the export has no claims.

    Attributes:
        fund: what insurers paid, the second one too.
        cash: what the person paid.
    """

    id: str
    encounter: Encounter
    physician: str | None
    total: Decimal = _ZERO
    fund: Decimal = _ZERO
    cash: Decimal = _ZERO
    lines: list[Line] = field(default_factory=list)

    @property
    def settled_at(self) -> str:
        """The encounter's end, or the time of the last charge: Synthea lets procedures run on beyond STOP."""
        ends = [self.encounter.stop or self.encounter.start, *(line.time for line in self.lines)]
        return max(ends, key=dt.datetime.fromisoformat)


class Bills:
    """All bills of an export.

    Attributes:
        encounters: encounter id -> the encounter and its row.
    """

    def __init__(self, rows: Rows, report: Report) -> None:
        self._rows = rows
        self._report = report
        self.encounters: dict[str, tuple[Encounter, Row]] = {}
        self._drugs: dict[str, list[_Drug]] = {}
        self._procedures: dict[str, list[_Procedure]] = {}
        self._read_encounters()
        self._read_drugs()
        self._read_procedures()

    def all(self) -> Iterator[tuple[Bill, Row]]:
        """Every bill with the row it comes from."""
        columns = ("Id", "APPOINTMENTID", "PROVIDERID")
        claims: dict[str, tuple[Bill, Row]] = {}
        for row in self._rows("claims", columns, optional=True):
            try:
                encounter = self._encounter("APPOINTMENTID", row)
            except BadValue as error:
                self._report(row.problem(error))
                continue
            claims[row.cells["Id"]] = (Bill(row.cells["Id"], encounter, row.cells["PROVIDERID"] or None), row)
        if claims:
            self._read_transactions(claims)
            yield from claims.values()
            return
        for encounter, row in self.encounters.values():
            yield self._bill_of(encounter), row

    def _encounter(self, column: str, row: Row) -> Encounter:
        found = self.encounters.get(row.cells[column])
        if found is None:
            raise BadValue(column, "no such encounter")
        return found[0]

    def _read_encounters(self) -> None:
        columns = ("Id", "START", "STOP", "PATIENT", "ORGANIZATION", "PROVIDER", "ENCOUNTERCLASS", "CODE")
        costs = ("BASE_ENCOUNTER_COST", "TOTAL_CLAIM_COST", "PAYER_COVERAGE")
        for row in self._rows("encounters", columns + costs):
            cells = row.cells
            try:
                for column in ("START", "STOP"):
                    if cells[column] or column == "START":
                        values.moment(column, cells[column])
                encounter = Encounter(
                    cells["Id"],
                    cells["PATIENT"],
                    cells["ORGANIZATION"],
                    cells["PROVIDER"] or None,
                    cells["START"],
                    cells["STOP"] or None,
                    values.med_type("ENCOUNTERCLASS", cells["ENCOUNTERCLASS"]),
                    cells["CODE"],
                    *(values.amount(column, cells[column]) for column in costs),
                )
            except BadValue as error:
                self._report(row.problem(error))
                continue
            self.encounters[encounter.id] = (encounter, row)

    def _read_drugs(self) -> None:
        columns = ("START", "STOP", "ENCOUNTER", "CODE", "BASE_COST", "PAYER_COVERAGE", "DISPENSES", "TOTALCOST")
        for row in self._rows("medications", columns, optional=True):
            cells = row.cells
            try:
                encounter = self._encounter("ENCOUNTER", row)
                start = values.moment("START", cells["START"])
                stop: dt.datetime | None = values.moment("STOP", cells["STOP"]) if cells["STOP"] else None
                dispenses = values.whole("DISPENSES", cells["DISPENSES"])
                drug = _Drug(
                    cells["START"],
                    cells["CODE"],
                    values.amount("BASE_COST", cells["BASE_COST"]),
                    dispenses,
                    values.amount("TOTALCOST", cells["TOTALCOST"]),
                    values.amount("PAYER_COVERAGE", cells["PAYER_COVERAGE"]),
                    values.days_of_supply(start, stop, dispenses),
                )
            except BadValue as error:
                self._report(row.problem(error))
                continue
            self._drugs.setdefault(encounter.id, []).append(drug)

    def _read_procedures(self) -> None:
        for row in self._rows("procedures", ("START", "ENCOUNTER", "CODE", "BASE_COST"), optional=True):
            try:
                encounter = self._encounter("ENCOUNTER", row)
                values.moment("START", row.cells["START"])
                cost = values.amount("BASE_COST", row.cells["BASE_COST"])
            except BadValue as error:
                self._report(row.problem(error))
                continue
            category = values.procedure_category(row.cells["CODE"], row.cells.get("DESCRIPTION", ""))
            procedure = _Procedure(row.cells["START"], row.cells["CODE"], cost, category)
            self._procedures.setdefault(encounter.id, []).append(procedure)

    def _read_transactions(self, claims: dict[str, tuple[Bill, Row]]) -> None:
        columns = ("ID", "CLAIMID", "TYPE", "AMOUNT", "METHOD", "FROMDATE", "PROCEDURECODE", "UNITS", "UNITAMOUNT")
        for row in self._rows("claims_transactions", (*columns, "PAYMENTS", "PROVIDERID")):
            cells = row.cells
            if cells["TYPE"] not in {"CHARGE", "PAYMENT"}:
                continue  # transfers of what is open from one payer to the next
            try:
                self._add(row, claims)
            except BadValue as error:
                self._report(row.problem(error))

    def _add(self, row: Row, claims: dict[str, tuple[Bill, Row]]) -> None:
        cells = row.cells
        found = claims.get(cells["CLAIMID"])
        if found is None:
            raise BadValue("CLAIMID", "no such claim")
        bill = found[0]
        if cells["TYPE"] == "CHARGE":
            line = self._charge(bill.encounter, row)
            bill.lines.append(line)
            bill.total += line.amount
        elif cells["METHOD"] == _BY_INSURER:
            bill.fund += values.amount("PAYMENTS", cells["PAYMENTS"])
        else:
            bill.cash += values.amount("PAYMENTS", cells["PAYMENTS"])

    def _charge(self, encounter: Encounter, row: Row) -> Line:
        cells = row.cells
        values.moment("FROMDATE", cells["FROMDATE"])
        category, days = self._category(encounter, cells["PROCEDURECODE"], cells["FROMDATE"])
        return Line(
            cells["ID"],
            cells["FROMDATE"],
            cells["PROCEDURECODE"],
            values.whole("UNITS", cells["UNITS"]),
            values.amount("UNITAMOUNT", cells["UNITAMOUNT"]),
            values.amount("AMOUNT", cells["AMOUNT"]),
            category,
            days,
            cells["PROVIDERID"] or None,
        )

    def _category(self, encounter: Encounter, code: str, time: str) -> tuple[str, int | None]:
        """Category and days of supply of a charge, from the table in which its code stands."""
        for drug in self._drugs.get(encounter.id, ()):
            if (drug.code, drug.start) == (code, time):
                return values.DRUG, drug.days
        for procedure in self._procedures.get(encounter.id, ()):
            if (procedure.code, procedure.start) == (code, time):
                return procedure.category, None
        return values.CONSULTATION if code == encounter.code else values.OTHER, None

    def _bill_of(self, encounter: Encounter) -> Bill:
        """The bill of an encounter in an export without claims: its own costs and those of its drugs."""
        drugs = self._drugs.get(encounter.id, [])
        total = encounter.total + sum((drug.total for drug in drugs), _ZERO)
        fund = encounter.covered + sum((drug.covered for drug in drugs), _ZERO)
        charges: list[tuple[str, str, int, Decimal, Decimal, int | None]] = [
            (encounter.start, encounter.code, 1, encounter.base, encounter.base, None)
        ]
        charges += [
            (one.start, one.code, 1, one.cost, one.cost, None) for one in self._procedures.get(encounter.id, ())
        ]
        # several dispensings are not one supply: for how long each lasts counts, not their sum
        charges += [
            (drug.start, drug.code, drug.dispenses, drug.price, drug.total, drug.days if drug.dispenses == 1 else 0)
            for drug in drugs
        ]
        bill = Bill(encounter.id, encounter, encounter.physician, total, fund, total - fund)
        for number, (time, code, units, price, cost, days) in enumerate(charges, 1):
            category = self._category(encounter, code, time)[0]
            line = Line(str(number), time, code, units, price, cost, category, days, encounter.physician)
            bill.lines.append(line)
        return bill
