"""repeat-visits, impossible-travel, outpatient-during-stay."""

import math
from collections import defaultdict
from collections.abc import Iterator

from tests.naive.standing import (
    DAY,
    EMERGENCY,
    HOUR,
    OUTPATIENT,
    PHARMACY,
    Finding,
    Standing,
    Wire,
    exempt,
    seconds,
)


def care_time(settlement: Wire) -> int:
    """begntime, else setl_time."""
    return seconds(settlement.get("begntime") or settlement["setl_time"])


def repeat_visits(facts: Standing) -> Iterator[Finding]:
    """Too many visits in a window; settlements of such windows less than a window apart are one burst."""
    series = {one["med_list_codg"] for one in facts.entries("item") if one.get("series")}
    items_of = defaultdict(list)
    for line in facts.lines:
        items_of[line["mdtrt_id"]].append(line["med_list_codg"])
    anywhere = defaultdict(list)
    alike = defaultdict(list)
    for settlement in facts.facts["settlement"]:
        disease = settlement.get("dscg_maindiag_code")
        items = items_of[settlement["mdtrt_id"]]
        if settlement["med_type"] not in OUTPATIENT or exempt(disease):
            continue
        if items and all(item in series for item in items):
            continue
        anywhere[settlement["psn_no"]].append(settlement)
        if disease:
            alike[settlement["psn_no"], settlement["fixmedins_code"], disease.upper()[:3]].append(settlement)
    for visits in anywhere.values():
        yield from _bursts(visits, DAY, 4, "1d")
        yield from _bursts(visits, 7 * DAY, 8, "7d")
    for visits in alike.values():
        yield from _bursts(visits, DAY, 3, "1d-same")


def _bursts(visits: list[Wire], window: int, least: int, band: str) -> Iterator[Finding]:
    if len(visits) < least:
        return
    members: dict[str, tuple[int, str]] = {}
    for last in visits:
        inside = [one for one in visits if care_time(last) - window < care_time(one) <= care_time(last)]
        if len({one["mdtrt_id"] for one in inside}) >= least:
            members |= {one["setl_id"]: (care_time(one), one["setl_id"]) for one in inside}
    before = None
    for time, number in sorted(members.values()):
        if before is None or time - before >= window:
            yield "repeat-visits", "settlement", number, band
        before = time


def impossible_travel(facts: Standing) -> Iterator[Finding]:
    """Too far from where the person was seen last at another institution."""
    places = {
        one["fixmedins_code"]: (float(one["lng"]), float(one["lat"]))
        for one in facts.entries("institution")
        if "lng" in one and "lat" in one
    }
    seen = defaultdict(list)
    for settlement in facts.facts["settlement"]:
        if settlement["med_type"] in OUTPATIENT | EMERGENCY and not _day_only(settlement):
            about = ("settlement", settlement["setl_id"])
            ref = f"settlement:{settlement['setl_id']}"
            seen[settlement["psn_no"]].append((care_time(settlement), ref, about, settlement["fixmedins_code"]))
    for admission in facts.facts["admission"]:
        if not _day_only(admission):
            about = ("stay", admission["mdtrt_id"])
            ref = f"admission:{admission['mdtrt_id']}"
            seen[admission["psn_no"]].append((seconds(admission["begntime"]), ref, about, admission["fixmedins_code"]))
    for check in facts.facts["presence-check"]:
        if check["present"] in ("in-bed", "on-premises"):
            about = ("stay", check["mdtrt_id"])
            ref = f"presence-check:{check['chk_id']}"
            seen[check["psn_no"]].append((seconds(check["chk_time"]), ref, about, check["fixmedins_code"]))
    for moments in seen.values():
        moments.sort()
        for index, (time, _, about, institution) in enumerate(moments):
            others = [one for one in moments[:index] if one[3] != institution]
            if not others:
                continue
            earlier, _, _, from_where = others[-1]
            if institution not in places or from_where not in places:
                continue
            if kilometres(places[institution], places[from_where]) > 120 * ((time - earlier) / HOUR + 0.5):
                yield "impossible-travel", *about, None


def _day_only(fact: Wire) -> bool:
    return str(fact.get("begntime", "")).endswith("00:00:00")


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two points (longitude, latitude in degrees) on a sphere of 6,371.0 km."""
    (lng1, lat1), (lng2, lat2) = (tuple(map(math.radians, point)) for point in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lng2 - lng1) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))


def outpatient_during_stay(facts: Standing) -> Iterator[Finding]:
    """An outpatient or pharmacy settlement strictly inside a stay."""
    stays = defaultdict(list)
    for stay in facts.stays.values():
        stays[stay.person].append(stay)
    leaves = defaultdict(list)
    for leave in facts.facts["leave"]:
        if leave.get("papers"):
            back = seconds(leave["leave_endtime"]) if leave.get("leave_endtime") else math.inf
            leaves[leave["mdtrt_id"]].append((seconds(leave["leave_begntime"]), back))
    for settlement in facts.facts["settlement"]:
        if settlement["med_type"] not in OUTPATIENT | PHARMACY:
            continue
        if settlement["med_type"] in PHARMACY and settlement.get("mdtrt_cert_type") == "01":
            continue
        at = care_time(settlement)
        for stay in stays[settlement["psn_no"]]:
            inside = stay.begin // DAY < at // DAY < stay.end // DAY
            away = any(begin <= at <= back for begin, back in leaves[stay.id])
            if inside and not away and stay.id != settlement["mdtrt_id"]:
                yield "outpatient-during-stay", "settlement", settlement["setl_id"], None
