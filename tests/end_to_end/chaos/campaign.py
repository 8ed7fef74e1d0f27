"""A campaign: facts flow, lots are drawn, strikes fall; then everything is compared with a single pass."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.end_to_end.chaos.brokers import ProxiedBroker
from tests.end_to_end.chaos.differences import count_differences
from tests.end_to_end.chaos.field import PATIENCE_S, WORKERS, Field
from tests.end_to_end.chaos.kinds import KINDS, CannotStrike
from tests.end_to_end.chaos.report import Report, Strike
from tests.end_to_end.program import run
from tests.end_to_end.reference import Reference

SIMULATED = ("--institutions", "20", "--plant", "quota-progress=20", "--plant", "overlapping-stays=100")
PLANTED_PER_THOUSAND = {"repeat-visits": 160, "id-mismatch": 140}


def simulate(folder: Path, seed: int, persons: int, days: int = 60) -> Reference:
    """Facts of a region with many violations, judged in one pass."""
    path = folder / "facts.ndjson"
    plants = [f"{rule}={share * persons // 1000}" for rule, share in PLANTED_PER_THOUSAND.items()]
    options = [option for plant in plants for option in ("--plant", plant)]
    size = ("--persons", str(persons), "--days", str(days), "--seed", str(seed))
    run("simulate", *size, *SIMULATED, *options, "--output", str(path))
    return Reference(path)


def lots_for(seed: int, kills: int) -> Iterator[str]:
    """Kinds in the order of a campaign: all of them shuffled, then those that kill, until so many kills are reached."""
    lots = random.Random(seed)
    done = 0
    first = True
    while done < kills or first:
        names = sorted(KINDS) if first else sorted(name for name, kind in KINDS.items() if kind.kills)
        lots.shuffle(names)
        for name in names:
            if done < kills or first:
                yield name
                done += KINDS[name].kills
        first = False


def campaign(
    folder: Path,
    reference: Reference,
    seed: int,
    kinds: Sequence[str],
    on_progress: Callable[[str], None] = lambda _text: None,
) -> Report:
    """Strike in this order while facts flow; gives what was done and how the end differs from the reference.

    Raises:
        AssertionError: something did not happen in time, or happened that must not.
    """
    began = time.monotonic()
    report = Report(seed=seed, facts=0, alerts=0)
    with ProxiedBroker(folder / "broker", WORKERS) as broker:
        field = Field(broker, f"chaos-{seed}.", folder, reference.facts, random.Random(seed))
        try:
            for number, name in enumerate(kinds, 1):
                strike = _strike(field, name)
                report.add(strike)
                on_progress(f"{number}/{len(kinds)} {strike} ({field.feeder.left} facts left)")
            assert field.feeder.left, "facts must arrive until the end"
            field.feeder.finish()
            on_progress("judging the rest")
            field.wait_for_workers()
            field.cluster.settle(3 * PATIENCE_S)
            on_progress("comparing")
            report.facts = field.feeder.total
            report.alerts = len(reference.alerts.splitlines())
            report.differences = count_differences(field, reference)
            report.changes = field.cluster.logged()
        finally:
            field.close()
    report.seconds = round(time.monotonic() - began)
    return report


def _strike(field: Field, name: str) -> Strike:
    """One strike, with alerts before and after it, and facts in flight while it falls."""
    cluster = field.cluster
    began = time.monotonic()
    logged = cluster.logged()
    with field.feeder.quickly():
        before = cluster.wait_for_alerts(logged) - logged
    time.sleep(field.lots.uniform(0, 1))  # a moment that nothing else decides
    try:
        in_flight = KINDS[name].strike(field)
    except CannotStrike as reason:
        field.wait_for_workers()
        return Strike(name, kills=False, skipped=str(reason))
    assert in_flight > 0, f"{name}: nothing was in flight"
    field.wait_for_workers()
    logged = cluster.logged()
    with field.feeder.quickly():
        after = cluster.wait_for_alerts(logged) - logged
    return Strike(
        name,
        kills=KINDS[name].kills,
        in_flight=in_flight,
        alerts_before=before,
        alerts_after=after,
        seconds=round(time.monotonic() - began, 1),
    )
