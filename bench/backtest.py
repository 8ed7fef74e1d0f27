"""A long backtest's memory and cost: `python -m bench.backtest FILE ...`.

Judges each file of facts as `claims-monitor backtest` does, in this process, and looks at its memory while the facts go
by: resident bytes, and of them the state (keys and values of both stages, as Python keeps them) and the standing
alerts. What is left over must not grow with the file. CPU microseconds a fact are those of the second half.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from sys import getsizeof
from time import process_time
from typing import Final, NamedTuple

from monitor.backtest import Alone, Backtest
from monitor.engine import Engine
from monitor.memory_store import MemoryStore
from monitor.models import load_scorer
from monitor.ndjson import open_lines
from monitor.terms_files import load_terms
from monitor.timeline import place

MB: Final = 1 << 20

EXAMPLES: Final = """\
examples:
  claims-monitor simulate --preset region --persons 40000 --days 30 -o region.ndjson
  python -m bench.backtest region.ndjson
  python -m bench.backtest small.ndjson large.ndjson --every 100000 --model region.model
"""


class Seen(NamedTuple):
    """What a look at the process found, bytes."""

    facts: int
    resident: int
    state: int
    alerts: int
    cpu: float

    def line(self) -> str:
        """For people."""
        rest = self.resident - self.state - self.alerts
        return (
            f"{self.facts:>10,} facts: resident {self.resident / MB:,.0f} MB = state {self.state / MB:,.0f}"
            f" + standing alerts {self.alerts / MB:,.0f} + rest {rest / MB:,.0f}; CPU {self.cpu:.1f} s"
        )


def resident() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def held(store: MemoryStore) -> int:
    """Bytes that a state in memory takes: dictionaries, their keys and values."""
    return sum(
        getsizeof(held) + sum(getsizeof(key) + getsizeof(value) for key, value in held.items())
        for held in (store.values, store.wakes)
    )


def watched(file: Path, every: int, model: Path | None) -> Iterator[Seen]:
    """Judge a file; a look every so many facts and one at the end."""
    engine = Engine(load_terms(None), 1, "contributions", load_scorer(model))
    judges = Alone(engine)
    run = Backtest(engine, judges=judges)
    looks: list[Seen] = []

    def look(facts: int) -> Seen:
        state = sum(held(store) for store in judges.share.stores)
        standing = run.standing
        alerts = getsizeof(standing) + sum(getsizeof(key) + getsizeof(value) for key, value in standing.items())
        return Seen(facts, resident(), state, alerts, process_time())

    with open_lines(str(file)) as (lines, _):
        number = 0

        def counted() -> Iterator[bytes]:
            nonlocal number
            for number, line in enumerate(lines, 1):
                yield line
                if number % every == 0:
                    looks.append(look(number))
                    sys.stderr.write(looks[-1].line() + "\n")

        run.run(place(counted()))
    yield from looks
    yield look(number)


def main() -> None:
    """Judge the files one after the other, each in a process of its own, and print what was seen."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.backtest",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="+", help="NDJSON, plain, .gz or .zst")
    parser.add_argument("--every", type=int, default=50_000, help="facts between two looks")
    parser.add_argument("--model", type=Path, help="model file; without one settlements are not scored")
    given = parser.parse_args()
    for file in given.files:
        child = os.fork()
        if child:
            if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
                raise SystemExit(1)
            continue
        seen = list(watched(file, given.every, given.model))
        sys.stdout.write("".join(look.line() + "\n" for look in seen))
        half = min(seen[:-1], key=lambda look: abs(look.facts - seen[-1].facts / 2), default=seen[-1])
        facts = seen[-1].facts - half.facts
        if facts:
            sys.stdout.write(f"{(seen[-1].cpu - half.cpu) * 1e6 / facts:.0f} us of CPU a fact in the second half\n")
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
