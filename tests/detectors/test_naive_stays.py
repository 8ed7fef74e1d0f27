"""Rules on identity, travel and stays against the naive implementation, over dense histories near the boundaries."""

from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.detectors.stay_facts import check, leave, self_pay
from tests.facts import (
    CERTNO_A,
    CERTNO_B,
    Identity,
    Wire,
    admission,
    at,
    enrolment,
    fee_lines,
    identity,
    later,
    line,
    reversal,
    run,
    settlement,
    stay_fact,
    tick,
    void,
)
from tests.naive.rules import findings
from topics.alerts import decode

RULES: Final = (
    "id-attributes",
    "impossible-travel",
    "outpatient-during-stay",
    "overlapping-stays",
    "split-stay",
    "hang-bed",
    "leave-too-long",
)
D: Final = 86_400
DISEASES = st.sampled_from([None, "I509", "I501", "K35", "Z511"])
DEPARTMENTS = st.sampled_from([None, "A03", "A04"])
VISITS = st.sampled_from(["V1", "V2", "V3", "V4"])
HOME: Final = {"V1": "H1", "V2": "H1", "V3": "H1", "V4": "H2"}
PLACES: Final = [
    {"type": "institution", "fixmedins_code": code, "valid_from": "2020-01-01 00:00:00", "lng": 100.0, "lat": lat}
    for code, lat in (("H1", 30.0), ("H2", 31.0), ("H3", 40.0))
]


@st.composite
def times(draw: st.DrawFn, days: int = 24) -> str:
    """A time on or a second beside a boundary of some rule."""
    hour = draw(st.sampled_from([0, 0, 7, 9, 11, 15, 16, 21, 22]))
    second = draw(st.sampled_from([0, 0, 0, 1, -1, 1_535, 1_536]))
    return later(at(0, "00:00:00"), draw(st.integers(0, days)) * D + hour * 3_600 + second)


def optional(name: str, value: Any) -> Wire:  # noqa: ANN401 - any field
    """The field, unless it has no value."""
    return {} if value is None else {name: value}


@st.composite
def attributes(draw: st.DrawFn) -> Wire:
    """Identity number, sex and birth date, some of them."""
    return {
        **optional("certno", draw(st.sampled_from([None, None, CERTNO_A, CERTNO_B, "0"]))),
        **optional("gend", draw(st.sampled_from([None, "1", "2", "9"]))),
        **optional("brdy", draw(st.sampled_from([None, "1949-12-31", "1880-01-01"]))),
    }


@st.composite
def facts(draw: st.DrawFn) -> Wire:
    """One fact of a person with four visits that may be stays, and outpatient visits besides."""
    visit = draw(VISITS)
    here = {"fixmedins_code": HOME[visit]}
    time = draw(times())
    end = draw(st.one_of(st.none(), times()))
    number = f"{draw(st.integers(0, 9))}"
    upload = {"upld_time": later(at(30), draw(st.integers(0, 3)))}
    kind = draw(st.sampled_from(KINDS))
    if kind == "admission":
        place = optional("adm_dept_codg", draw(DEPARTMENTS)) | optional("adm_diag", draw(DISEASES))
        med_type = optional("med_type", draw(st.sampled_from([None, "21", "24"])))
        return admission(visit, begntime=time, **here, **place, **med_type, **draw(attributes()), **upload)
    if kind == "discharge":
        way = optional("dscg_way", draw(st.sampled_from([None, "1", "2", "5"])))
        return stay_fact(kind, "endtime", visit, endtime=time, **here, **way, **upload)
    if kind == "settlement":
        ends = optional("endtime", end) | optional("dscg_maindiag_code", draw(DISEASES))
        final = optional("final", draw(st.sampled_from([None, None, "0"])))
        fields = {"mdtrt_id": visit, "med_type": draw(st.sampled_from(["21", "24"])), "begntime": time, **here}
        return settlement(f"I{number}", setl_time=draw(times()), **fields, **ends, **final, **draw(attributes()))
    if kind == "outpatient":
        fields = {"med_type": draw(st.sampled_from(["11", "11", "13", "41"])), **draw(attributes())}
        fields |= optional("mdtrt_cert_type", draw(st.sampled_from([None, "01", "03"]))) | optional("begntime", end)
        code = draw(st.sampled_from(["H1", "H2", "H3", "H9"]))
        return settlement(f"S{number}", setl_time=time, fixmedins_code=code, **fields)
    if kind == "leave":
        return leave(visit, time, end, papers=draw(st.booleans()), **here, **upload)
    if kind == "check":
        papers = {"papers": True} if draw(st.integers(0, 4)) == 0 else {}
        return check(number, visit, time, draw(st.sampled_from(["absent", "in-bed"])), **here, **papers)
    if kind == "self-pay":
        own = draw(st.sampled_from([visit, "V9"]))
        return self_pay(own, time, end, **here)
    if kind == "transfer":
        return stay_fact(kind, "begntime", visit, begntime=time, **here, **optional("adm_dept_codg", draw(DEPARTMENTS)))
    if kind == "enrolment":
        return enrolment(**draw(attributes()))
    if kind == "lines":
        return fee_lines(line(number, fee_ocur_time=later(time, 50 * D)), mdtrt_id=visit, **here)
    if kind == "reversal":
        return reversal(f"{draw(st.sampled_from('SI'))}{number}", setl_time=at(40))
    target = draw(st.sampled_from(["admission", "discharge"]))
    return void(target, mdtrt_id=visit, void_time=later(at(30), draw(st.integers(0, 3))))


