"""How the cost of a fact grows: `python -m bench.growth`. Without Kafka; the store is the worker's, on disk.

Three questions. What does a settlement cost when 2 million persons are held instead of 200,000 (each with three facts
before)? What does an on-time fact of a person with 500 facts cost, and how many bytes of changelog? And how do both
grow with the facts of the person? CPU seconds of this process, rounds of the sizes taken in turn, medians.
"""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final, NamedTuple

from bench.claims import BEGIN, DISEASES, Size, certno_of, claims, quotas
from detectors.catalogue import all_detectors
from monitor.engine import Engine
from monitor.models import load_scorer
from monitor.records import Effects, Frame, Record, frame_encoder
from monitor.state import META, PERSON_HEADS, PersonHead, encode, person_chunk, person_key
from monitor.store import Store
from monitor.terms_files import load_terms
from topics.decoding import Decoder
from topics.facts import Settlement
from topics.times import DAY, HOUR, to_record_time

BATCH: Final = 2_000
IDENTITY: Final = "bench"
HELD: Final = 3
"""Facts that each person has before the first round."""
FILL: Final = 100_000

EXAMPLES: Final = """\
examples:
  python -m bench.growth
  python -m bench.growth --persons 50000 500000 --settlements 10000 --rounds 3
  python -m bench.growth --rules repeat-visits,id-mismatch,quota-progress
"""


class Spent(NamedTuple):
    """CPU microseconds a fact, and bytes of changelog a fact."""

    cpu: float
    changelog: float


class Held:
    """Both stages over stores on disk."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._engine = engine
        self.persons = Store(folder / "person-0")
        self._keys = Store(folder / "key-0")
        self._offset = 0

    def fill(self, persons: int) -> None:
        """Give each of so many persons a few settlements before the first round."""
        store = self.persons
        store.begin_rebuild(IDENTITY)
        for first in range(0, persons, FILL):
            values = dict(_head(number) for number in range(first, min(first + FILL, persons)))
            store.fill(values, 0)
        store.complete({}, 0, [PERSON_HEADS], lambda _key, _value: None)

    def judge(self, facts: list[tuple[str, int, bytes]], batch: int = BATCH) -> Spent:
        """Judge facts (person, settled at, value) in batches, through both stages."""
        spent, changelog = 0.0, 0
        for begin in range(0, len(facts), batch):
            records = []
            for person, at, value in facts[begin : begin + batch]:
                records.append(
                    Record("claims.facts.v1", 0, self._offset, to_record_time(at + 1), person.encode(), value)
                )
                self._offset += 1
            start = process_time()
            with self.persons.reading() as reading:
                effects = self._engine.persons.apply(records, reading)
            self.persons.apply(effects, self._offset)
            value = frame_encoder.encode(Frame(0, effects.clock or 0, effects.entries))
            with self._keys.reading() as reading:
                second = self._engine.keys.apply([Record("contributions", 0, self._offset, None, None, value)], reading)
            self._keys.apply(second, self._offset)
            spent += process_time() - start
            if effects.rejected:
                raise RuntimeError(f"not admitted: {effects.rejected[0].why}")
            changelog += _bytes(effects)
        return Spent(spent * 1e6 / len(facts), changelog / len(facts))

    def close(self) -> None:
        """Close both stores."""
        self.persons.close()
        self._keys.close()


def _bytes(effects: Effects) -> int:
    """Bytes of the persons' changelog, without the record of the partition as a whole."""
    return sum(len(key) + len(value or b"") for key, value in effects.writes.items() if key != META)


def _head(number: int) -> tuple[bytes, bytes]:
    """The state of a person that has `HELD` settlements in the month before the bench begins."""
    person = f"P{number:07d}"
    facts = [
        Settlement(
            id=f"B{number:07d}{n}",
            visit=f"V{number:07d}{n}",
            person=person,
            institution=f"H{number * 31 % 500:05d}",
            settled_at=(at := BEGIN - (28 - 9 * n) * DAY + number % DAY),
            med_type="11",
            total=9_900,
            fund=6_900,
            begin=at - HOUR,
            diagnosis=DISEASES[number % 10],
            certno=certno_of(number),
        )
        for n in range(HELD)
    ]
    return person_key(person), encode(PersonHead(facts=[*facts], oldest=person_chunk(facts[0].settled_at)))


