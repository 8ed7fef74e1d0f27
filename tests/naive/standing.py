"""Which facts stand: versions, voids, reversals, net lines, and the stays they add up to."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Wire = Mapping[str, Any]
Finding = tuple[str, str, str, str | None]
"""Rule, kind and id of what it is about, discriminator."""

OUTPATIENT = {"11", "14", "51"}
EMERGENCY = {"13"}
PHARMACY = {"41"}
INPATIENT = {"21", "22", "24", "28", "52"}
HOUR = 3_600
DAY = 86_400

IDENTITY = {
    "settlement": ("psn_no", "setl_id"),
    "reversal": ("psn_no", "setl_id"),
    "fee-lines": ("fixmedins_code", "mdtrt_id", "feedetl_sn"),
    "admission": ("mdtrt_id",),
    "transfer": ("mdtrt_id", "begntime"),
    "discharge": ("mdtrt_id",),
    "leave": ("mdtrt_id", "leave_begntime"),
    "presence-check": ("chk_id",),
    "trauma-filing": ("mdtrt_id",),
    "self-pay-stay": ("mdtrt_id",),
    "enrolment": ("psn_no",),
    "death": ("psn_no",),
}

TIMES = (
    "setl_time",
    "begntime",
    "endtime",
    "fee_ocur_time",
    "leave_begntime",
    "leave_endtime",
    "chk_time",
    "filed_time",
)
"""Fields with the times that facts of a visit speak of."""


def seconds(text: str) -> int:
    """`yyyy-MM-dd HH:mm:ss` as a local second."""
    return int((dt.datetime.fromisoformat(text) - dt.datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001 - local


def shown(second: int) -> str:
    """A local second as on the wire."""
    return (dt.datetime(1970, 1, 1) + dt.timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ001


def fen(amount: Any) -> int:  # noqa: ANN401 - number or text
    """Yuan as fen."""
    return int(Decimal(str(amount)) * 100)


def same_disease(one: str | None, other: str | None) -> bool:
    """Whether two known diseases agree in their first three characters."""
    return bool(one and other) and str(one).upper()[:3] == str(other).upper()[:3]


def exempt(disease: str | None) -> bool:
    """Dialysis, chemotherapy, radiotherapy."""
    plain = (disease or "").upper().replace(".", "")
    return plain.startswith(("Z49", "N185", "N186", "Z51"))


def certno(text: str | None) -> str | None:
    """A well-formed identity number, else None."""
    if not text:
        return None
    number = text.upper()
    if len(number) != 18 or not number[:17].isdigit():
        return None
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))
    return number if "10X98765432"[total % 11] == number[17] else None


@dataclass
class Stay:
    """One mdtrt_id of an inpatient type or with an admission."""

    id: str
    person: str
    institution: str
    begin: int
    end: int
    open: bool
    way: str | None
    med_type: str | None
    disease: str | None
    admission: Wire | None
    transfers: list[Wire]
    settlements: list[Wire]

    def department_at(self, moment: int) -> str | None:
        """Department as of a moment."""
        return self.place_at(moment)[0]

    def place_at(self, moment: int) -> tuple[str | None, str | None, str | None]:
        """Department, ward and bed as of a moment."""
        names = ("adm_dept_codg", "wardarea_codg", "adm_bed")
        if self.admission is None:
            place = [None, None, None]
            if self.settlements:
                place[0] = self.settlements[0].get("adm_dept_codg")
        else:
            place = [self.admission.get(name) for name in names]
        for transfer in self.transfers:
            if seconds(transfer["begntime"]) <= moment:
                place = [transfer.get(name) or old for name, old in zip(names, place, strict=True)]
        return place[0], place[1], place[2]


@dataclass
class Standing:
    """The standing facts of a stream."""

    facts: dict[str, list[Wire]] = field(default_factory=lambda: defaultdict(list))
    lines: list[dict[str, Any]] = field(default_factory=list)
    stays: dict[str, Stay] = field(default_factory=dict)
    settlements_of: dict[str, list[Wire]] = field(default_factory=lambda: defaultdict(list))
    now: int = 0

    def entries(self, kind: str) -> list[Wire]:
        """Registry entries of a kind."""
        return self.facts[kind]


Key = tuple[str, ...]


def standing(objects: Iterable[Wire]) -> Standing:
    """What stands of a stream of wire objects, whatever their order."""
    out = Standing()
    versions: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    voids: dict[Key, int] = {}
    for given in objects:
        _sort_out(given, out, versions, voids)
    chosen = _chosen(versions, voids)
    reversed_ids = {key[1:] for key in chosen if key[0] == "reversal"}
    ever_settled = {fact["mdtrt_id"] for key in versions for fact in versions[key] if key[0] == "settlement"}
    lines = []
    for key, fact in chosen.items():
        if key[0] == "fee-lines":
            lines.append(fact)
        elif not (key[0] == "settlement" and key[1:] in reversed_ids):
            out.facts[key[0]].append(fact)
    for settlement in sorted(out.facts["settlement"], key=lambda one: (one["setl_time"], one["setl_id"])):
        out.settlements_of[settlement["mdtrt_id"]].append(settlement)
    _add_stays(out, lines)
    _add_lines(out, lines, ever_settled)
    return out


def _sort_out(given: Wire, out: Standing, versions: dict[Key, list[dict[str, Any]]], voids: dict[Key, int]) -> None:
    """Put one wire object where it belongs: a tick, a void, a registry entry, or a version of facts."""
    kind = given["type"]
    fact = {name: value for name, value in given.items() if name not in ("_recv", "lines") and value is not None}
    if kind == "tick":
        out.now = max(out.now, seconds(fact["tick_time"]))
    elif kind == "void":
        key = (fact["kind"], *(fact[name] for name in IDENTITY[fact["kind"]]))
        voids[key] = max(voids.get(key, 0), seconds(fact["void_time"]))
    elif kind in IDENTITY and kind != "fee-lines":
        versions[kind, *(fact[name] for name in IDENTITY[kind])].append(fact)
    elif kind != "fee-lines":
        out.facts[kind].append(fact)
    for line in given.get("lines") or ():
        of_record = ("mdtrt_id", "psn_no", "fixmedins_code", "med_type", "upld_time")
        whole = {**line, **{name: given[name] for name in of_record if given.get(name)}, "type": "fee-lines"}
        versions["fee-lines", *(whole[name] for name in IDENTITY["fee-lines"])].append(whole)


def _chosen(versions: dict[Key, list[dict[str, Any]]], voids: dict[Key, int]) -> dict[Key, dict[str, Any]]:
    """The version of each fact that stands; a void removes those uploaded up to its time, or at no known time."""
    chosen = {}
    for key, candidates in versions.items():
        left = candidates
        if key in voids:
            left = [one for one in candidates if "upld_time" in one and seconds(one["upld_time"]) > voids[key]]
        if left:
            chosen[key] = max(left, key=_rank)
    return chosen


def _rank(fact: Wire) -> tuple[str, int, str]:
    return (
        fact.get("upld_time") or "",
        len(fact),
        json.dumps(fact, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    )


def _add_stays(out: Standing, lines: list[dict[str, Any]]) -> None:
    admissions = {fact["mdtrt_id"]: fact for fact in out.facts["admission"]}
    discharges = {fact["mdtrt_id"]: fact for fact in out.facts["discharge"]}
    transfers = defaultdict(list)
    for transfer in sorted(out.facts["transfer"], key=lambda one: str(one["begntime"])):
        transfers[transfer["mdtrt_id"]].append(transfer)
    last_fact: dict[str, int] = defaultdict(int)
    for fact in [*lines, *(one for facts in out.facts.values() for one in facts if "mdtrt_id" in one)]:
        times = [seconds(fact[name]) for name in TIMES if fact.get(name)]
        last_fact[fact["mdtrt_id"]] = max(last_fact[fact["mdtrt_id"]], *times)
    inpatient = {s["mdtrt_id"] for s in out.facts["settlement"] if s["med_type"] in INPATIENT}
    for visit in sorted(inpatient | set(admissions)):
        admission, discharge = admissions.get(visit), discharges.get(visit)
        settled = out.settlements_of.get(visit, [])
        first = admission or settled[0]
        begins = [seconds(one.get("begntime") or one["setl_time"]) for one in ([admission] if admission else settled)]
        begin = min(begins)
        ends = [seconds(one["endtime"]) for one in settled if one.get("endtime") and one.get("final") != "0"]
        is_open = False
        if discharge:
            end = seconds(discharge["endtime"])
        elif ends:
            end = ends[-1]
        else:
            is_open = True
            end = max(begin, min(out.now, max(begin + 60 * DAY, last_fact[visit])))
        disease = None
        if settled:
            disease = settled[-1].get("dscg_maindiag_code")
        disease = disease or (discharge or {}).get("dscg_maindiag_code") or (admission or {}).get("adm_diag")
        med_type = settled[-1]["med_type"] if settled else first.get("med_type")
        out.stays[visit] = Stay(
            visit,
            first["psn_no"],
            first["fixmedins_code"],
            begin,
            end,
            is_open,
            (discharge or {}).get("dscg_way"),
            med_type,
            disease,
            admission,
            transfers[visit],
            settled,
        )


def _add_lines(out: Standing, lines: list[dict[str, Any]], ever_settled: set[str]) -> None:
    """Live lines, net of their cancels, with cnt and money as numbers."""
    cancelled: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in lines:
        if line.get("init_feedetl_sn"):
            sums = cancelled[line["fixmedins_code"], line["mdtrt_id"], line["init_feedetl_sn"]]
            sums[0] += Decimal(str(line["cnt"]))
            sums[1] += Decimal(str(line["det_item_fee_sumamt"]))
    admissions = {fact["mdtrt_id"]: fact for fact in out.facts["admission"]}
    for line in lines:
        visit = line["mdtrt_id"]
        stay = out.stays.get(visit)
        live = bool(out.settlements_of.get(visit)) or visit not in ever_settled or (stay is not None and stay.open)
        if not live or line.get("init_feedetl_sn"):
            continue
        less = cancelled[line["fixmedins_code"], visit, line["feedetl_sn"]]
        count = Decimal(str(line["cnt"])) + less[0]
        if count <= 0:
            continue
        known = line.get("med_type")
        if not known and out.settlements_of.get(visit):
            known = out.settlements_of[visit][-1]["med_type"]
        if not known and visit in admissions:
            known = admissions[visit].get("med_type")
        out.lines.append(
            {
                **line,
                "cnt": count,
                "med_type": known,
                "at": seconds(line["fee_ocur_time"]),
                "id": f"{line['fixmedins_code']}/{visit}/{line['feedetl_sn']}",
            }
        )
