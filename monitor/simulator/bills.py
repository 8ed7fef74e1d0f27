"""Charges become fee lines and a settlement whose sums agree to the fen.

Every line's in-scope amount is its amount less what the insured pays beforehand (class B) or alone (not covered).
The settlement adds these up; the fund pays its share of what is in scope, the personal account and cash the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.simulator import items
from monitor.simulator.formats import Wire, time_text, yuan_text
from monitor.simulator.items import Item
from monitor.simulator.persons import Person
from monitor.simulator.region import Institution
from topics.money import half_up

INPATIENT_TYPES: Final = frozenset({"21", "22", "24", "28", "52"})
_DRUGS: Final = frozenset({items.DRUG, items.HERBAL, items.PATENT})
_UNCOVERED: Final = frozenset({items.UNCOVERED.code, items.COSMETIC.code})
_FUND_PER_CENT: Final = {"310": 75, "390": 60}


class Numbers:
    """Hands out ids: counters that never repeat."""

    def __init__(self) -> None:
        self._visit = self._settlement = self._trace = self._other = 0

    def visit(self) -> str:
        """A new mdtrt_id."""
        self._visit += 1
        return f"M{self._visit:08d}"

    def settlement(self) -> str:
        """A new setl_id."""
        self._settlement += 1
        return f"S{self._settlement:08d}"

    def trace(self, item: Item) -> str:
        """A new drug trace code: 20 digits, the first seven the product's."""
        self._trace += 1
        return f"800{item.code[1:]}{self._trace:013d}"

    def other(self, letter: str) -> str:
        """A new id of another kind (checks, complaints)."""
        self._other += 1
        return f"{letter}{self._other:08d}"


@dataclass(slots=True)
class Charge:
    """One thing charged.

    Attributes:
        item: what.
        count: units.
        at: when, local seconds.
        days: days of supply, 0 for what is no supply.
        codes: drug trace codes.
        discharge: a drug taken home from a stay.
        price: price of a unit in fen where it is not the institution's usual one.
        cancels: number of the line it cancels; count is negative then.
    """

    item: Item
    count: int
    at: int
    days: int = 0
    codes: tuple[str, ...] = ()
    discharge: bool = False
    price: int | None = None
    cancels: int | None = None


@dataclass(slots=True)
class Totals:
    """Sums of lines, fen."""

    amount: int = 0
    own: int = 0
    preself: int = 0

    @property
    def in_scope(self) -> int:
        """What insurance looks at."""
        return self.amount - self.own - self.preself


def fee_lines(
    charges: Sequence[Charge],
    institution: Institution,
    department: str,
    physician: str | None,
    totals: Totals,
    first: int = 1,
) -> list[Wire]:
    """The lines of some charges, numbered from `first`; adds their sums to `totals`."""
    lines = []
    for number, charge in enumerate(charges, first):
        item = charge.item
        price = charge.price
        if price is None:
            price = item.price * institution.discount // 100
        amount = price * charge.count
        own = amount if item.code in _UNCOVERED else 0
        preself = half_up(amount * item.preself, 100) if item.preself else 0
        totals.amount += amount
        totals.own += own
        totals.preself += preself
        line: Wire = {
            "feedetl_sn": str(number),
            "fee_ocur_time": time_text(charge.at),
            "med_list_codg": item.code,
            "cnt": charge.count,
            "pric": yuan_text(price),
            "det_item_fee_sumamt": yuan_text(amount),
            "med_chrgitm_type": item.category,
            "inscp_scp_amt": yuan_text(amount - own - preself),
        }
        if physician is not None:
            line["bilg_dept_codg"] = department
            line["bilg_dr_codg"] = physician
        if item.category in _DRUGS:
            line["prd_days"] = charge.days
            if item.form:
                line["drug_dosform"] = item.form
            if charge.codes:
                line["drug_trac_codg"] = list(charge.codes)
            if charge.discharge:
                line["dscg_tkdrug_flag"] = "1"
        if charge.cancels is not None:
            line["init_feedetl_sn"] = str(charge.cancels)
        if item is items.RESTRICTED:
            line["within_limits"] = "1"
        lines.append(line)
    return lines


@dataclass(slots=True)
class Care:
    """What a settlement is about.

    Attributes:
        visit: mdtrt_id.
        begin: begin of the visit or stay, local seconds; midnight stands for a day without hour.
        end: end of a stay, local seconds.
    """

    visit: str
    person: Person
    institution: Institution
    med_type: str
    begin: int
    diagnosis: str
    department: str = ""
    physician: str | None = None
    end: int | None = None
    certificate: str = "02"
    long_prescription: bool = False


@dataclass(slots=True)
class Settled:
    """A settlement ready to be sent, with what institution totals need to know."""

    fact: Wire
    care: Care
    at: int
    total: int
    fund: int

    @property
    def inpatient(self) -> bool:
        """Whether it settles a stay."""
        return self.care.med_type in INPATIENT_TYPES

    @property
    def outside(self) -> bool:
        """Whether care was given outside the place of insurance."""
        return self.care.person.place != self.care.institution.place


def settle(care: Care, number: str, at: int, totals: Totals, lines: Sequence[Wire] | None) -> Settled:
    """Make the settlement of a visit or stay.

    Args:
        care: the visit or stay.
        number: setl_id.
        at: setl_time, local seconds.
        totals: sums of all its lines.
        lines: the lines that travel inside it, if any.
    """
    person, institution = care.person, care.institution
    inpatient = care.med_type in INPATIENT_TYPES
    per_cent = _FUND_PER_CENT[person.insurance] if inpatient or care.med_type != "41" else 50
    fund = half_up(totals.in_scope * per_cent, 100)
    rest = totals.amount - fund
    account = half_up(rest, 2) if person.insurance == "310" else 0
    fact: Wire = {
        "type": "settlement",
        "setl_id": number,
        "mdtrt_id": care.visit,
        "psn_no": person.number,
        "fixmedins_code": institution.code,
        "setl_time": time_text(at),
        "med_type": care.med_type,
        "medfee_sumamt": yuan_text(totals.amount),
        "fund_pay_sumamt": yuan_text(fund),
        "certno": person.certno,
        "mdtrt_cert_type": care.certificate,
        "gend": person.gender,
        "brdy": person.birth,
        "insutype": person.insurance,
        "begntime": time_text(care.begin),
        "dscg_maindiag_code": care.diagnosis,
        "acct_pay": yuan_text(account),
        "psn_cash_pay": yuan_text(rest - account),
        "fulamt_ownpay_amt": yuan_text(totals.own),
        "overlmt_selfpay": "0.00",
        "preselfpay_amt": yuan_text(totals.preself),
        "inscp_scp_amt": yuan_text(totals.in_scope),
        "insuplc_admdvs": person.place,
        "mdtrt_admdvs": institution.place,
    }
    if care.physician is not None:
        fact["atddr_no"] = care.physician
        fact["adm_dept_codg"] = care.department
    if care.end is not None:
        fact["endtime"] = time_text(care.end)
    if inpatient:
        fact["pay_way"] = institution.pay_way
        fact["final"] = "1"
    if care.long_prescription:
        fact["long_rx"] = "1"
    if lines is not None:
        fact["lines"] = lines
    return Settled(fact, care, at, totals.amount, fund)