def an_engine(size: Size, rules: str | None, model: Path | None) -> Engine:
    """An engine that knows the quotas."""
    detectors = all_detectors()
    if rules is not None:
        detectors = {rule: detectors[rule] for rule in rules.split(",")}
    engine = Engine(load_terms(None), 1, "contributions", load_scorer(model), detectors=detectors)
    registry = Decoder("registry")
    for quota in quotas(size):
        engine.put(registry(quota))
    return engine


def by_persons(folder: Path, given: argparse.Namespace) -> Iterator[str]:
    """Cost of a settlement by how many persons are held."""
    sizes = {persons: Size(given.settlements, persons, 500, seed=persons) for persons in given.persons}
    held = {}
    for persons, size in sizes.items():
        held[persons] = one = Held(folder / str(persons), an_engine(size, given.rules, given.model))
        one.fill(persons)
    streams = {persons: claims(size) for persons, size in sizes.items()}
    spent: dict[int, list[float]] = {persons: [] for persons in sizes}
    ratios = []
    a_round = given.settlements // given.rounds
    for _ in range(given.rounds):
        for persons, one in held.items():
            facts = [(c.person, c.at, c.value) for c, _ in zip(streams[persons], range(a_round), strict=False)]
            gc.collect()
            spent[persons].append(one.judge(facts).cpu)
        first, *_, last = (spent[persons][-1] for persons in sizes)
        ratios.append(last / first)
    for persons, one in held.items():
        yield (
            f"{persons:>9,} persons of {HELD} facts, {one.persons.bytes_used / 1e6:,.0f} MB: "
            f"{median(spent[persons]):.1f} us a settlement (rounds: {', '.join(f'{us:.1f}' for us in spent[persons])})"
        )
        one.close()
    yield f"ratio {median(ratios):.3f} (rounds: {', '.join(f'{ratio:.3f}' for ratio in ratios)})"


def _visits(person: int, facts: int) -> list[tuple[str, int, bytes]]:
    """The settlements of one person over 300 days."""
    size = Size(facts, 1, 20, days=300, seed=person)
    name = f"P{person:07d}"
    moved = []
    for claim in claims(size):
        value = claim.value.replace(b'"P0000000"', f'"{name}"'.encode())
        value = value.replace(b'"S0', f'"S{person:03d}-0'.encode()).replace(b'"M0', f'"M{person:03d}-0'.encode())
        moved.append((name, claim.at, value))
    return moved


def by_history(folder: Path, given: argparse.Namespace) -> Iterator[str]:
    """Cost of an on-time fact of persons with long histories: alone in a batch, and with one each of others."""
    for facts in given.history:
        one = Held(folder / f"history-{facts}", an_engine(Size(), given.rules, given.model))
        people = [_visits(person, facts + 2 * given.on_time) for person in range(given.people)]
        rows = sorted((row for rows in people for row in rows), key=lambda row: row[1])
        last = 2 * given.on_time * given.people
        before, after = rows[:-last], rows[-last:]
        one.judge(before)
        gc.collect()
        together = one.judge(after[: last // 2], given.people)
        alone = one.judge(after[last // 2 :], 1)
        yield (
            f"{given.people} persons with {facts} facts in 300 days, one fact more each: {together.cpu:.0f} us, "
            f"{together.changelog / 1024:.2f} KB of changelog; alone in a batch {alone.cpu:.0f} us, "
            f"{alone.changelog / 1024:.2f} KB"
        )
        one.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--persons", type=int, nargs="+", default=[200_000, 2_000_000], help="held before the first round"
    )
    parser.add_argument("--settlements", type=int, default=40_000, help="judged with each number of persons")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--history", type=int, nargs="+", default=[5, 50, 500], help="facts of a person")
    parser.add_argument("--people", type=int, default=32, help="persons with such a history")
    parser.add_argument("--on-time", type=int, default=10, help="facts more that are measured, a person")
    parser.add_argument("--rules", help="rule ids, separated by commas; all by default")
    parser.add_argument("--model", type=Path, help="model file; without one settlements are not scored")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="claims-growth-") as name:
        for part in (by_history, by_persons):
            for line in part(Path(name), given):
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
    sys.stdout.write(f"load average {os.getloadavg()[0]:.1f}\n")


if __name__ == "__main__":
    main()
