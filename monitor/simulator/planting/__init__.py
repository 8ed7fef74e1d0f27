"""Violations planted on purpose, each in persons or institutions of its own, and the findings they entail.

One module a group of rules; `PLANTERS` maps a rule to the function that plants it once.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from monitor.simulator.planting import drugs, identity, institutions, spikes, stays, visits
from monitor.simulator.planting.plan import Plan, PlantError

PLANTERS: Final[Mapping[str, Callable[[Plan, int], None]]] = MappingProxyType(
    {
        "repeat-visits": visits.repeat_visits,
        "impossible-travel": visits.impossible_travel,
        "outpatient-during-stay": visits.outpatient_during_stay,
        "price-over-ceiling": visits.price_over_ceiling,
        "id-mismatch": identity.id_mismatch,
        "id-attributes": identity.id_attributes,
        "overlapping-stays": stays.overlapping_stays,
        "split-stay": stays.split_stay,
        "hang-bed": stays.hang_bed,
        "leave-too-long": stays.leave_too_long,
        "one-bed-two-people": stays.one_bed_two_people,
        "drug-oversupply": drugs.drug_oversupply,
        "trace-code-reused": drugs.trace_code_reused,
        "quota-progress": institutions.quota_progress,
        "quota-exhausted": institutions.quota_exhausted,
        "avg-cost-growth": institutions.avg_cost_growth,
        "cost-spike": spikes.cost_spike,
    }
)
"""Rule -> how to plant it; called with the plan and the number of the plant (0, 1, ...), which chooses a variant."""

PLANTABLE: Final = tuple(sorted(PLANTERS))
"""Rules that can be planted."""


def plant_all(plan: Plan) -> dict[str, str]:
    """Plant what the configuration asks for, as far as the span allows.

    Returns:
        Rule -> why it could not be planted.

    Raises:
        ValueError: no such rule can be planted.
    """
    skipped: dict[str, str] = {}
    if plan.config.clean:
        return skipped
    for rule in sorted(plan.config.plants):
        if rule not in PLANTERS:
            raise ValueError(f"{rule!r} cannot be planted; these can: {', '.join(PLANTABLE)}")
        try:
            for number in range(plan.config.plants[rule]):
                PLANTERS[rule](plan, number)
        except PlantError as error:
            skipped[rule] = str(error)
    return skipped
