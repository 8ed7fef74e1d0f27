"""Ordinary life keeps to the rest of the catalogue too: what is planted by nobody is found by nobody."""

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import combinations, groupby, pairwise
from typing import Any

import pytest

from tests.naive.standing import DAY, HOUR, INPATIENT, OUTPATIENT, Standing, Wire, exempt, fen, seconds, standing
from tests.naive.visits import care_time
from tests.simulator.conftest import Stream


@pytest.fixture(scope="module")
def life(clean_stream: Stream) -> Standing:
    return standing(fact for _, fact in clean_stream)


@pytest.fixture(scope="module")
def items(life: Standing) -> dict[str, Wire]:
    return {one["med_list_codg"]: one for one in life.entries("item")}


@pytest.fixture(scope="module")
def lines_of(life: Standing) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for line in life.lines:
        found[line["mdtrt_id"]].append(line)
    return found


def test_uploads_are_in_time(clean_stream: Stream) -> None:
    """late-upload: admissions within 24 hours, inpatient lines within six hours after their day."""
    for _, fact in clean_stream:
        if fact["type"] == "admission":
            assert seconds(fact["upld_time"]) - seconds(fact["begntime"]) <= DAY
        if fact["type"] == "fee-lines":
            for line in fact["lines"]:
                of_day = seconds(line["fee_ocur_time"]) // DAY
                assert seconds(fact["upld_time"]) <= (of_day + 1) * DAY + 6 * HOUR


def test_trauma_is_filed(clean_stream: Stream, life: Standing) -> None:
    """trauma-unfiled: every trauma stay is filed within 24 hours."""
    filed = {
        fact["mdtrt_id"]: seconds(fact["filed_time"]) for _, fact in clean_stream if fact["type"] == "trauma-filing"
    }
    trauma = [
        one
        for one in life.stays.values()
        if one.med_type == "22" or (str(one.disease) < "T36" and str(one.disease)[0] in "ST")
    ]
    assert trauma
    assert all(filed[one.id] - one.begin <= DAY for one in trauma)


