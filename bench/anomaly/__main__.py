"""Tables of figures: `python -m bench.anomaly [--data DIR] [--seeds N] [--persons N]`; `--help` tells more."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from bench.anomaly import budget as budgets
from bench.anomaly.detectors import reference, scorers
from bench.anomaly.region import CAPACITY, run
from bench.anomaly.tables import Labelled, made, read_tables, shipped
from detectors.forest import SCALE
from monitor.fitting import forest_of, spread_of

PARTS = ("parity", "tables", "regions", "budget")


def parity() -> str:
    """The forest part beside scikit-learn's `score_samples` on the same rows, in several sizes of batches."""
    worst = 0.0
    for kind in ("local", "global"):
        rows = made(kind).rows
        fitted = reference(rows, 0)
        forest = forest_of(fitted, rows, spread_of(rows))
        wanted = -fitted.score_samples(rows)
        for batch in (1, 7, 256, len(rows)):
            for start in range(0, min(len(rows), 40 * batch), batch):
                got = forest.forest_part(rows[start : start + batch]) / SCALE
                worst = max(worst, float(np.abs(got - wanted[start : start + batch]).max()))
    return f"greatest difference from scikit-learn's score_samples: {worst:.1e}"


def tables(given: Iterable[Labelled], seeds: int) -> str:
    """ROC AUC and average precision of each detector on each table, mean over seeds."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    compared = scorers()
    lines = [f"{'ROC AUC / average precision':28}{'rows':>8}{'odd':>7}" + "".join(f"{name:>16}" for name in compared)]
    sums = {name: np.zeros(2) for name in compared}
    count = 0
    for table in given:
        cells = []
        for name, score in compared.items():
            found = []
            for seed in range(seeds if name in {"ours", "sklearn IF"} else 1):
                scores = score(table.rows, seed)
                found.append((roc_auc_score(table.labels, scores), average_precision_score(table.labels, scores)))
            mean = np.mean(found, axis=0)
            sums[name] += mean
            cells.append(f"{mean[0]:8.3f} /{mean[1]:6.3f}")
        count += 1
        lines.append(f"{table.name[:28]:28}{len(table.rows):8}{int(table.labels.sum()):7}" + "".join(cells))
    means = "".join(f"{sums[name][0] / count:8.3f} /{sums[name][1] / count:6.3f}" for name in compared)
    lines.append(f"{'mean':43}" + means)
    if len(compared) == 2:
        lines.append("PyOD is not installed (bench/anomaly/requirements.txt): its detectors are left out")
    return "\n".join(lines)


def regions(seeds: int, persons: int, days: int, institutions: int) -> str:
    """Precision at the review capacity over the held-out week, of the score and of plain cost rankings."""
    lines, whole, looked = [], dict[str, int](), 0
    sorts: dict[str, dict[str, int]] = {}
    for seed in range(seeds):
        one = run(seed, persons, days, institutions)
        shown = "".join(f"  {name} {hits / one.reviewed:.3f}" for name, hits in one.found.items())
        lines.append(
            f"region {seed}: {one.settlements} settlements held out, {one.frauds} of them fraud, {one.reviewed} "
            f"looked at; chance {one.frauds / one.settlements:.3f}{shown}"
        )
        looked += one.reviewed
        for name, hits in one.found.items():
            whole[name] = whole.get(name, 0) + hits
            held = sorts.setdefault(name, {})
            for sort, number in one.by_sort[name].items():
                held[sort] = held.get(sort, 0) + number
    lines.append(f"precision at {CAPACITY} a day, all regions:")
    lines += [
        f"  {name:18} {hits / looked:.3f}   found by sort: "
        + ", ".join(f"{sort} {n}" for sort, n in sorts[name].items())
        for name, hits in whole.items()
    ]
    return "\n".join(lines)


def budget(seeds: int) -> str:
    """Alerts of models of little data, beside those wanted at most."""
    lines = []
    for own in (True, False):
        kept = [budgets.run(seed, own=own) for seed in range(seeds)]
        lines.append(
            f"{'own region' if own else 'another region'}: alerts "
            f"{', '.join(str(one.alerts) for one in kept)}; wanted at most "
            f"{max(one.wanted for one in kept):.1f}; with the highest held-out score as threshold "
            f"{', '.join(str(one.by_highest) for one in kept)}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are asked for."""
    reader = argparse.ArgumentParser(prog="python -m bench.anomaly", description=__doc__)
    reader.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without one")
    reader.add_argument("--data", type=Path, help="folder of ADBench's .npz files; without it shipped and made tables")
    reader.add_argument("--seeds", type=int, default=3, help="seeds of forests, and simulated regions")
    reader.add_argument("--persons", type=int, default=25_000, help="of a region")
    reader.add_argument("--days", type=int, default=60, help="of a region")
    reader.add_argument("--institutions", type=int, default=60, help="of a region")
    given = reader.parse_args(arguments)
    if set(given.parts) - set(PARTS):
        reader.error(f"parts are {', '.join(PARTS)}")
    for part in given.parts or PARTS:
        try:
            if part == "parity":
                said = parity()
            elif part == "tables":
                said = tables(shipped() if given.data is None else read_tables(given.data), given.seeds)
            elif part == "budget":
                said = budget(given.seeds)
            else:
                said = regions(given.seeds, given.persons, given.days, given.institutions)
        except ValueError as error:
            reader.error(str(error))
        sys.stdout.write(f"{part}\n{said}\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
