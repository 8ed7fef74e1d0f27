"""Training, backtest and live compute the same features: rows are compared value by value, of settlements and days."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detectors import claim_features, day_features, outlier_institution
from detectors.model import Settings
from detectors.terms import TermsSet
from monitor import scoring
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.samples import Samples
from monitor.scoring import ForestScorer
from monitor.simulator import preset, simulate
from monitor.terms_files import default_text, load_terms
from monitor.timeline import place
from monitor.training import train
from tests.engine.cluster import Cluster

Rows = dict[Any, tuple[float, ...]]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> tuple[Rows, Rows]:
    """Gathers the last row that was computed of each settlement, and of each institution's day."""
    claims: Rows = {}
    days: Rows = {}

    def claim(settlement: Any, history: Any, baselines: Any) -> tuple[float, ...]:  # noqa: ANN401 - as the function
        row = claim_features.features(settlement, history, baselines)
        claims[settlement.id] = row
        return row

    def of_day(history: Any, day: int, baselines: Any) -> tuple[float, ...]:  # noqa: ANN401 - as the function
        row = day_features.features(history, day, baselines)
        days[history.key, day] = row
        return row

    monkeypatch.setattr(scoring, "features", claim)
    monkeypatch.setattr(outlier_institution, "features", of_day)
    return claims, days


def few_a_day(folder: Path) -> TermsSet:
    """The terms with institution-days judged from two settlements on."""
    head, rule, rest = default_text().partition("[rules.outlier-institution]")
    file = folder / "terms.toml"
    file.write_text(head + rule + re.sub(r"(?m)^least = \d+", "least = 2", rest, count=1), encoding="utf-8")
    return load_terms(file)


def test_training_backtest_and_live_compute_the_same_rows(computed: tuple[Rows, Rows], tmp_path: Path) -> None:
    """Of a simulated region with lines, reversals and late facts; live in two partitions and in batches of 200."""
    claims, days = computed
    config = replace(preset("small"), persons=900, institutions=10, days=32, clean=True)
    facts = [fact for _, fact in simulate(config, 3)]
    terms = few_a_day(tmp_path)
    samples = Samples(place(json.dumps(one).encode() for one in facts), terms.general, lambda _: None)
    model = train(samples, Settings(trees=10, max_samples=64, least_settlements=2)).model
    wanted = {one.id: claim_features.features(one, each, model.baselines) for one, each in samples.settlements()}
    of_days = {
        (each.key, day): day_features.features(each, day, model.day_baselines)
        for each, day in samples.institution_days()
    }
    assert len(wanted) > 500

    def check() -> None:
        assert {name: claims[name] for name in wanted} == wanted
        assert len(days) > 100
        assert {name: of_days[name] for name in days} == days
        claims.clear()
        days.clear()

    run = Backtest(Engine(terms, 1, "contributions", ForestScorer(model)))
    run.run(place(json.dumps(one).encode() for one in facts))
    judged = set(days)
    check()

    cluster = Cluster(2)
    cluster.engine = Engine(terms, 2, "contributions", ForestScorer(model))
    by_partition, done = cluster.records(facts), 0
    for start in range(0, max(map(len, by_partition)), 200):
        for records in by_partition:
            if batch := records[start : start + 200]:
                cluster.apply(batch)
        if waiting := cluster.frames[done:]:
            cluster.apply_frames(waiting)
            done += len(waiting)
    assert set(days) == judged
    check()