KINDS: Final = (
    *["admission"] * 4,
    *["discharge"] * 4,
    *["settlement"] * 3,
    *["outpatient"] * 4,
    *["leave"] * 2,
    *["check"] * 2,
    *["self-pay"] * 2,
    *["transfer", "enrolment", "lines", "reversal", "void"],
)


GAPS: Final = (-43_201, -43_200, 0, 1, D, D + 1, 7 * D, 7 * D + 1, 15 * D, 15 * D + 1)
LAST: Final = later(at(0), 269 * D)
"""Of a longer history the first facts may be forgotten before the last ones come, if these come first."""


@st.composite
def chains(draw: st.DrawFn) -> list[Wire]:
    """Up to three stays, one after another with gaps on the edges, some around a self-pay stay; checks; a journey."""
    objects = []
    time = later(at(0), draw(st.sampled_from([0, 1])))
    for visit in ("V1", "V2", "V3")[: draw(st.integers(0, 3))]:
        place = optional("adm_dept_codg", draw(DEPARTMENTS)) | optional("adm_diag", draw(DISEASES))
        objects.append(admission(visit, begntime=time, upld_time=time, **place))
        moment = later(time, draw(st.sampled_from([7_200, 7_201, D])))
        objects.append(check(f"K-{visit}", visit, moment, draw(st.sampled_from(["absent", "absent", "in-bed"]))))
        time = later(time, draw(st.sampled_from([4 * D, 14_401, 14_402, D + 7_200, D + 7_201])))
        way = draw(st.sampled_from(["1", "1", "1", "2", "5"]))
        if draw(st.integers(0, 5)):
            objects.append(stay_fact("discharge", "endtime", visit, endtime=time, dscg_way=way))
        if draw(st.integers(0, 2)) == 0:
            begin = later(time, draw(st.sampled_from([0, D, D + 1])))
            time = later(begin, draw(st.sampled_from([D, 20 * D, 90 * D, 90 * D + 1])))
            objects.append(self_pay(f"O-{visit}", begin, draw(st.sampled_from([None, time]))))
        time = later(time, draw(st.sampled_from(GAPS)))
    assume(time <= LAST)
    journey = draw(st.sampled_from([None, 0, 1_535, 1_536]))
    if journey is not None:
        there = later(time, journey)
        objects += [settlement("T1", setl_time=time), settlement("T2", setl_time=there, fixmedins_code="H2")]
    return objects


@st.composite
def histories(draw: st.DrawFn) -> list[Wire]:
    """Facts of one person in any order, ticks among them."""
    objects = [*draw(chains()), *draw(st.lists(facts(), max_size=10))]
    ticks = draw(st.lists(times(100), min_size=1, max_size=3))
    first = [tick(at(0, "00:00:00"))]  # a file that brings its own ticks is given no others
    mixed = draw(st.permutations([*objects, *map(tick, sorted(ticks))]))
    return [*PLACES, *first, *mixed] if draw(st.booleans()) else [*first, *mixed, *PLACES]


def judged(objects: list[Wire], batch: int) -> set[Identity]:
    """What the engine has standing at the end, of these rules."""
    test = run(objects, batch=batch)
    assert not test.account["record", "quarantined"]
    return {found for found in map(identity, map(decode, test.alerts())) if found[0] in RULES}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.sampled_from([1, 3, 2_000]))
def test_both_implementations_agree(objects: list[Wire], batch: int) -> None:
    """Whatever the order of arrival and the size of the batches, the engine stands by what the naive rules find."""
    assert judged(objects, batch) == findings(objects, RULES)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_leaves_no_trace(objects: list[Wire], chance: Random) -> None:
    """Not the identities alone: every byte of these rules' standing alerts is the same in another order."""
    other = objects[:]
    chance.shuffle(other)
    assert contents(objects, 1) == contents([tick(at(0, "00:00:00")), *other], 2_000)


def contents(objects: list[Wire], batch: int) -> list[bytes]:
    """The standing alerts of these rules."""
    return [value for value in run(objects, batch=batch).alerts() if decode(value).rule_id in RULES]
