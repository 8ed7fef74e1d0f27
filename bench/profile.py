"""`make profile`: the engine over the bench's claims, without Kafka; CPU time by stage and function."""

import argparse
import cProfile
import pstats
import sys
from pathlib import Path
from time import process_time

from bench.claims import Size, claims, quotas
from detectors.catalogue import all_detectors
from monitor.engine import Engine
from monitor.garbage import collect_rarely
from monitor.memory_store import MemoryStore
from monitor.models import load_scorer
from monitor.records import Frame, Record, frame_encoder
from monitor.terms_files import load_terms
from topics.decoding import Decoder
from topics.times import to_record_time


def judge(engine: Engine, records: list[Record], batch: int) -> tuple[float, float]:
    """CPU seconds of both stages, stores in memory."""
    persons, keys = MemoryStore(), MemoryStore()
    first = second = 0.0
    for number, begin in enumerate(range(0, len(records), batch)):
        start = process_time()
        effects = engine.persons.apply(records[begin : begin + batch], persons)
        persons.apply(effects)
        between = process_time()
        value = frame_encoder.encode(Frame(0, effects.clock or 0, effects.entries))
        keys.apply(engine.keys.apply([Record("contributions", 0, number, None, None, value)], keys))
        first += between - start
        second += process_time() - between
    return first, second


def main() -> None:
    """Measure, then profile, and print both."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--settlements", type=int, default=40_000)
    parser.add_argument("--persons", type=int, default=8_000)
    parser.add_argument("--institutions", type=int, default=500)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--rules", help="rule ids, separated by commas; all by default, 'none' for state alone")
    parser.add_argument("--model", type=Path, help="model file; without one settlements are not scored")
    given = parser.parse_args()
    detectors = all_detectors()
    if given.rules is not None:
        chosen = [] if given.rules == "none" else given.rules.split(",")
        unknown = [rule for rule in chosen if rule not in detectors]
        if unknown:
            parser.error(f"no such rule: {', '.join(unknown)}; `claims-monitor rules list` names them")
        detectors = {rule: detectors[rule] for rule in chosen}
    size = Size(given.settlements, given.persons, given.institutions)
    registry, decoder = Decoder("registry"), Decoder("person")
    records = [
        Record("claims.facts.v1", 0, number, to_record_time(claim.at + 1), claim.person.encode(), claim.value)
        for number, claim in enumerate(claims(size))
    ]

    def engine() -> Engine:
        made = Engine(load_terms(None), 1, "contributions", load_scorer(given.model), detectors=detectors)
        for quota in quotas(size):
            made.put(registry(quota))
        return made

    collect_rarely()  # as the worker does
    start = process_time()
    for record in records:
        decoder(record.value)
    decoding = process_time() - start
    first, second = judge(engine(), records, given.batch)
    profile = cProfile.Profile()
    profiled = engine()
    profile.enable()
    judge(profiled, records, given.batch)
    profile.disable()
    pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(40)
    micro = 1e6 / len(records)
    sys.stdout.write(
        f"CPU us a settlement: decoding {decoding * micro:.1f}, persons (decoding included) {first * micro:.1f}, "
        f"keys {second * micro:.1f}\n"
    )


if __name__ == "__main__":
    main()
