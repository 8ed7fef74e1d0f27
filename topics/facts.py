"""Facts about a person (`claims.facts.v1`): attributes in English, wire names of the national interface.

Every fact has `kind` (its wire type), `person`, `ref` (its identity, as evidence names it) and `at` (its event time,
local seconds). Money is in fen, prices in micro-yuan, counts in ten-thousandths, days of supply in hundredths.
"""

from typing import Annotated, ClassVar, Final

import msgspec

from topics.times import format_time
from topics.wire import (
    BIRTH,
    BOOL,
    CERTNO,
    CODES,
    COUNT,
    DAYS,
    DIAGNOSIS,
    FLAG,
    MONEY,
    NAME,
    PRICE,
    SIGNED_MONEY,
    TEXT,
    TIME,
    Wire,
    one_of,
)


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What all facts share."""

    kind: ClassVar[str]

    @property
    def at(self) -> int:
        """Event time, local seconds."""
        raise NotImplementedError

    @property
    def ref(self) -> str:
        """Identity: `type:id`, the form in which evidence names it."""
        raise NotImplementedError


class PersonFact(Fact, frozen=True, array_like=True, gc=False):
    """A fact about a person; every kind declares the field `person`."""


class Settlement(PersonFact, frozen=True, array_like=True, gc=False, tag=1):
    """One settled visit, or one interim or final part of a stay."""

    kind: ClassVar[str] = "settlement"

    id: Annotated[str, Wire("setl_id", TEXT)]
    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    settled_at: Annotated[int, Wire("setl_time", TIME)]
    med_type: Annotated[str, Wire("med_type", TEXT)]
    total: Annotated[int, Wire("medfee_sumamt", MONEY)]
    fund: Annotated[int, Wire("fund_pay_sumamt", MONEY)]
    certno: Annotated[str | None, Wire("certno", CERTNO)] = None
    certificate: Annotated[str | None, Wire("mdtrt_cert_type", TEXT)] = None
    gender: Annotated[str | None, Wire("gend", TEXT)] = None
    birth_day: Annotated[int | None, Wire("brdy", BIRTH)] = None
    insurance: Annotated[str | None, Wire("insutype", TEXT)] = None
    person_type: Annotated[str | None, Wire("psn_type", TEXT)] = None
    begin: Annotated[int | None, Wire("begntime", TIME)] = None
    end: Annotated[int | None, Wire("endtime", TIME)] = None
    diagnosis: Annotated[str | None, Wire("dscg_maindiag_code", DIAGNOSIS)] = None
    physician: Annotated[str | None, Wire("atddr_no", TEXT)] = None
    department: Annotated[str | None, Wire("adm_dept_codg", TEXT)] = None
    account: Annotated[int | None, Wire("acct_pay", MONEY)] = None
    cash: Annotated[int | None, Wire("psn_cash_pay", MONEY)] = None
    own_expense: Annotated[int | None, Wire("fulamt_ownpay_amt", MONEY)] = None
    over_limit: Annotated[int | None, Wire("overlmt_selfpay", MONEY)] = None
    pre_selfpay: Annotated[int | None, Wire("preselfpay_amt", MONEY)] = None
    in_scope: Annotated[int | None, Wire("inscp_scp_amt", MONEY)] = None
    insured_place: Annotated[str | None, Wire("insuplc_admdvs", TEXT)] = None
    care_place: Annotated[str | None, Wire("mdtrt_admdvs", TEXT)] = None
    pay_way: Annotated[str | None, Wire("pay_way", one_of("service", "case", "unit-quota", "bed-day"))] = None
    special_case: Annotated[bool | None, Wire("special_case", FLAG)] = None
    final: Annotated[bool | None, Wire("final", FLAG)] = None
    long_prescription: Annotated[bool | None, Wire("long_rx", FLAG)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.settled_at

    @property
    def care_time(self) -> int:
        """When care was given: begin, else the settlement's time; windows over visits use it."""
        return self.settled_at if self.begin is None else self.begin

    @property
    def interim(self) -> bool:
        """Whether it settles a part of a stay that goes on."""
        return self.final is False

    @property
    def ref(self) -> str:
        return "settlement:" + self.id


