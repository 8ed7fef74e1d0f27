"""Rules on lines, beds, trace codes and institutions against a second implementation, written from the catalogue."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.facts import (
    Identity,
    Wire,
    admission,
    at,
    enrolment,
    fee_lines,
    identity,
    item,
    later,
    line,
    quota,
    reversal,
    run,
    settlement,
    stay_fact,
    tick,
    void,
)
from tests.naive.rules import findings
from topics.alerts import decode

H = 3600
END = tick(at(400))
EARLY = tick(at(-400))
MED_TYPES = ["11", "13", "14", "21", "41", None]


def both(objects: Sequence[Wire], rules: set[str], chance: Random) -> tuple[set[Identity], set[Identity]]:
    """What the engine and the naive rules say, of facts in a random order of arrival between two ticks."""
    facts = list(objects)
    chance.shuffle(facts)
    facts = [EARLY, *facts, END]
    batch = chance.choice([1, 3, 1000])
    found = {identity(decode(value)) for value in run(facts, batch=batch).alerts()}
    return {one for one in found if one[0] in rules}, findings(facts, rules)


CHANCE = st.randoms(use_true_random=False)


@st.composite
def dispensings(draw: st.DrawFn) -> list[Wire]:
    """Lines of few drugs, priced around a ceiling, with trace codes, in visits that may be settled and reversed."""
    objects: list[Wire] = [item("D1", class_codg="C1", pric_uplmt_amt="1.5"), item("D2", class_codg="C1"), item("D3")]
    time = at(0)
    for visit in range(draw(st.integers(1, 8))):
        time = later(
            time, draw(st.sampled_from([0, 1, 24 * H, 14 * 24 * H, 15 * 24 * H - 1, 15 * 24 * H, 30 * 24 * H]))
        )
        who: Wire = {"mdtrt_id": f"V{visit}", "psn_no": draw(st.sampled_from(["P1", "P1", "P2"]))}
        who["fixmedins_code"] = draw(st.sampled_from(["H1", "H2"]))
        med_type = draw(st.sampled_from(MED_TYPES))
        lines = [_line(draw, number, time) for number in range(1, draw(st.integers(2, 4)))]
        if draw(st.booleans()):
            back = draw(st.sampled_from([-1, -2]))
            lines.append(line("9", init_feedetl_sn="1", cnt=back, det_item_fee_sumamt="-1.50", fee_ocur_time=time))
        objects.append(
            fee_lines(*lines, upld_time=later(time, H), **who) | ({"med_type": med_type} if med_type else {})
        )
        if draw(st.booleans()):
            long = draw(st.sampled_from(["0", "0", "1"]))
            kind = med_type or draw(st.sampled_from(["14", "21"]))
            objects.append(settlement(f"S{visit}", setl_time=time, med_type=kind, long_rx=long, **who))
            if draw(st.integers(0, 4)) == 0:
                objects.append(reversal(f"S{visit}", setl_time=later(time, H), psn_no=who["psn_no"]))
    return objects


def _line(draw: st.DrawFn, number: int, time: str) -> Wire:
    given = line(
        str(number),
        fee_ocur_time=later(time, draw(st.sampled_from([0, 0, 60]))),
        med_list_codg=draw(st.sampled_from(["D1", "D1", "D2", "D3"])),
        prd_days=draw(st.sampled_from([0, 7, 15, 29, "29.01", 30, 44, 45, 104, 105])),
        pric=draw(st.sampled_from(["1.5", "1.500001", "1.4"])),
    )
    if draw(st.booleans()):
        given["drug_trac_codg"] = draw(
            st.lists(st.sampled_from(["T1", "T2", "T3"]), min_size=1, max_size=2, unique=True)
        )
    for name, values in (
        ("dscg_tkdrug_flag", [None, "1", "0"]),
        ("trdn_flag", [None, None, None, None, None, None, "0", "1"]),
        ("pric_uplmt_amt", [None, None, "0", "1.5", "1.45"]),
        ("inscp_scp_amt", [None, None, "0", "3.00"]),
    ):
        value = draw(st.sampled_from(values))
        if value is not None:
            given[name] = value
    return given


@settings(max_examples=250, deadline=None)
@given(dispensings(), CHANCE)
def test_lines_agree(objects: list[Wire], chance: Random) -> None:
    """Oversupply, prices and trace codes over small dense histories."""
    ours, theirs = both(objects, {"drug-oversupply", "price-over-ceiling", "trace-code-reused"}, chance)
    assert ours == theirs


@st.composite
def bed_days(draw: st.DrawFn) -> list[Wire]:
    """Stays of few persons on two beds, with transfers, discharges, final settlements, newborns."""
    objects: list[Wire] = [enrolment("P1", brdy="2026-02-10"), enrolment("P2", brdy="1980-01-01")]
    for visit in range(draw(st.integers(2, 5))):
        who: Wire = {"mdtrt_id": f"V{visit}", "psn_no": f"P{draw(st.integers(1, 5))}"}
        begin = later(at(0, "00:00:00"), draw(st.integers(0, 12)) * 4 * H + draw(st.sampled_from([0, 1])))
        place: Wire = {"wardarea_codg": "W1", "adm_bed": draw(st.sampled_from(["B1", "B1", "B2", None]))}
        birth = draw(st.sampled_from([None, None, None, "2026-02-02", "2026-02-03", "2026-02-04"]))
        objects.append(admission(begntime=begin, upld_time=begin, brdy=birth, **who, **place))
        end = later(begin, draw(st.integers(1, 12)) * 4 * H + draw(st.sampled_from([0, 1])))
        ending = draw(st.sampled_from(["discharge", "discharge", "settlement", "voided", "open"]))
        if ending in {"discharge", "voided"}:
            objects.append(stay_fact("discharge", "endtime", **who, endtime=end))
        if ending == "voided":
            objects.append(void("discharge", mdtrt_id=who["mdtrt_id"], psn_no=who["psn_no"], void_time=end))
        if ending == "settlement":
            objects.append(settlement(f"S{visit}", med_type="21", setl_time=end, begntime=begin, endtime=end, **who))
        for move in range(draw(st.integers(0, 2))):
            time = later(begin, draw(st.integers(0, 8)) * 4 * H + move)
            bed = draw(st.sampled_from(["B1", "B2"]))
            objects.append(stay_fact("transfer", "begntime", **who, begntime=time, adm_bed=bed))
    return objects


@settings(max_examples=300, deadline=None)
@given(bed_days(), CHANCE)
def test_beds_agree(objects: list[Wire], chance: Random) -> None:
    """Who lay in a bed with whom for more than twelve hours in one piece."""
    ours, theirs = both(objects, {"one-bed-two-people"}, chance)
    assert ours == theirs


@st.composite
def institution_days(draw: st.DrawFn) -> list[Wire]:
    """Days of two hospitals around a quota, floors of the measures, and last year's average cost."""
    objects: list[Wire] = [
        quota("H1", "2026-03", "3100.00", base_avg_cost=draw(st.sampled_from([None, "100.00"]))),
        quota("H1", "2026Q2", "9100.00"),
        quota("H2", "2026", "36500.00", base_avg_cost="100.00"),
    ]
    for day in draw(st.sets(st.integers(0, 40), max_size=4)):
        kind = draw(st.sampled_from(["working", "weekend", "holiday"]))
        objects.append({"type": "calendar", "day": at(day)[:10], "kind": kind, "valid_from": at(-100)})
    number = 0
    for _ in range(draw(st.integers(1, 12))):
        day = draw(st.sampled_from([0, 0, 1, 5, 6, 14, 21, 28, 29, 30, 33, 35, 40]))
        hospital, clock = draw(st.sampled_from(["H1", "H1", "H2"])), draw(st.sampled_from(["09:00:00", "22:00:00"]))
        kind = draw(st.sampled_from(["11", "21"]))
        total = draw(st.sampled_from(["100.00", "105.00", "105.01", "110.01"]))
        fund = draw(st.sampled_from(["60.00", "300.00", "300.01", "3100.01", "10000.00", "10000.01"]))
        away = draw(st.booleans())
        final = draw(st.sampled_from([None, None, None, "0"]))
        for copy in range(draw(st.sampled_from([1, 1, 10, 11, 30, 31]))):
            number += 1
            objects.append(
                settlement(
                    f"S{number}",
                    psn_no=f"P{copy}",
                    setl_time=at(day, clock),
                    fixmedins_code=hospital,
                    med_type=kind,
                    medfee_sumamt=total,
                    fund_pay_sumamt=fund if copy == 0 else "1.00",
                    final=final,
                    insuplc_admdvs="A",
                    mdtrt_admdvs="B" if away else "A",
                )
            )
    for cancelled in draw(st.sets(st.integers(1, number), max_size=3)):
        person = next(one["psn_no"] for one in objects if one.get("setl_id") == f"S{cancelled}")
        objects.append(reversal(f"S{cancelled}", setl_time=at(60), psn_no=person))
    return objects


@settings(max_examples=150, deadline=None)
@given(institution_days(), CHANCE)
def test_institutions_agree(objects: list[Wire], chance: Random) -> None:
    """Quotas, a month's average cost, and days that stand out."""
    rules = {"quota-progress", "quota-exhausted", "avg-cost-growth", "cost-spike"}
    ours, theirs = both(objects, rules, chance)
    assert ours == theirs


@pytest.mark.parametrize(
    ("generated", "rules"),
    [
        (dispensings(), {"drug-oversupply", "price-over-ceiling", "trace-code-reused"}),
        (bed_days(), {"one-bed-two-people"}),
        (institution_days(), {"quota-progress", "quota-exhausted", "avg-cost-growth", "cost-spike"}),
    ],
)
def test_the_generated_histories_reach_the_rules(generated: st.SearchStrategy[list[Wire]], rules: set[str]) -> None:
    """Histories in which nothing is found would prove nothing."""
    seen: set[str] = set()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(generated)
    def look(objects: list[Wire]) -> None:
        seen.update(found[0] for found in findings([EARLY, *objects, END], rules))

    look()
    assert seen == rules
