"""Examples of what travels: a believable value for each field of the contract, and two alerts."""

from collections.abc import Mapping
from typing import Any, Final

from topics.alerts import About, Alert, Evidence, Texts, Window, alert_id

ARRIVAL: Final[dict[str, Any]] = {
    "source": "/claims-monitor/claims-monitor",
    "time": "2026-03-09T14:05:11.250+08:00",
    "revision": 1,
    "cause": "settlement:S202603090017",
    "record": ("claims.facts.v1", 3, 88_201),
}
"""What depends on arrival, in the headers of the example alert."""

_VALUES: Final[Mapping[str, Any]] = {
    "setl_id": "S202603090017",
    "mdtrt_id": "M202603090017",
    "psn_no": "P0000000017",
    "fixmedins_code": "H11010100012",
    "setl_time": "2026-03-09 14:05:11",
    "orig_setl_time": "2026-03-08 10:30:00",
    "med_type": "11",
    "medfee_sumamt": "320.50",
    "fund_pay_sumamt": "224.35",
    "certno": "11010519491231002X",
    "certno_seen": "11010519491231002X",
    "mdtrt_cert_type": "03",
    "gend": "2",
    "brdy": "1949-12-31",
    "insutype": "310",
    "psn_type": "1101",
    "begntime": "2026-03-09 13:40:00",
    "endtime": "2026-03-09 14:05:00",
    "upld_time": "2026-03-09 14:10:00",
    "void_time": "2026-03-09 16:00:00",
    "tick_time": "2026-03-09 16:00:00",
    "fee_ocur_time": "2026-03-09 13:50:00",
    "leave_begntime": "2026-03-09 18:00:00",
    "leave_endtime": "2026-03-09 21:30:00",
    "chk_time": "2026-03-09 22:15:00",
    "filed_time": "2026-03-10 09:00:00",
    "valid_from": "2026-01-01 00:00:00",
    "valid_to": "2027-01-01 00:00:00",
    "death_time": "2026-03-09 03:20:00",
    "lost_from": "2026-03-09 08:00:00",
    "lost_to": "2026-03-11 08:00:00",
    "cmpl_time": "2026-03-09 11:00:00",
    "move_time": "2026-03-09 07:30:00",
    "change_time": "2026-03-09 00:00:00",
    "day": "2026-10-01",
    "period": "2026",
    "dscg_maindiag_code": "I10",
    "adm_diag": "I10",
    "atddr_no": "D110101000077",
    "bilg_dr_codg": "D110101000077",
    "dr_codg": "D110101000077",
    "adm_dept_codg": "A03",
    "bilg_dept_codg": "A03",
    "department": "A03",
    "wardarea_codg": "W2",
    "adm_bed": "12",
    "bed_seen": "12",
    "ipt_no": "I2026030017",
    "chk_id": "K202603090004",
    "cmpl_id": "C202603090002",
    "stk_id": "T202603090031",
    "insuplc_admdvs": "110101",
    "mdtrt_admdvs": "110101",
    "admdvs": "110101",
    "feedetl_sn": "1",
    "init_feedetl_sn": "1",
    "rxno": "R202603090017",
    "med_list_codg": "XC07AAA001A001010100001",
    "medins_list_codg": "Y-0071",
    "med_chrgitm_type": "09",
    "drug_dosform": "tablet",
    "drug_trac_codg": ["81234567890123456789"],
    "cnt": "2",
    "pric": "16.25",
    "det_item_fee_sumamt": "32.50",
    "pric_uplmt_amt": "18.40",
    "prd_days": "14",
    "hosp_appr_flag": "1",
    "dscg_way": "1",
    "late_reason": "系统故障",
    "household": "F000123",
    "fixmedins_name": "第一医院",
    "hosp_lv": "3",
    "fixmedins_type": "1",
    "lng": "116.397128",
    "lat": "39.916527",
    "beds": 820,
    "departments": ["A03", "A04"],
    "target_stay_days": "7.5",
    "quota_amt": "98000000.00",
    "base_avg_cost": "11250.00",
    "unit_quota": "10800.00",
    "name": "美托洛尔片",
    "generic": "美托洛尔",
    "class_codg": "C07AB",
    "gend_limit": "2",
    "age_min": 18,
    "age_max": 120,
    "max_per_day": "4",
}
_OF_TYPE: Final[Mapping[tuple[str, str], Any]] = {
    ("discharge", "endtime"): "2026-03-16 10:00:00",
    ("settlement", "final"): "1",
}
"""Fields whose value depends on the type of the object."""


def value(name: str, schema: Mapping[str, Any], type_name: str) -> Any:  # noqa: ANN401 - any JSON value
    """An example of a field: its own sample, else one that its schema allows.

    Args:
        name: of the field, on the wire.
        schema: of the field.
        type_name: of the object.
    """
    types = schema.get("type")
    lines = schema.get("items", {}).get("properties")
    if lines is not None:
        # a line that cancels another has amounts below 0: the example is an ordinary one
        return [{field: value(field, one, "line") for field, one in lines.items() if field != "init_feedetl_sn"}]
    given = _OF_TYPE.get((type_name, name)) or _VALUES.get(name)
    if given is not None:
        return given
    if "enum" in schema:
        return schema["enum"][0]
    first = types[0] if isinstance(types, list) else types
    return {"number": "10.00", "boolean": False, "string": "1", "array": []}[str(first)]


def raised_alert() -> Alert:
    """An alert as it is raised."""
    about = About("person", "P0000000017")
    return Alert(
        jr_id=alert_id("repeat-visits", about.kind, about.id, "7d"),
        status="raised",
        rule_id="repeat-visits",
        about=about,
        discriminator="7d",
        psn_no="P0000000017",
        fixmedins_code="H11010100012",
        rule_ver=1,
        terms_id="default-1:3f2a",
        sev_deg="3",
        tier="T2",
        window=Window("2026-03-03 08:10:00", "2026-03-09 14:05:11"),
        evidence=Evidence(("settlement:S202603030004", "settlement:S202603090017"), 9, {"visits": 9}, {"visits": 8}),
        vola_amt="1210.40",
        vola_cont=Texts("7 天内门诊 9 次", "9 outpatient visits within 7 days"),
        basis=("M §58(2)",),
    )


def withdrawn_alert() -> Alert:
    """The same alert, withdrawn."""
    alert = raised_alert()
    return Alert(
        jr_id=alert.jr_id,
        status="withdrawn",
        rule_id=alert.rule_id,
        about=alert.about,
        discriminator=alert.discriminator,
        psn_no=alert.psn_no,
        fixmedins_code=alert.fixmedins_code,
    )
