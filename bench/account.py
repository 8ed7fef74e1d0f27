"""What the running account costs beside the judging that it counts: `python -m bench.account`.

Judges the facts of a simulated region in memory, then does the account's own steps as often as that judging did them:
the counts of a record, of a fact, of a person in a batch, and the meta record that grows by them.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from detectors.standing import Counts
from monitor.account import Account
from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.records import Record
from monitor.state import META, Meta, encode, read_meta
from monitor.terms_files import load_terms
from monitor.timeline import BadLine, place
from topics.catalogue import CLAIMS
from topics.decoding import Decoder

BATCH = 500
REPEAT = 5


def cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a call, the least of some."""
    best = float("inf")
    for _ in range(REPEAT):
        began = cpu()
        work()
        best = min(best, cpu() - began)
    return best


def records(lines: list[bytes], engine: Engine) -> Iterator[Record]:
    """Those about persons; the registry goes into the engine."""
    for offset, item in enumerate(place(lines)):
        if isinstance(item, BadLine) or item.family == "institution":
            continue
        if item.family == "registry":
            engine.put(Decoder("registry")(item.value))
        else:
            key = None if item.key is None else item.key.encode()
            yield Record(CLAIMS, 0, offset, item.time_ms, key, item.value)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "facts.ndjson"
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "monitor.cli", "simulate", "--persons", "3000", "--days", "20", "-o", str(file)],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        lines = file.read_bytes().splitlines()
    engine = Engine(load_terms(None), 1, "contributions")
    of_all = list(records(lines, engine))
    batches = [of_all[first : first + BATCH] for first in range(0, len(of_all), BATCH)]
    store = MemoryStore()
    began = cpu()
    for batch in batches:
        store.apply(engine.persons.apply(batch, store))
    judged = cpu() - began
    meta = read_meta(store.get(META))
    account = meta.account or Account()
    without = Meta(**{name: getattr(meta, name) for name in Meta.__struct_fields__} | {"account": None})
    count = sum(map(len, batches))
    # of the persons of a batch: at most one a record
    persons = sum(len({record.key for record in batch if record.key}) for batch in batches)

    def of_records() -> None:
        for _ in range(count):
            counts = account.of(CLAIMS)
            counts.read += 1
            counts.admitted += 1

    def of_facts() -> None:
        counts = Counts()
        for _ in range(account.facts.read):
            counts.read += 1
            counts.admitted += 1
            counts.live += 1

    def of_persons() -> None:
        counts = Counts()
        for _ in range(persons):
            Counts()
            account.facts.add(counts)

    def of_batches(value: Meta) -> Callable[[], None]:
        def work() -> None:
            for _ in batches:
                read_meta(encode(value))

        return work

    parts = {
        "records": seconds(of_records),
        "facts": seconds(of_facts),
        "persons": seconds(of_persons),
        "meta record": seconds(of_batches(meta)) - seconds(of_batches(without)),
    }
    whole = sum(parts.values())
    sys.stdout.write(
        f"{count:,} records in {len(batches)} batches, {account.facts.read:,} facts judged in {judged:.2f} CPU s; the "
        f"account takes {whole:.3f} of them, {100 * whole / judged:.1f} %, {whole / count * 1e6:.2f} us a record\n"
        f"{json.dumps({name: round(spent, 4) for name, spent in parts.items()})}\n"
        f"load average {os.getloadavg()[0]:.1f}\n"
    )


if __name__ == "__main__":
    main()
