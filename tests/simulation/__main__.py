"""Play seeds: `python -m tests.simulation --seed 17`, `python -m tests.simulation --seeds 1000 --from 5000`."""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.broken import BROKEN
from tests.simulation.process import Process
from tests.simulation.run import FORGETTING, THEMES, play


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Play one seed and tell its story, or many and tell which failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one and tell what happened")
    parser.add_argument("--seeds", type=int, default=1000, help="play so many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--broken", choices=sorted(BROKEN), help="play with a worker that is broken in this way")
    parser.add_argument(
        "--theme", choices=sorted({*THEMES, FORGETTING}), help="of all seeds; without it each has its own"
    )
    given = parser.parse_args()
    process = BROKEN[given.broken] if given.broken else Process
    if given.seed is not None:
        outcome = play(given.seed, process, given.theme)
        _say("\n".join(outcome.log))
        _say(outcome.problem or f"equal after {outcome.steps} steps, {outcome.alerts} alerts stand")
        return int(outcome.problem is not None)
    began = time.perf_counter()
    struck: Counter[str] = Counter()
    failed = steps = alerts = 0
    for seed in range(given.first, given.first + given.seeds):
        outcome = play(seed, process, given.theme)
        struck.update(f"{fault.point} {fault.phase} {fault.mode}" for fault in outcome.faults)
        steps += outcome.steps
        alerts += outcome.alerts
        if outcome.problem is not None:
            failed += 1
            _say(f"seed {seed}: {outcome.problem}\n  {outcome.replay(given.broken, given.theme)}")
    took = time.perf_counter() - began
    _say(
        f"{given.seeds} seeds, {failed} differ; {steps} steps, {alerts} alerts, {sum(struck.values())} planned "
        f"faults struck in {len(struck)} ways; {took:.1f} s, {given.seeds / took * 60:.0f} seeds a minute"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
