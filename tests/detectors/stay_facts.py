"""Builders of whole stays for cases and comparisons."""

from tests.facts import Wire, admission, settlement, stay_fact


def stay(visit: str, begin: str, end: str | None = None, **fields: object) -> list[Wire]:
    """Admission and discharge (none: still open); `dscg_way` goes to the discharge, the rest to the admission."""
    way = {"dscg_way": fields.pop("dscg_way", "1")}
    place = {name: fields[name] for name in ("psn_no", "fixmedins_code") if name in fields}
    facts = [admission(visit, begntime=begin, upld_time=begin, **fields)]
    if end is not None:
        facts.append(stay_fact("discharge", "endtime", visit, endtime=end, **place, **way))
    return facts


def settled(visit: str, begin: str, end: str, **fields: object) -> Wire:
    """The inpatient settlement of a stay, made at its end."""
    base = {"mdtrt_id": visit, "med_type": "21", "begntime": begin, "endtime": end, "setl_time": end}
    return settlement(f"S-{visit}", **(base | fields))


def leave(visit: str, begin: str, end: str | None = None, **fields: object) -> Wire:
    """A leave of a stay; without an end the person is still away."""
    back = {} if end is None else {"leave_endtime": end}
    return stay_fact("leave", "leave_begntime", visit, leave_begntime=begin, **back, **fields)


def check(number: str, visit: str, time: str, present: str = "absent", **fields: object) -> Wire:
    """A presence check of a stay."""
    return stay_fact("presence-check", "chk_time", visit, chk_id=number, chk_time=time, present=present, **fields)


def self_pay(visit: str, begin: str, end: str | None = None, **fields: object) -> Wire:
    """A stay that the person pays."""
    ending = {} if end is None else {"endtime": end}
    return stay_fact("self-pay-stay", "begntime", visit, begntime=begin, **ending, **fields)
