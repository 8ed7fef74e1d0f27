"""A person's care over many months, in order of arrival: mostly on time, some of it late, corrected, cancelled."""

from random import Random
from typing import Final

from tests.detectors.stay_facts import check, leave, self_pay
from tests.facts import (
    CERTNO_A,
    CERTNO_B,
    Wire,
    admission,
    enrolment,
    fee_lines,
    item,
    line,
    reversal,
    settlement,
    stay_fact,
    tick,
    void,
)
from topics.times import DAY, HOUR, format_time, parse_time

BEGIN: Final = parse_time("2026-01-05 08:00:00")
_PLACES: Final = {"H1": (31.2, 121.5), "H2": (39.9, 116.4), "H3": (31.3, 121.4)}
_LATEST: Final = 30 * DAY


def registry() -> list[Wire]:
    """Items and institutions that the facts name."""
    institutions: list[Wire] = [
        {"type": "institution", "fixmedins_code": code, "valid_from": "2020-01-01 00:00:00", "lat": lat, "lng": lng}
        for code, (lat, lng) in _PLACES.items()
    ]
    return [*institutions, item("D1", series=True), item("D2", pric_uplmt_amt="2.00", class_codg="C1")]


class LongHistory:
    """Makes the facts of one person in the order of their arrival, each with its record time as `_recv`.

    Args:
        chance: decides everything.
        person: whose they are.
    """

    def __init__(self, chance: Random, person: str = "P1") -> None:
        self._chance = chance
        self._person = person
        self._time = BEGIN
        self._number = 0
        self._came: list[tuple[int, int, Wire]] = []
        self._settled: list[Wire] = []
        self._plain = chance.random() < 0.4  # nothing but settlements
        self._busy = 1.0

    def facts(self, count: int) -> list[Wire]:
        """So many facts, and what belongs to them."""
        while self._number < count:
            self._time += int(self._chance.expovariate(1 / (DAY * self._busy))) + 1
            if self._chance.random() < 0.03:
                self._busy = self._chance.choice((0.2, 0.5, 1, 3))
                self._time += self._chance.choice((0, DAY, 7 * DAY, 9 * DAY))
            self._one()
        return [wire | {"_recv": format_time(time)} for time, _, wire in sorted(self._came, key=lambda each: each[:2])]

    def _one(self) -> None:
        self._number += 1
        kinds = {self._visit: 70, self._inpatient: 6, self._late: 1, self._cancel: 1, self._correct: 1, self._again: 1}
        if not self._plain:
            kinds |= {self._stay: 3, self._own_stay: 1, self._enrol: 1, self._more: 4, self._void: 1, self._tick: 4}
        (kind,) = self._chance.choices(list(kinds), list(kinds.values()))
        kind()

    def _comes(self, wire: Wire, time: int) -> None:
        self._came.append((time, len(self._came), wire))

    def _settlement(self, at: int, **fields: object) -> Wire:
        chance, name = self._chance, f"S{self._number}"
        base: Wire = {
            "psn_no": self._person,
            "mdtrt_id": f"V{self._number}",
            "fixmedins_code": chance.choices(list(_PLACES), (6, 1, 3))[0],
            "setl_time": format_time(at),
            "begntime": format_time(at - chance.choice((0, HOUR, 3 * HOUR))),
            "med_type": chance.choices(("11", "13", "41", "14"), (9, 1, 1, 1))[0],
            "fund_pay_sumamt": f"{chance.randint(1, 99)}.00",
            "certno": chance.choices((CERTNO_A, CERTNO_B, None), (18, 2, 1))[0],
            "gend": chance.choices(("1", "2", None), (1, 9, 2))[0],
            "dscg_maindiag_code": chance.choices(("J18", "K35", "Z49", None), (6, 2, 1, 1))[0],
            "upld_time": format_time(at),
        }
        if not self._plain and chance.random() < 0.3:
            base["lines"] = [self._line(at) for _ in range(chance.randint(1, 2))]
        return settlement(name, **(base | fields))

    def _line(self, at: int) -> Wire:
        chance = self._chance
        given = {} if chance.random() < 0.5 else {"prd_days": str(chance.choice((7, 30)))}
        code, number = chance.choice(("D1", "D1", "D2", "D3")), str(chance.randrange(1 << 30))
        return line(number, med_list_codg=code, fee_ocur_time=format_time(at), pric="2.5", cnt=2, **given) | {
            "det_item_fee_sumamt": "5.00"
        }

    def _visit(self) -> None:
        wire = self._settlement(self._time)
        self._settled.append(wire)
        self._comes(wire, self._time + self._chance.choice((60, HOUR, 8 * HOUR)))

    def _inpatient(self) -> None:
        days = self._chance.choice((2, 5, 12, 12, 40))
        begin = format_time(self._time - days * DAY)
        wire = self._settlement(self._time, med_type="21", begntime=begin, endtime=format_time(self._time))
        self._settled.append(wire)
        self._comes(wire, self._time + HOUR)

    def _late(self) -> None:
        at = self._time - self._chance.randint(DAY, _LATEST - DAY)
        wire = self._settlement(at, upld_time=format_time(self._time))
        self._settled.append(wire)
        self._comes(wire, self._time + HOUR)

    def _old(self) -> Wire | None:
        recent = self._settled[-40 if self._chance.random() < 0.5 else -3 :]
        return self._chance.choice(recent) if recent else None

    def _cancel(self) -> None:
        old = self._old()
        if old is not None:
            when = format_time(self._time)
            wire = reversal(old["setl_id"], psn_no=self._person, setl_time=when, upld_time=when)
            self._comes(wire, self._time + HOUR)

    def _void(self) -> None:
        old = self._old()
        if old is not None:
            when = format_time(self._time)
            wire = void("settlement", setl_id=old["setl_id"], psn_no=self._person, void_time=when)
            self._comes(wire, self._time + HOUR)

    def _correct(self) -> None:
        old = self._old()
        if old is not None:
            at = parse_time(str(old["setl_time"]))
            if self._time - at < _LATEST - DAY:
                new = {"upld_time": format_time(self._time), "fund_pay_sumamt": "7.00", "certno": CERTNO_A}
                moved = {"begntime": format_time(at - self._chance.choice((0, 5 * HOUR, 2 * DAY)))}
                self._comes({name: value for name, value in old.items() if name != "lines"} | new | moved, self._time)

    def _again(self) -> None:
        old = self._old()
        if old is not None and self._time - parse_time(str(old["upld_time"])) < _LATEST - DAY:
            self._comes(old, self._time + HOUR)

    def _more(self) -> None:
        """Another settlement, or lines, of a visit that is known."""
        old = self._old()
        if old is None:
            return
        mine = {"mdtrt_id": old["mdtrt_id"], "fixmedins_code": old["fixmedins_code"]}
        if self._chance.random() < 0.5:
            self._comes(self._settlement(self._time, **mine), self._time + HOUR)
        else:
            when = format_time(self._time + HOUR)
            self._comes(
                fee_lines(self._line(self._time), psn_no=self._person, upld_time=when, **mine), self._time + HOUR
            )

    def _stay(self) -> None:
        chance, visit, begin = self._chance, f"V{self._number}", self._time
        mine = {"psn_no": self._person, "fixmedins_code": chance.choice(list(_PLACES))}
        end = begin + chance.choice((2, 6, 20)) * DAY + HOUR
        lies = {"adm_bed": "1", "wardarea_codg": "W"} if chance.random() < 0.5 else {}
        first = admission(visit, begntime=format_time(begin), upld_time=format_time(begin + HOUR), **mine, **lies)
        self._comes(first, begin + 2 * HOUR)
        if chance.random() < 0.5:
            gone = begin + 30 * HOUR
            self._comes(leave(visit, format_time(gone), format_time(gone + 8 * HOUR), **mine), gone + DAY)
        if chance.random() < 0.5:
            seen = chance.randint(begin, end + 30 * DAY)
            found = chance.choice(("absent", "in-bed"))
            self._comes(check(f"C{self._number}", visit, format_time(seen), found, **mine), seen + DAY)
        if chance.random() < 0.8:
            self._comes(stay_fact("discharge", "endtime", visit, endtime=format_time(end), **mine), end + HOUR)
        if chance.random() < 0.8:
            wire = self._settlement(end + HOUR, med_type="21", begntime=format_time(begin), mdtrt_id=visit, **mine)
            self._comes(wire, end + 3 * HOUR)

    def _own_stay(self) -> None:
        until = format_time(self._time + 5 * DAY) if self._chance.random() < 0.5 else None
        mine = {"psn_no": self._person, "fixmedins_code": "H1"}
        self._comes(self_pay(f"V{self._number}", format_time(self._time), until, **mine), self._time + HOUR)

    def _enrol(self) -> None:
        when = format_time(self._time)
        number = self._chance.choice((CERTNO_A, CERTNO_B, None))
        self._comes(enrolment(self._person, certno=number, upld_time=when), self._time + HOUR)

    def _tick(self) -> None:
        self._comes(tick(format_time(self._time)), self._time + 60)
