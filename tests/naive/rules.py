"""Every naive rule by its id, and all their findings over a stream."""

from collections.abc import Callable, Iterable, Iterator

from tests.naive import identity, institutions, lines, stays, visits
from tests.naive.standing import Finding, Standing, Wire, standing

RULES: dict[str, Callable[[Standing], Iterator[Finding]]] = {
    "repeat-visits": visits.repeat_visits,
    "impossible-travel": visits.impossible_travel,
    "outpatient-during-stay": visits.outpatient_during_stay,
    "id-mismatch": identity.id_mismatch,
    "id-attributes": identity.id_attributes,
    "overlapping-stays": stays.overlapping_stays,
    "split-stay": stays.split_stay,
    "hang-bed": stays.hang_bed,
    "leave-too-long": stays.leave_too_long,
    "one-bed-two-people": stays.one_bed_two_people,
    "drug-oversupply": lines.drug_oversupply,
    "price-over-ceiling": lines.price_over_ceiling,
    "trace-code-reused": lines.trace_code_reused,
    "quota-progress": institutions.quota_progress,
    "quota-exhausted": institutions.quota_exhausted,
    "avg-cost-growth": institutions.avg_cost_growth,
    "cost-spike": institutions.cost_spike,
}


def findings(objects: Iterable[Wire], rules: Iterable[str] = RULES) -> set[Finding]:
    """The findings of a stream of admitted wire objects, in any order."""
    facts = standing(objects)
    return {finding for rule in rules for finding in RULES[rule](facts)}
