"""overlapping-stays, split-stay, hang-bed, leave-too-long, one-bed-two-people."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from tests.naive.standing import DAY, HOUR, Finding, Standing, Stay, exempt, same_disease, seconds


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
    """Admitted again too soon."""
    for former, later in _pairs(facts):
        gap = later.begin - former.end
        if former.institution != later.institution or not 0 <= gap <= 15 * DAY:
            continue
        if later.med_type == "24" or former.way in ("2", "5") or exempt(later.disease):
            continue
        department = former.department_at(former.end)
        if (
            same_disease(former.disease, later.disease)
            or (department and department == later.department_at(later.begin) and gap <= 7 * DAY)
            or gap <= DAY
        ):
            yield "split-stay", "stay", later.id, None
    for own in facts.facts["self-pay-stay"]:
        begin = seconds(own["begntime"])
        insured = sorted(
            (one for one in facts.stays.values() if one.person == own["psn_no"] and one.id != own["mdtrt_id"]),
            key=lambda one: one.begin,
        )
        insured = [one for one in insured if one.institution == own["fixmedins_code"]]
        later_ones = [one for one in insured if one.begin >= begin]
        if not later_ones:
            continue
        end = seconds(own["endtime"]) if own.get("endtime") else later_ones[0].begin
        before = any(0 <= begin - one.end <= DAY for one in insured)
        for one in later_ones:
            if before and 0 <= one.begin - end <= DAY:
                yield "split-stay", "stay", one.id, None


def hang_bed(facts: Standing) -> Iterator[Finding]:
    """Absent without papers, well inside the stay."""
    leaves = defaultdict(list)
    for leave in facts.facts["leave"]:
        if leave.get("papers"):
            back = seconds(leave["leave_endtime"]) if leave.get("leave_endtime") else facts.now
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


def one_bed_two_people(facts: Standing) -> Iterator[Finding]:
    """Two persons on one bed for more than 12 hours in one piece."""
    born = {one["psn_no"]: one["brdy"] for one in facts.facts["enrolment"] if one.get("brdy")}
    beds = defaultdict(list)
    for stay in facts.stays.values():
        if stay.admission is None:
            continue
        moves = sorted({stay.begin, *(seconds(one["begntime"]) for one in stay.transfers)})
        pieces: list[list[object]] = []
        for begin, end in zip(moves, [*moves[1:], stay.end], strict=True):
            _, ward, bed = stay.place_at(begin)
            if pieces and pieces[-1][2:] == [ward, bed]:
                pieces[-1][1] = end
            elif ward and bed:
                pieces.append([begin, end, ward, bed])
        birth = stay.admission.get("brdy") or born.get(stay.person)
        newborn = birth is not None and stay.begin - seconds(f"{birth} 00:00:00") < 28 * DAY
        for begin, end, ward, bed in pieces:  # type: ignore[assignment]
            beds[stay.institution, ward, bed].append((begin, end, stay, newborn))
    for pieces_of_bed in beds.values():
        ordered = sorted(pieces_of_bed, key=lambda one: (one[0], one[2].id))
        for (_, former_end, former, young), (begin, end, later, younger) in combinations(ordered, 2):
            if former.person == later.person or young or younger:
                continue
            if min(former_end, end) - begin > 12 * HOUR:
                yield "one-bed-two-people", "stay", later.id, None
