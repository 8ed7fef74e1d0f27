"""id-mismatch and id-attributes."""

from collections import defaultdict
from collections.abc import Iterator

from tests.naive.standing import Finding, Standing, Wire, certno, seconds


def _dated(facts: Standing) -> dict[str, list[tuple[int, str, Wire]]]:
    """Settlements and admissions by person, in order of event time."""
    found = defaultdict(list)
    for settlement in facts.facts["settlement"]:
        found[settlement["psn_no"]].append((seconds(settlement["setl_time"]), settlement["setl_id"], settlement))
    for admission in facts.facts["admission"]:
        found[admission["psn_no"]].append((seconds(admission["begntime"]), admission["mdtrt_id"], admission))
    return {person: sorted(dated, key=lambda one: one[:2]) for person, dated in found.items()}


def _most_frequent(values: list[str]) -> str | None:
    """The most frequent of values in order of time, ties to the earliest."""
    return max(values, key=lambda value: (values.count(value), -values.index(value)), default=None)


def _about(facts: Standing, fact: Wire) -> tuple[str, str]:
    if fact["mdtrt_id"] in facts.stays:
        return "stay", fact["mdtrt_id"]
    return "settlement", fact["setl_id"]


def id_mismatch(facts: Standing) -> Iterator[Finding]:
    """The identity number of a fact differs from the person's."""
    enrolled = {one["psn_no"]: certno(one.get("certno")) for one in facts.facts["enrolment"]}
    for person, dated in _dated(facts).items():
        used = [number for _, _, fact in dated if (number := certno(fact.get("certno")))]
        reference = enrolled.get(person) or _most_frequent(used)
        for _, _, fact in dated:
            number = certno(fact.get("certno"))
            if number and reference and number != reference:
                yield "id-mismatch", *_about(facts, fact), None


def id_attributes(facts: Standing) -> Iterator[Finding]:
    """Sex or birth date of a fact contradict its own number, or the person's reference."""
    enrolled = {one["psn_no"]: one for one in facts.facts["enrolment"]}
    for person, dated in _dated(facts).items():
        references = {}
        for name in ("gend", "brdy"):
            known = [fact[name] for _, _, fact in dated if _known(name, fact)]
            entry = enrolled.get(person, {})
            references[name] = entry[name] if _known(name, entry) else _most_frequent(known)
        for _, _, fact in dated:
            number = certno(fact.get("certno"))
            if fact.get("certno") and not number:
                continue
            wrong = False
            for name in ("gend", "brdy"):
                if not _known(name, fact):
                    continue
                if references[name] and fact[name] != references[name]:
                    wrong = True
                if number and fact[name] != _by_digits(name, number):
                    wrong = True
            if wrong:
                yield "id-attributes", *_about(facts, fact), None


def _known(name: str, fact: Wire) -> bool:
    return fact.get(name) in ("1", "2") if name == "gend" else bool(fact.get(name))


def _by_digits(name: str, number: str) -> str:
    if name == "gend":
        return "1" if int(number[16]) % 2 else "2"
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
