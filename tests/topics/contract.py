"""The contract's types as tables, written down from its text and not from the code."""

from typing import Any, NamedTuple

T = "2026-03-02 09:00:00"
U = "2026-03-02 10:00:00"


class Type(NamedTuple):
    """One type: topic family, required and optional fields with a sample each."""

    family: str
    required: dict[str, Any]
    optional: dict[str, Any] = {}  # noqa: RUF012 - a table


_STAY = {"mdtrt_id": "V1", "psn_no": "P1", "fixmedins_code": "H1"}
_WHO = {"certno": "11010519491231002X", "gend": "2", "brdy": "1949-12-31"}
_UPLOAD = {"upld_time": U}

TYPES: dict[str, Type] = {
    "settlement": Type(
        "person",
        _STAY | {"setl_id": "S1", "setl_time": T, "med_type": "11", "medfee_sumamt": "100.00", "fund_pay_sumamt": 60},
        _WHO
        | _UPLOAD
        | {
            "mdtrt_cert_type": "01",
            "insutype": "310",
            "psn_type": "1101",
            "begntime": T,
            "endtime": U,
            "dscg_maindiag_code": "j18.9",
            "atddr_no": "DR1",
            "adm_dept_codg": "A1",
            "acct_pay": "1",
            "psn_cash_pay": "2",
            "fulamt_ownpay_amt": "3",
            "overlmt_selfpay": "4",
            "preselfpay_amt": "5",
            "inscp_scp_amt": "6",
            "insuplc_admdvs": "110000",
            "mdtrt_admdvs": "120000",
            "pay_way": "case",
            "special_case": "1",
            "final": "0",
            "long_rx": "1",
        },
    ),
    "reversal": Type(
        "person",
        {"setl_id": "S1", "psn_no": "P1", "setl_time": T},
        {"fixmedins_code": "H1", "orig_setl_time": T} | _UPLOAD,
    ),
    "fee-lines": Type(
        "person",
        _STAY
        | _UPLOAD
        | {
            "lines": [
                {
                    "feedetl_sn": "1",
                    "fee_ocur_time": T,
                    "med_list_codg": "D1",
                    "cnt": 1,
                    "pric": 2,
                    "det_item_fee_sumamt": 2,
                }
            ]
        },
        {"med_type": "11"},
    ),
    "admission": Type(
        "person",
        _STAY | _UPLOAD | {"begntime": T},
        _WHO
        | {
            "ipt_no": "I1",
            "adm_dept_codg": "A1",
            "wardarea_codg": "W1",
            "adm_bed": "1",
            "atddr_no": "DR1",
            "adm_diag": "J18",
            "med_type": "21",
            "late_reason": "network",
        },
    ),
    "transfer": Type(
        "person", _STAY | {"begntime": T}, {"adm_dept_codg": "A1", "wardarea_codg": "W1", "adm_bed": "1"} | _UPLOAD
    ),
    "discharge": Type("person", _STAY | {"endtime": T}, {"dscg_way": "1", "dscg_maindiag_code": "J18"} | _UPLOAD),
    "leave": Type("person", _STAY | {"leave_begntime": T}, {"leave_endtime": U, "papers": True} | _UPLOAD),
    "presence-check": Type(
        "person",
        _STAY | {"chk_id": "C1", "chk_time": T, "present": "absent"},
        {"papers": False, "certno_seen": "11010519491231002X", "bed_seen": "1"} | _UPLOAD,
    ),
    "trauma-filing": Type("person", _STAY | {"filed_time": T}, _UPLOAD),
    "self-pay-stay": Type("person", _STAY | {"begntime": T}, {"endtime": U} | _UPLOAD),
    "enrolment": Type("person", {"psn_no": "P1", "valid_from": T}, _WHO | {"household": "F1"} | _UPLOAD),
    "death": Type("person", {"psn_no": "P1", "death_time": T}, _UPLOAD),
    "card-loss": Type("person", {"psn_no": "P1", "lost_from": T}, {"lost_to": U} | _UPLOAD),
    "complaint": Type(
        "institution",
        {"cmpl_id": "K1", "fixmedins_code": "H1", "cmpl_time": T, "kind": "refused-patient"},
        _UPLOAD,
    ),
    "stock-movement": Type(
        "institution",
        {"stk_id": "M1", "fixmedins_code": "H1", "med_list_codg": "D1", "move_time": T, "cnt": "-3"},
        {"opening": "1"} | _UPLOAD,
    ),
    "item-change": Type(
        "institution",
        {"fixmedins_code": "H1", "med_list_codg": "D1", "change_time": T},
        {"filed_time": U} | _UPLOAD,
    ),
    "tick": Type("person", {"tick_time": T}),
    "institution": Type(
        "registry",
        {"fixmedins_code": "H1", "valid_from": T},
        {
            "valid_to": U,
            "fixmedins_name": "Example",
            "hosp_lv": "3",
            "fixmedins_type": "1",
            "admdvs": "110000",
            "lng": "116.391",
            "lat": -39.9,
            "beds": 500,
            "departments": ["A1", "A2"],
            "target_stay_days": "8.5",
        },
    ),
    "agreement": Type(
        "registry",
        {"fixmedins_code": "H1", "status": "suspended", "valid_from": T},
        {"valid_to": U, "department": "A1"},
    ),
    "quota": Type(
        "registry",
        {"fixmedins_code": "H1", "period": "2026Q3", "quota_amt": "1000.00", "valid_from": T},
        {"valid_to": U, "base_avg_cost": "5000", "unit_quota": "6000"},
    ),
    "physician": Type(
        "registry",
        {"dr_codg": "DR1", "fixmedins_code": "H1", "status": "cancelled", "valid_from": T},
        {"valid_to": U, "department": "A1", "psn_no": "P9"},
    ),
    "item": Type(
        "registry",
        {"med_list_codg": "D1", "valid_from": T},
        {
            "valid_to": U,
            "name": "Example",
            "generic": "G1",
            "med_chrgitm_type": "09",
            "pric_uplmt_amt": "1.234567",
            "gend_limit": "2",
            "age_min": 0,
            "age_max": 18,
            "restricted": True,
            "class_codg": "C1",
            "solvent": False,
            "series": False,
            "covered": True,
            "takeaway": False,
            "max_per_day": 2,
            "nursing_grade": "special",
            "chronic": True,
        },
    ),
    "model": Type("registry", {"role": "active", "version": "2026-03-01-1a2b3c4d", "valid_from": T}, {"valid_to": U}),
    "calendar": Type("registry", {"day": "2026-03-02", "kind": "holiday", "valid_from": T}, {"valid_to": U}),
}