def test_prescriptions_are_short_and_simple(
    life: Standing, items: dict[str, Wire], lines_of: dict[str, list[Any]]
) -> None:
    """rx-days, same-class-drugs, discharge-drugs."""
    long = {one["mdtrt_id"] for one in life.facts["settlement"] if one.get("long_rx") == "1"}
    limits = {"13": 3, "11": 7, "14": 30, "41": 30}
    for visit, lines in lines_of.items():
        generics = defaultdict(set)
        for line in lines:
            item, inpatient = items[line["med_list_codg"]], line["med_type"] in INPATIENT
            if line["med_type"] in limits:
                limit = 84 if visit in long and line["med_type"] in ("14", "41") else limits[line["med_type"]]
                assert int(line.get("prd_days", 0)) <= limit
            if item.get("generic") and item["med_chrgitm_type"] != "10" and not item.get("solvent"):
                generics[item["class_codg"], line["at"] // DAY if inpatient else 0].add(item["generic"])
            if line.get("dscg_tkdrug_flag") == "1":
                assert item["takeaway"]
        assert all(len(names) < 3 for names in generics.values())


def test_charges_are_single(items: dict[str, Wire], lines_of: dict[str, list[Any]]) -> None:
    """duplicate-charge: no more of an item a day than allowed, never twice in one second."""
    for lines in lines_of.values():
        sums: Counter[tuple[str, int]] = Counter()
        for line in lines:
            sums[line["med_list_codg"], line["at"] // DAY] += line["cnt"]
        for (code, _), count in sums.items():
            item = items[code]
            if item["med_chrgitm_type"] in ("01", "03", "04", "05", "06", "07"):
                most = 1 if item["med_chrgitm_type"] in ("01", "07") else item["max_per_day"]
                assert count <= most
        same = Counter(
            (one["med_list_codg"], one["at"]) for one in lines if one["med_chrgitm_type"] in ("03", "04", "05", "06")
        )
        assert not same or max(same.values()) == 1


def test_limits_of_items_are_kept(life: Standing, items: dict[str, Wire], lines_of: dict[str, list[Any]]) -> None:
    """sex-limited, age-limited, restricted-use, not-covered."""
    persons = {one["psn_no"]: one for one in life.facts["enrolment"]}
    for line in life.lines:
        item, person = items[line["med_list_codg"]], persons.get(line["psn_no"])
        if person is not None:
            assert item.get("gend_limit", person["gend"]) == person["gend"]
            age = (line["at"] - seconds(person["brdy"] + " 00:00:00")) / DAY / 365.25
            assert item.get("age_min", 0) <= age < item.get("age_max", 200) + 1
        assert not item.get("restricted") or line.get("within_limits") == "1"
    for visit, settled in life.settlements_of.items():
        uncovered = sum(
            fen(line["det_item_fee_sumamt"])
            for line in lines_of[visit]
            if items[line["med_list_codg"]]["covered"] is False
        )
        assert uncovered <= sum(fen(one["fulamt_ownpay_amt"]) for one in settled)


def test_physicians_are_registered(life: Standing) -> None:
    """physician-ineligible, out-of-licence."""
    registered = {(one["dr_codg"], one["fixmedins_code"]) for one in life.entries("physician")}
    licensed = {one["fixmedins_code"]: one.get("departments", ()) for one in life.entries("institution")}
    for one in life.facts["settlement"]:
        if "atddr_no" in one:
            assert (one["atddr_no"], one["fixmedins_code"]) in registered
            assert one["adm_dept_codg"] in licensed[one["fixmedins_code"]]
    for line in life.lines:
        assert "bilg_dr_codg" not in line or (line["bilg_dr_codg"], line["fixmedins_code"]) in registered


def test_stays_are_treated(life: Standing, lines_of: dict[str, list[Any]]) -> None:
    """empty-stay, idle-days, low-cost-stay, stay-length, nursing-share."""
    settled = [stay for stay in life.stays.values() if stay.settlements]
    assert len(settled) > 50
    for stay in settled:
        treated = {
            one["at"] // DAY
            for one in lines_of[stay.id]
            if one["med_chrgitm_type"] in ("05", "06", "08", "09", "10", "11")
        }
        assert set(range(stay.begin // DAY + 1, stay.end // DAY)) <= treated
        total = sum(fen(one["medfee_sumamt"]) for one in stay.settlements)
        looked = sum(
            fen(one["det_item_fee_sumamt"])
            for one in lines_of[stay.id]
            if one["med_chrgitm_type"] in ("03", "04") or one.get("dscg_tkdrug_flag") == "1"
        )
        assert total >= 50_000
        assert looked * 10 <= total * 9
        assert stay.end - stay.begin <= 14 * DAY + 12 * HOUR
        if stay.settlements[-1].get("pay_way") == "bed-day":
            assert not any(one["med_list_codg"] == "F6601" for one in lines_of[stay.id])


def test_beds_are_enough(life: Standing) -> None:
    """beds-over: never more stays open at midnight than beds."""
    beds = {one["fixmedins_code"]: one.get("beds", 0) for one in life.entries("institution")}
    nights = Counter(
        (stay.institution, day) for stay in life.stays.values() for day in range(stay.begin // DAY, stay.end // DAY)
    )
    assert all(count <= beds[institution] for (institution, _), count in nights.items())


def test_the_dead_and_the_cardless_stay_away(clean_stream: Stream, life: Standing) -> None:
    """use-after-death, lost-card-use."""
    died = {one["psn_no"]: seconds(one["death_time"]) for one in life.facts["death"]}
    lost = {
        fact["psn_no"]: (seconds(fact["lost_from"]), seconds(fact["lost_to"]))
        for _, fact in clean_stream
        if fact["type"] == "card-loss"
    }
    assert lost
    for one in life.facts["settlement"]:
        if one["psn_no"] in died:
            assert care_time(one) <= died[one["psn_no"]] + DAY
        begin, until = lost.get(one["psn_no"], (0, 0))
        assert not begin <= seconds(one["setl_time"]) < until or one["med_type"] in INPATIENT


def test_weeks_do_not_rise_for_long(life: Standing) -> None:
    """growth-streak: no four weeks running with a rise of more than 10 per cent from 50,000 yuan on."""
    weeks: dict[str, Counter[int]] = defaultdict(Counter)
    for one in life.facts["settlement"]:
        weeks[one["fixmedins_code"]][(seconds(one["setl_time"]) // DAY + 3) // 7] += fen(one["fund_pay_sumamt"])
    for cost in weeks.values():
        run = 0
        for before, week in pairwise(range(min(cost) + 1, max(cost))):
            large = run > 0 or cost[before] >= 5_000_000
            run = run + 1 if large and cost[week] * 10 > cost[before] * 11 else 0
            assert run < 4


def test_nobody_falls_silent(life: Standing, clean_stream: Stream) -> None:
    """upload-gap: after five working days with ten uploads each no working day, up to the last tick, is silent."""
    kinds = {one["day"]: one["kind"] for one in life.entries("calendar")}
    uploads: dict[str, Counter[int]] = defaultdict(Counter)
    for _, fact in clean_stream:
        if fact["type"] == "settlement":
            uploads[fact["fixmedins_code"]][seconds(fact["setl_time"]) // DAY] += 1
        elif fact["type"] in ("admission", "fee-lines"):
            uploads[fact["fixmedins_code"]][seconds(fact["upld_time"]) // DAY] += 1
    for days in uploads.values():
        working = [day for day in range(min(days), life.now // DAY) if _kind(day, kinds) == "working"]
        for place in range(5, len(working)):
            if all(days[day] >= 10 for day in working[place - 5 : place]):
                assert days[working[place]] > 0


def _kind(day: int, kinds: dict[str, str]) -> str:
    date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    return kinds.get(date.isoformat(), "weekend" if date.weekday() >= 5 else "working")


def test_there_are_no_rings(life: Standing) -> None:
    """visit-ring: no three persons linked by coming together on three days."""
    together: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    visits = [
        one
        for one in life.facts["settlement"]
        if one["med_type"] in OUTPATIENT and not exempt(one.get("dscg_maindiag_code"))
    ]
    visits.sort(key=lambda one: (one["fixmedins_code"], care_time(one)))
    for institution, group in groupby(visits, key=lambda one: one["fixmedins_code"]):
        moments = [(care_time(one), one["psn_no"]) for one in group]
        for place, (at, person) in enumerate(moments):
            for other_at, other in moments[place + 1 :]:
                if other_at - at > 600:
                    break
                together[institution, min(person, other), max(person, other)].add(at // DAY)
    pairs = [key for key, days in together.items() if len(days) >= 3]
    assert not any(one[0] == other[0] and set(one[1:]) & set(other[1:]) for one, other in combinations(pairs, 2))


def test_own_expense_of_drugs_is_small(life: Standing) -> None:
    """own-expense-drugs: under a tenth of the cost of inpatient drugs, in every institution."""
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in life.lines:
        if line["mdtrt_id"] in life.stays and line["med_chrgitm_type"] in ("09", "10", "11"):
            amount = Decimal(line["det_item_fee_sumamt"])
            sums[line["fixmedins_code"]][0] += amount - Decimal(line["inscp_scp_amt"])
            sums[line["fixmedins_code"]][1] += amount
    assert all(own * 10 < cost for own, cost in sums.values())
