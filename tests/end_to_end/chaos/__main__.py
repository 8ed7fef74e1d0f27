"""The long form: `make chaos`, with ARGS="--seed N --kills N --report FOLDER" if wanted."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.end_to_end.chaos.campaign import campaign, lots_for, simulate

PERSONS_PER_KILL = 160
"""Facts for as many strikes as that takes."""


def say(text: str) -> None:
    """Tell whoever waits for the end."""
    print(text, flush=True)  # noqa: T201 - a program


def main() -> int:
    """Run a campaign; gives 1 when the end differs from the single pass, or when something did not happen in time."""
    parser = argparse.ArgumentParser(
        prog="make chaos", description="Kill workers and broker, cut and freeze, while facts arrive; then compare."
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="decides lots and facts")
    parser.add_argument("--kills", type=int, default=50, help="at least so many kills -9 (default: 50)")
    parser.add_argument("--report", type=Path, help="folder for chaos.md and chaos.json")
    parser.add_argument("--only", action="append", help="only kinds that contain this text; may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep logs and data of the run")
    asked = parser.parse_args()
    only = "".join(f" --only '{text}'" for text in asked.only or ())
    command = f'make chaos ARGS="--seed {asked.seed} --kills {asked.kills}{only}"'
    folder = Path(tempfile.mkdtemp(prefix="claims-monitor-chaos-"))
    say(f"{command}   (logs: {folder})")
    kinds = [
        kind for kind in lots_for(asked.seed, asked.kills) if not asked.only or any(text in kind for text in asked.only)
    ]
    try:
        reference = simulate(folder, asked.seed, max(600, PERSONS_PER_KILL * len(kinds)))
        report = campaign(folder, reference, asked.seed, kinds, say)
    except BaseException:
        say(f"\nseed {asked.seed} failed; logs are in {folder}. Again: {command}")
        raise
    if asked.report is not None:
        asked.report.mkdir(parents=True, exist_ok=True)
        (asked.report / "chaos.json").write_text(report.json(), encoding="utf-8")
        (asked.report / "chaos.md").write_text(report.markdown(command), encoding="utf-8")
    say(report.markdown(command))
    if report.total_differences:
        say(f"seed {asked.seed} differs; logs are in {folder}. Again: {command}")
        return 1
    if not asked.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