VOIDS: dict[str, tuple[str, dict[str, str], str]] = {
    "settlement": ("person", {"setl_id": "S1"}, "settlement:S1"),
    "reversal": ("person", {"setl_id": "S1"}, "reversal:S1"),
    "fee-lines": ("person", {"fixmedins_code": "H1", "mdtrt_id": "V1", "feedetl_sn": "1"}, "fee-line:H1/V1/1"),
    "admission": ("person", {"mdtrt_id": "V1"}, "admission:V1"),
    "transfer": ("person", {"mdtrt_id": "V1", "begntime": T}, f"transfer:V1/{T}"),
    "discharge": ("person", {"mdtrt_id": "V1"}, "discharge:V1"),
    "leave": ("person", {"mdtrt_id": "V1", "leave_begntime": T}, f"leave:V1/{T}"),
    "presence-check": ("person", {"chk_id": "C1"}, "presence-check:C1"),
    "trauma-filing": ("person", {"mdtrt_id": "V1"}, "trauma-filing:V1"),
    "self-pay-stay": ("person", {"mdtrt_id": "V1"}, "self-pay-stay:V1"),
    "enrolment": ("person", {}, "enrolment:P1"),
    "death": ("person", {}, "death:P1"),
    "card-loss": ("person", {"lost_from": T}, f"card-loss:P1/{T}"),
    "complaint": ("institution", {"cmpl_id": "K1"}, "complaint:K1"),
    "stock-movement": ("institution", {"stk_id": "M1"}, "stock-movement:M1"),
    "item-change": ("institution", {"med_list_codg": "D1", "change_time": T}, f"item-change:H1/D1/{T}"),
}
"""Kind of a void -> family, its identity fields besides the topic's key, and the identity that it voids."""
