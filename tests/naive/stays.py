"""overlapping-stays, split-stay, hang-bed, leave-too-long, one-bed-two-people."""

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from tests.naive.standing import DAY, HOUR, Finding, Standing, Stay, Wire, exempt, same_disease, seconds


def _pairs(facts: Standing) -> Iterator[tuple[Stay, Stay]]:
    """Any two stays of one person, the one beginning earlier first."""
    by_person = defaultdict(list)
    for stay in facts.stays.values():
        by_person[stay.person].append(stay)
    for stays in by_person.values():
        yield from combinations(sorted(stays, key=lambda one: (one.begin, one.id)), 2)


def overlapping_stays(facts: Standing) -> Iterator[Finding]:
    """Two stays overlap by more than 12 hours."""
    for former, later in _pairs(facts):
        if min(former.end, later.end) - later.begin > 12 * HOUR and not (
            former.way == "2" and former.end // DAY == later.begin // DAY
        ):
            yield "overlapping-stays", "stay", later.id, None


def split_stay(facts: Standing) -> Iterator[Finding]:
    """Admitted again too soon, or after a self-pay stay between; an open stay has no end."""
    for former, later in _pairs(facts):
        if former.open or former.institution != later.institution:
            continue
        if later.med_type == "24" or former.way in ("2", "5") or exempt(later.disease):
            continue
        gap = later.begin - former.end
        department = former.department_at(former.end)
        if (
            (same_disease(former.disease, later.disease) and 0 <= gap <= 15 * DAY)
            or (department and department == later.department_at(later.begin) and 0 <= gap <= 7 * DAY)
            or 0 <= gap <= DAY
            or any(_between(former, own, later, facts) for own in facts.facts["self-pay-stay"])
        ):
            yield "split-stay", "stay", later.id, None


def _between(former: Stay, own: Wire, later: Stay, facts: Standing) -> bool:
    """Whether a self-pay stay lies between two stays; without an end it ends with the person's next stay."""
    if own["psn_no"] != later.person or own["fixmedins_code"] != later.institution or own["mdtrt_id"] == later.id:
        return False
    begin = seconds(own["begntime"])
    nexts = [one.begin for one in facts.stays.values() if one.person == later.person and one.id != own["mdtrt_id"]]
    nexts = [one for one in nexts if one >= begin]
    if not own.get("endtime") and not nexts:
        return False
    end = seconds(own["endtime"]) if own.get("endtime") else min(nexts)
    return 0 <= begin - former.end <= DAY and 0 <= later.begin - end <= DAY and 0 <= end - begin <= 90 * DAY


def hang_bed(facts: Standing) -> Iterator[Finding]:
    """Absent without papers, well inside the stay."""
    leaves = defaultdict(list)
    for leave in facts.facts["leave"]:
        if leave.get("papers"):
            back = seconds(leave["leave_endtime"]) if leave.get("leave_endtime") else math.inf
            leaves[leave["mdtrt_id"]].append((seconds(leave["leave_begntime"]), back))
    for check in facts.facts["presence-check"]:
        stay = facts.stays.get(check["mdtrt_id"])
        if stay is None or check["present"] != "absent" or check.get("papers"):
            continue
        at = seconds(check["chk_time"])
        if any(begin <= at <= back for begin, back in leaves[stay.id]):
            continue
        if stay.begin + 2 * HOUR < at < stay.end - 2 * HOUR:
            yield "hang-bed", "stay", stay.id, None


def leave_too_long(facts: Standing) -> Iterator[Finding]:
    """Over six hours, or past the first 22:00 after it began."""
    for leave in facts.facts["leave"]:
        begin = seconds(leave["leave_begntime"])
        ends = [seconds(leave["leave_endtime"])] if leave.get("leave_endtime") else []
        stay = facts.stays.get(leave["mdtrt_id"])
        if stay is not None and not stay.open:
            ends.append(stay.end)
        end = min(ends, default=facts.now)
        ten = begin // DAY * DAY + 22 * HOUR
        if ten <= begin:
            ten += DAY
        if end - begin > 6 * HOUR or end > ten:
            yield "leave-too-long", "leave", f"{leave['mdtrt_id']}/{leave['leave_begntime']}", None


def _birth_days(facts: Standing) -> dict[str, str]:
    """Each person's birth day: enrolled, else the most frequent, ties to the earliest."""
    given: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for kind, time, name in (("settlement", "setl_time", "setl_id"), ("admission", "begntime", "mdtrt_id")):
        for one in facts.facts[kind]:
            if one.get("brdy"):
                given[one["psn_no"]].append((seconds(one[time]), f"{kind}:{one[name]}", one["brdy"]))
    born = {}
    for person, values in given.items():
        days = [day for _, _, day in sorted(values)]
        born[person] = max(days, key=lambda day: (days.count(day), -days.index(day)))
    return born | {one["psn_no"]: one["brdy"] for one in facts.facts["enrolment"] if one.get("brdy")}


def one_bed_two_people(facts: Standing) -> Iterator[Finding]:
    """Two persons on one bed for more than 12 hours in one piece."""
    born = _birth_days(facts)
    beds = defaultdict(list)
    for stay in facts.stays.values():
        moves = sorted({stay.begin, *(seconds(one["begntime"]) for one in stay.transfers)})
        moves = [one for one in moves if stay.begin <= one and (one < stay.end or one == stay.begin)]
        pieces: list[tuple[int, int, str | None, str | None]] = []
        for begin, end in zip(moves, [*moves[1:], stay.end], strict=True):
            _, ward, bed = stay.place_at(begin)
            if pieces and pieces[-1][2:] == (ward, bed):
                pieces[-1] = (pieces[-1][0], end, ward, bed)
            else:
                pieces.append((begin, end, ward, bed))
        given = [
            one["brdy"] for one in ([stay.admission] if stay.admission else []) + stay.settlements if one.get("brdy")
        ]
        birth = given[0] if given else born.get(stay.person)
        for begin, end, ward, bed in pieces:
            if ward and bed:
                beds[stay.institution, ward, bed].append((begin, end, stay, birth))
    for (_, ward, bed), pieces_of_bed in beds.items():
        ordered = sorted(pieces_of_bed, key=lambda one: (one[0], one[2].id))
        for (_, former_end, former, first_born), (begin, end, later, later_born) in combinations(ordered, 2):
            infants = [one for one in (first_born, later_born) if one and begin - seconds(f"{one} 00:00:00") < 28 * DAY]
            if former.person != later.person and not infants and min(former_end, end) - begin > 12 * HOUR:
                yield "one-bed-two-people", "stay", later.id, f"{ward}/{bed}"