class Reversal(PersonFact, frozen=True, array_like=True, gc=False, tag=2):
    """A settlement is cancelled."""

    kind: ClassVar[str] = "reversal"

    settlement: Annotated[str, Wire("setl_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    reversed_at: Annotated[int, Wire("setl_time", TIME)]
    institution: Annotated[str | None, Wire("fixmedins_code", TEXT)] = None
    settled_at: Annotated[int | None, Wire("orig_setl_time", TIME)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.reversed_at

    @property
    def ref(self) -> str:
        return "reversal:" + self.settlement


class FeeLine(PersonFact, frozen=True, array_like=True, gc=False, tag=3):
    """One fee line of a visit, uploaded by itself or inside a settlement.

    `uploaded_at` decides between versions. `first_upload` counts for lateness: None for a line that came
    inside a settlement only.
    """

    kind: ClassVar[str] = "fee-line"

    sequence: Annotated[str, Wire("feedetl_sn", TEXT)]
    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    charged_at: Annotated[int, Wire("fee_ocur_time", TIME)]
    item: Annotated[str, Wire("med_list_codg", TEXT)]
    count: Annotated[int, Wire("cnt", COUNT)]
    price: Annotated[int, Wire("pric", PRICE)]
    amount: Annotated[int, Wire("det_item_fee_sumamt", SIGNED_MONEY)]
    med_type: Annotated[str | None, Wire("med_type", TEXT)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None
    cancels: Annotated[str | None, Wire("init_feedetl_sn", TEXT)] = None
    prescription: Annotated[str | None, Wire("rxno", TEXT)] = None
    own_code: Annotated[str | None, Wire("medins_list_codg", TEXT)] = None
    category: Annotated[str | None, Wire("med_chrgitm_type", TEXT)] = None
    in_scope: Annotated[int | None, Wire("inscp_scp_amt", SIGNED_MONEY)] = None
    days: Annotated[int | None, Wire("prd_days", DAYS)] = None
    department: Annotated[str | None, Wire("bilg_dept_codg", TEXT)] = None
    physician: Annotated[str | None, Wire("bilg_dr_codg", TEXT)] = None
    ceiling: Annotated[int | None, Wire("pric_uplmt_amt", PRICE)] = None
    within_limits: Annotated[bool | None, Wire("within_limits", FLAG)] = None
    hospital_approved: Annotated[str | None, Wire("hosp_appr_flag", TEXT)] = None
    discharge_drug: Annotated[bool | None, Wire("dscg_tkdrug_flag", FLAG)] = None
    dosage_form: Annotated[str | None, Wire("drug_dosform", TEXT)] = None
    trace_codes: Annotated[tuple[str, ...] | None, Wire("drug_trac_codg", CODES)] = None
    split_pack: Annotated[bool | None, Wire("trdn_flag", FLAG)] = None
    first_upload: int | None = None

    @property
    def at(self) -> int:
        return self.charged_at

    @property
    def ref(self) -> str:
        return f"fee-line:{self.institution}/{self.visit}/{self.sequence}"


class Admission(PersonFact, frozen=True, array_like=True, gc=False, tag=4):
    """A stay begins."""

    kind: ClassVar[str] = "admission"

    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    begin: Annotated[int, Wire("begntime", TIME)]
    uploaded_at: Annotated[int, Wire("upld_time", TIME)]
    certno: Annotated[str | None, Wire("certno", CERTNO)] = None
    gender: Annotated[str | None, Wire("gend", TEXT)] = None
    birth_day: Annotated[int | None, Wire("brdy", BIRTH)] = None
    inpatient_number: Annotated[str | None, Wire("ipt_no", TEXT)] = None
    department: Annotated[str | None, Wire("adm_dept_codg", TEXT)] = None
    ward: Annotated[str | None, Wire("wardarea_codg", TEXT)] = None
    bed: Annotated[str | None, Wire("adm_bed", TEXT)] = None
    physician: Annotated[str | None, Wire("atddr_no", TEXT)] = None
    diagnosis: Annotated[str | None, Wire("adm_diag", DIAGNOSIS)] = None
    med_type: Annotated[str | None, Wire("med_type", TEXT)] = None
    late_reason: Annotated[str | None, Wire("late_reason", NAME)] = None

    @property
    def at(self) -> int:
        return self.begin

    @property
    def ref(self) -> str:
        return "admission:" + self.visit


class Transfer(PersonFact, frozen=True, array_like=True, gc=False, tag=5):
    """An inpatient moves to another department, ward or bed; it replaces only the fields it carries."""

    kind: ClassVar[str] = "transfer"

    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    begin: Annotated[int, Wire("begntime", TIME)]
    department: Annotated[str | None, Wire("adm_dept_codg", TEXT)] = None
    ward: Annotated[str | None, Wire("wardarea_codg", TEXT)] = None
    bed: Annotated[str | None, Wire("adm_bed", TEXT)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.begin

    @property
    def ref(self) -> str:
        return f"transfer:{self.visit}/{format_time(self.begin)}"


class Discharge(PersonFact, frozen=True, array_like=True, gc=False, tag=6):
    """A stay ends. Way: 1 ordered, 2 transferred out, 3 to community, 4 against advice, 5 died, 9 other."""

    kind: ClassVar[str] = "discharge"

    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    end: Annotated[int, Wire("endtime", TIME)]
    way: Annotated[str | None, Wire("dscg_way", TEXT)] = None
    diagnosis: Annotated[str | None, Wire("dscg_maindiag_code", DIAGNOSIS)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.end

    @property
    def ref(self) -> str:
        return "discharge:" + self.visit


class Leave(PersonFact, frozen=True, array_like=True, gc=False, tag=7):
    """An inpatient is on leave from `begin` until `end` (None: still away)."""

    kind: ClassVar[str] = "leave"

    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    begin: Annotated[int, Wire("leave_begntime", TIME)]
    end: Annotated[int | None, Wire("leave_endtime", TIME)] = None
    papers: Annotated[bool | None, Wire("papers", BOOL)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.begin

    @property
    def ref(self) -> str:
        return f"leave:{self.visit}/{format_time(self.begin)}"


class PresenceCheck(PersonFact, frozen=True, array_like=True, gc=False, tag=8):
    """Somebody looked whether an inpatient is there."""

    kind: ClassVar[str] = "presence-check"

    id: Annotated[str, Wire("chk_id", TEXT)]
    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    checked_at: Annotated[int, Wire("chk_time", TIME)]
    present: Annotated[str, Wire("present", one_of("in-bed", "on-premises", "absent"))]
    papers: Annotated[bool | None, Wire("papers", BOOL)] = None
    certno_seen: Annotated[str | None, Wire("certno_seen", CERTNO)] = None
    bed_seen: Annotated[str | None, Wire("bed_seen", TEXT)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.checked_at

    @property
    def ref(self) -> str:
        return "presence-check:" + self.id


class TraumaFiling(PersonFact, frozen=True, array_like=True, gc=False, tag=9):
    """A trauma stay was filed with the agency."""

    kind: ClassVar[str] = "trauma-filing"

    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    filed_at: Annotated[int, Wire("filed_time", TIME)]
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.filed_at

    @property
    def ref(self) -> str:
        return "trauma-filing:" + self.visit


class SelfPayStay(PersonFact, frozen=True, array_like=True, gc=False, tag=10):
    """A stay that the person pays; without an end it lasts until the person's next stay begins."""

    kind: ClassVar[str] = "self-pay-stay"

    visit: Annotated[str, Wire("mdtrt_id", TEXT)]
    person: Annotated[str, Wire("psn_no", TEXT)]
    institution: Annotated[str, Wire("fixmedins_code", TEXT)]
    begin: Annotated[int, Wire("begntime", TIME)]
    end: Annotated[int | None, Wire("endtime", TIME)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.begin

    @property
    def ref(self) -> str:
        return "self-pay-stay:" + self.visit


class Enrolment(PersonFact, frozen=True, array_like=True, gc=False, tag=11):
    """The person's reference data, as enrolled."""

    kind: ClassVar[str] = "enrolment"

    person: Annotated[str, Wire("psn_no", TEXT)]
    valid_from: Annotated[int, Wire("valid_from", TIME)]
    certno: Annotated[str | None, Wire("certno", CERTNO)] = None
    gender: Annotated[str | None, Wire("gend", TEXT)] = None
    birth_day: Annotated[int | None, Wire("brdy", BIRTH)] = None
    household: Annotated[str | None, Wire("household", TEXT)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.valid_from

    @property
    def ref(self) -> str:
        return "enrolment:" + self.person


class Death(PersonFact, frozen=True, array_like=True, gc=False, tag=12):
    """The person died."""

    kind: ClassVar[str] = "death"

    person: Annotated[str, Wire("psn_no", TEXT)]
    died_at: Annotated[int, Wire("death_time", TIME)]
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.died_at

    @property
    def ref(self) -> str:
        return "death:" + self.person


class CardLoss(PersonFact, frozen=True, array_like=True, gc=False, tag=13):
    """The person's card is reported lost from `begin` until `end` (None: until further notice)."""

    kind: ClassVar[str] = "card-loss"

    person: Annotated[str, Wire("psn_no", TEXT)]
    begin: Annotated[int, Wire("lost_from", TIME)]
    end: Annotated[int | None, Wire("lost_to", TIME)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.begin

    @property
    def ref(self) -> str:
        return f"card-loss:{self.person}/{format_time(self.begin)}"


class Void(PersonFact, frozen=True, array_like=True, gc=False, tag=14):
    """A fact did not happen: it removes the versions uploaded up to `voided_at`.

    `target` is the `ref` of the fact; `person` is None for a void among institution facts, `institution`
    may be None among person facts.
    """

    kind: ClassVar[str] = "void"

    target: str
    voided_at: Annotated[int, Wire("void_time", TIME)]
    person: Annotated[str | None, Wire("psn_no", TEXT)] = None
    institution: Annotated[str | None, Wire("fixmedins_code", TEXT)] = None
    uploaded_at: Annotated[int | None, Wire("upld_time", TIME)] = None

    @property
    def at(self) -> int:
        return self.voided_at

    @property
    def ref(self) -> str:
        return "void:" + self.target


class Tick(Fact, frozen=True, array_like=True, gc=False, tag=15):
    """Time has come this far, in the partition that carries it."""

    kind: ClassVar[str] = "tick"

    at_tick: Annotated[int, Wire("tick_time", TIME)]

    @property
    def at(self) -> int:
        return self.at_tick

    @property
    def ref(self) -> str:
        return "tick:" + format_time(self.at_tick)


PERSON_FACTS: Final[tuple[type[PersonFact], ...]] = (
    Settlement,
    Reversal,
    FeeLine,
    Admission,
    Transfer,
    Discharge,
    Leave,
    PresenceCheck,
    TraumaFiling,
    SelfPayStay,
    Enrolment,
    Death,
    CardLoss,
    Void,
)

AnyPersonFact = (
    Settlement
    | Reversal
    | FeeLine
    | Admission
    | Transfer
    | Discharge
    | Leave
    | PresenceCheck
    | TraumaFiling
    | SelfPayStay
    | Enrolment
    | Death
    | CardLoss
    | Void
)
"""Every fact that a person's history can hold (a union for the state codec)."""
