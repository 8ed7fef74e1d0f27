"""Small histories in which much goes wrong: corrections, reversals and voids, in no order."""

from hypothesis import strategies as st

from tests.facts import (
    CERTNO_A,
    CERTNO_B,
    Wire,
    admission,
    at,
    enrolment,
    fee_lines,
    item,
    line,
    quota,
    reversal,
    settlement,
    stay_fact,
    tick,
    void,
)

PERSONS = ("P1", "P2")
FIRST_TICK = tick(at(-1, "00:00:00"))
LAST_TICK = tick(at(13, "00:00:00"))

_times = st.builds(
    at, st.integers(0, 11), st.sampled_from(["00:00:00", "06:00:00", "09:00:00", "09:00:01", "12:00:00", "23:59:59"])
)
_dense = st.builds(at, st.integers(0, 2), st.sampled_from(["08:00:00", "09:00:00", "10:00:00", "14:00:00"]))
_uploads = st.sampled_from([None, None, at(3), at(6), at(9)])
_numbers = st.sampled_from([CERTNO_A, CERTNO_A, CERTNO_B, None, "7"])
_persons = st.sampled_from([*PERSONS, PERSONS[0]])
_ids = st.integers(0, 15)


@st.composite
def _settlements(draw: st.DrawFn) -> Wire:
    # an id belongs to one person, whatever the version says else
    number = draw(_ids)
    inpatient = draw(st.sampled_from([False, False, True]))
    return settlement(
        f"S{number}",
        psn_no=PERSONS[number % 2],
        mdtrt_id=f"V{draw(st.sampled_from([number, number, number % 4]))}",
        setl_time=draw(_dense | _times),
        begntime=draw(st.none() | _times),
        med_type="21" if inpatient else "11",
        fund_pay_sumamt=draw(st.sampled_from(["60.00", "1500.00", "0.01"])),
        certno=draw(_numbers),
        fixmedins_code=draw(st.sampled_from(["H1", "H1", "H2"])),
        dscg_maindiag_code=draw(st.sampled_from(["J18", "J18.9", "Z49", None])),
        upld_time=draw(_uploads),
        lines=draw(st.sampled_from([None, None, [line(med_list_codg="D1")], [line(med_list_codg="D2")]])),
    )


@st.composite
def _stays(draw: st.DrawFn) -> Wire:
    number = draw(st.integers(0, 3))
    mine = {"psn_no": PERSONS[number % 2]}
    if draw(st.booleans()):
        begin = draw(_times)
        return admission(f"V{number}", begntime=begin, upld_time=draw(_times), certno=draw(_numbers), **mine)
    return stay_fact("discharge", "endtime", f"V{number}", endtime=draw(_times), upld_time=draw(_uploads), **mine)


@st.composite
def _voids(draw: st.DrawFn) -> Wire:
    number = draw(_ids)
    mine = {"psn_no": PERSONS[number % 2], "void_time": draw(_times)}
    kind = draw(st.sampled_from(["settlement", "reversal", "admission", "enrolment", "fee-lines"]))
    if kind in {"settlement", "reversal"}:
        return void(kind, setl_id=f"S{number}", **mine)
    if kind == "admission":
        return void(kind, mdtrt_id=f"V{number % 4}", **mine)
    if kind == "enrolment":
        return void(kind, **mine)
    return void(kind, fixmedins_code="H1", mdtrt_id=f"V{number}", feedetl_sn="1", **mine)


_reversals = st.builds(
    lambda number, time, upload: reversal(f"S{number}", psn_no=PERSONS[number % 2], setl_time=time, upld_time=upload),
    _ids,
    _times,
    _uploads,
)
_enrolments = st.builds(
    lambda person, number, upload: enrolment(person, certno=number, upld_time=upload), _persons, _numbers, _uploads
)
_uploads_of_lines = st.builds(
    lambda number, code, time: fee_lines(
        line(med_list_codg=code), mdtrt_id=f"V{number}", psn_no=PERSONS[number % 2], upld_time=time
    ),
    _ids,
    st.sampled_from(["D1", "D2"]),
    _times,
)
_registry = st.sampled_from(
    [
        quota(amount="3100.00"),
        quota(amount="99999.00"),
        quota(amount="310.00", valid_from=at(5)),
        quota("H2", amount="310.00", valid_to=at(6)),
        item("D1", series=True),
        item("D1", series=False, valid_from=at(4)),
        item("D2", series=True, valid_from=at(6)),
    ]
)
_ticks = st.builds(tick, _times)

_rushes = st.sampled_from(
    [
        [
            settlement(f"S{2 * number}", setl_time=at(day, f"{8 + number:02d}:00:00"), mdtrt_id=f"V{2 * number}")
            for number in range(count)
        ]
        for day in (1, 5)
        for count in (0, 3, 4, 8)
    ]
)
"""Visits of the first person, close together; other facts correct and cancel them."""

facts = st.one_of(
    _settlements(), _settlements(), _settlements(), _reversals, _voids(), _stays(), _enrolments, _uploads_of_lines
)
"""One fact of a person."""


@st.composite
def histories(draw: st.DrawFn) -> list[Wire]:
    """Facts in the order they were drawn, with registry entries among them; at most one registry entry a key."""
    found = draw(_rushes) + draw(st.lists(facts, min_size=draw(st.integers(1, 20)), max_size=24))
    found += draw(st.lists(_ticks, max_size=2))
    by_key = {
        (e["type"], e.get("period"), e.get("fixmedins_code"), e.get("med_list_codg"), e["valid_from"]): e
        for e in draw(st.lists(_registry, min_size=2, max_size=5))
    }
    return [*found, *by_key.values()]


def framed(objects: list[Wire]) -> list[Wire]:
    """With its own ticks: one before, and one after everything."""
    return [FIRST_TICK, *objects, LAST_TICK]
