"""drug-oversupply, price-over-ceiling, trace-code-reused."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.naive.standing import DAY, EMERGENCY, INPATIENT, OUTPATIENT, PHARMACY, Finding, Standing, seconds


def drug_oversupply(facts: Standing) -> Iterator[Finding]:
    """Too many days in hand before, or after, a dispensing."""
    class_of = {one["med_list_codg"]: one.get("class_codg") for one in facts.entries("item")}
    supplies: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for line in facts.lines:
        if not Decimal(str(line.get("prd_days") or 0)):
            continue
        if line.get("dscg_tkdrug_flag") != "1" and (line["med_type"] is None or line["med_type"] in INPATIENT):
            continue
        item, drug_class = line["med_list_codg"], class_of.get(line["med_list_codg"])
        supplies[line["psn_no"], "item", item][line["mdtrt_id"]].append(line)
        if drug_class:
            supplies[line["psn_no"], "class", drug_class][line["mdtrt_id"]].append(line)
    for (_, which, _), visits in supplies.items():
        given = []
        for lines in sorted(visits.values(), key=lambda one: min((line["at"], line["id"]) for line in one)):
            at = min(line["at"] for line in lines)
            longest = min(lines, key=lambda line: (-Decimal(str(line["prd_days"])), line["at"], line["feedetl_sn"]))
            given.append((at, Decimal(str(longest["prd_days"])) * DAY, longest))
        for number, (at, days, longest) in enumerate(given):
            until = Decimal(0)
            for earlier, lasting, _ in given[:number]:
                if earlier > at - 120 * DAY:  # older ones count as used up
                    until = max(until, Decimal(earlier)) + lasting
            before = max(until - at, Decimal(0))
            settled = facts.settlements_of.get(longest["mdtrt_id"], [])
            most = 104 if any(one.get("long_rx") == "1" for one in settled) else 44
            if before > 15 * DAY or before + days > most * DAY:
                yield "drug-oversupply", "fee-line", longest["id"], which


def price_over_ceiling(facts: Standing) -> Iterator[Finding]:
    """A price over the line's ceiling, else the registry's as of the time."""
    ceilings = defaultdict(list)
    for entry in facts.entries("item"):
        ceilings[entry["med_list_codg"]].append(entry)
    for line in facts.lines:
        if line.get("inscp_scp_amt") is not None and Decimal(str(line["inscp_scp_amt"])) == 0:
            continue
        ceiling = line.get("pric_uplmt_amt")
        if ceiling is None:
            valid = [one for one in ceilings[line["med_list_codg"]] if seconds(one["valid_from"]) <= line["at"]]
            ceiling = max(valid, key=lambda one: one["valid_from"]).get("pric_uplmt_amt") if valid else None
        if ceiling is None or not 0 < Decimal(str(ceiling)) < 9_999_999:
            continue
        if Decimal(str(line["pric"])) > Decimal(str(ceiling)):
            yield "price-over-ceiling", "fee-line", line["id"], None


def trace_code_reused(facts: Standing) -> Iterator[Finding]:
    """One code in several visits."""
    lines_of = defaultdict(list)
    for line in facts.lines:
        if line["med_type"] in OUTPATIENT | EMERGENCY | PHARMACY or line.get("dscg_tkdrug_flag") == "1":
            for code in line.get("drug_trac_codg") or ():
                lines_of[code].append(line)
    for code, lines in lines_of.items():
        if len({line["mdtrt_id"] for line in lines}) < 2 or any(line.get("trdn_flag") == "1" for line in lines):
            continue
        for line in sorted(lines, key=lambda one: (one["at"], one["id"]))[1:]:
            yield "trace-code-reused", "fee-line", line["id"], code
