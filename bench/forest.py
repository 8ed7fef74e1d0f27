"""Cost of a score beside scikit-learn, microseconds a row: `python -m bench.forest`."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest

from detectors.claim_baselines import Baselines, Usual, UsualLines
from detectors.claim_features import FEATURES, features, matrix
from detectors.forest import SCALE, Forest
from detectors.history import PersonHistory
from detectors.tree_layout import Tree
from monitor.clock import monotonic
from monitor.terms_files import load_terms
from topics.facts import Settlement
from topics.registry import Registry

BATCHES = (1, 64, 256, 1_024)
ROUNDS = 7
ROWS_A_ROUND = 2_048


def best(work: Callable[[int], object], batch: int) -> float:
    """Best of several rounds, microseconds a row."""
    least = float("inf")
    repeat = max(3, ROWS_A_ROUND // batch)
    for _ in range(ROUNDS):
        start = monotonic()
        for _ in range(repeat):
            work(batch)
        least = min(least, (monotonic() - start) / (repeat * batch))
    return least * 1e6


def main() -> None:
    """Fit on random rows, compare the scores, print a table."""
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(20_000, len(FEATURES))).astype(np.float32)
    reference: Any = IsolationForest(n_estimators=100, max_samples=256, random_state=0)  # type: ignore[no-untyped-call]
    reference.fit(rows)
    nodes = [estimator.tree_ for estimator in reference.estimators_]
    forest = Forest.of(
        (Tree(t.children_left, t.children_right, t.feature, t.threshold, t.n_node_samples) for t in nodes),
        samples=reference.max_samples_,
        upper=rows.max(axis=0),
        spread=rows.std(axis=0),
    )
    some = (chance.normal(size=(4_096, len(FEATURES))) * 1.5).astype(np.float32)
    apart = np.abs(forest.forest_part(some) / SCALE + reference.score_samples(some)).max()

    now = 1_767_268_800
    visits = [Settlement(f"S{n}", f"V{n}", "P1", f"H{n % 3}", now + n * 86_400, "11", 9_900, 5_000) for n in range(6)]
    usual = Baselines(peers={"": Usual(9_000, 500_000, 9_000)}, lines={"": UsualLines()}, own_share=0, settled=36_000)
    history = PersonHistory("P1", load_terms(None).general, Registry())
    for visit in visits:
        history.fold(visit)

    works: dict[str, Callable[[int], object]] = {
        "score": lambda n: forest.score(some[:n]),
        "forest part": lambda n: forest.forest_part(some[:n]),
        "contributions": lambda n: forest.contributions(some[:n]),
        "features, 5 visits before": lambda n: matrix([features(visits[5], history, usual) for _ in range(n)]),
        "scikit-learn score": lambda n: reference.score_samples(some[:n]),
    }
    lines = [f"{'us a row, batches of':26}" + "".join(f"{batch:>10,}" for batch in BATCHES)]
    for name, work in works.items():
        lines.append(f"{name:26}" + "".join(f"{best(work, batch):10.2f}" for batch in BATCHES))
    lines.append(f"greatest difference from scikit-learn {apart:.1e}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
