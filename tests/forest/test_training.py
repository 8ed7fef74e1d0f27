"""Fitting: reproducible to the byte, a threshold that keeps the budget, clear errors."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from math import log

import numpy as np
import pytest

from detectors.claim_features import features, matrix
from detectors.model import Model, Settings
from monitor.training import LEAST, TrainingError, described, fit
from tests.forest.claims import FIRST_DAY, NOON, fitted, history, settlement
from topics.times import DAY

SMALL = Settings(trees=20, max_samples=64, hold_out_days=3)


def scores(model: Model, samples: list[tuple[float, ...]]) -> list[int]:
    """Scores of rows."""
    return [int(score) for score in model.forest.score(matrix(samples))]


def test_fitting_twice_gives_the_same_bytes() -> None:
    """In whatever order the settlements come, and from an iterator too; another seed is another model."""
    samples = history(1_200)
    data = fit(samples, SMALL).to_bytes()
    shuffled = samples.copy()
    random.Random(9).shuffle(shuffled)
    assert fit(shuffled, SMALL).to_bytes() == data
    once: Iterator[object] = iter(samples)
    assert fit(once, SMALL).to_bytes() == data  # type: ignore[arg-type]
    assert fit(samples, Settings(seed=1, trees=20, max_samples=64, hold_out_days=3)).to_bytes() != data


def test_another_process_fits_the_same_bytes() -> None:
    """With other hashes of strings and another number of threads."""
    program = (
        "import hashlib; from monitor.training import fit; from tests.forest.claims import history;"
        "from tests.forest.test_training import SMALL;"
        "print(hashlib.sha256(fit(history(600), SMALL).to_bytes()).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=os.environ | environment
    )
    assert told.stdout.strip() == hashlib.sha256(fit(history(600), SMALL).to_bytes()).hexdigest()


def test_what_a_model_tells_of_its_data() -> None:
    """Span and counts; the last days are held out."""
    samples = history(1_200)
    model = fit(samples, SMALL)
    last = FIRST_DAY + 19
    held_out = sum(one.settled_at // DAY > last - 3 for one, _ in samples)
    assert (model.first_day, model.last_day) == (FIRST_DAY, last)
    assert (model.counts.fitted, model.counts.held_out) == (1_200 - held_out, held_out)
    assert model.settings.fitted_with.startswith("scikit-learn ")
    text = described(model)
    assert model.version in text
    assert "2026-01-01 to 2026-01-20" in text


@pytest.mark.parametrize("per_10k", [0, 5, 100, 500, 10_000])
def test_the_threshold_keeps_the_budget(per_10k: int) -> None:
    """No more held-out settlements than wanted lie over it; without ties exactly as many."""
    samples = history(4_000)
    model = fit(samples, Settings(trees=50, hold_out_days=5, alerts_per_10k=per_10k))
    wanted = min(per_10k * model.counts.held_out // 10_000, model.counts.held_out - 1)
    held_out = [
        features(one, earlier, model.baselines)
        for one, earlier in samples
        if one.settled_at // DAY > model.last_day - 5
    ]
    over = sum(score > model.threshold for score in scores(model, held_out))
    assert over == model.counts.over_threshold
    assert wanted - 2 <= over <= wanted


def test_a_budget_by_day() -> None:
    """So many alerts a day over the held-out days."""
    model = fit(history(4_000), Settings(trees=50, hold_out_days=4, alerts_per_day=3))
    assert 10 <= model.counts.over_threshold <= 12


def test_the_held_out_days_teach_nothing() -> None:
    """Whatever happens in them changes the threshold alone: not the forest, baselines or percentiles."""
    samples = history(1_500)
    last = FIRST_DAY + 19
    tamed = [(one, earlier) for one, earlier in samples if one.settled_at // DAY <= last - 3]
    wild = [*tamed, *((settlement(settled_at=NOON + 19 * DAY, total=10**9, fund=0), ()) for _ in range(50))]
    model, other = fit(samples, SMALL), fit(wild, SMALL)
    assert model.counts.fitted == other.counts.fitted
    assert np.array_equal(model.forest.expected, other.forest.expected)
    assert np.array_equal(model.grid, other.grid)
    assert model.baselines == other.baselines
    assert model.threshold != other.threshold


def test_too_few_settlements() -> None:
    """Refused with the number that is needed; that number is enough."""
    with pytest.raises(TrainingError, match=f"255 settlements are too few .* at least {LEAST}"):
        fit(history(LEAST - 1), SMALL)
    model = fit(history(LEAST), SMALL)
    assert (model.counts.fitted, model.counts.held_out) == (LEAST, 0)


def test_nothing_is_held_out_when_too_little_would_be_left() -> None:
    """All settlements are fitted on then, and the threshold is chosen on them."""
    model = fit(history(400, days=2), Settings(trees=10, hold_out_days=7, alerts_per_10k=100))
    assert (model.counts.fitted, model.counts.held_out) == (400, 0)
    assert 1 <= model.counts.over_threshold <= 4


@pytest.mark.parametrize(
    "settings",
    [
        Settings(trees=0),
        Settings(max_samples=1),
        Settings(max_samples=1 << 15),
        Settings(hold_out_days=-1),
        Settings(alerts_per_10k=-1),
        Settings(alerts_per_day=-1),
        Settings(seed=-1),
        Settings(seed=1 << 32),
    ],
)
def test_settings_that_make_no_sense(settings: Settings) -> None:
    """Refused before any work."""
    with pytest.raises(TrainingError):
        fit(history(300), settings)


def test_progress_is_told() -> None:
    """Each step once, in order, with how many settlements it concerns."""
    told: list[tuple[str, int]] = []
    fit(history(600), SMALL, progress=lambda what, count: told.append((what, count)))
    assert [what for what, _ in told] == ["baselines", "features", "forest", "threshold"]
    assert told[0][1] == 600


def test_a_feature_that_never_changes_is_no_trouble() -> None:
    """All settlements alike: a model comes out, and what differs from them scores higher."""
    same = [(settlement(id=f"S{place}", visit=f"V{place}"), ()) for place in range(300)]
    model = fit(same, SMALL)
    ordinary = features(settlement(), (), model.baselines)
    dear = features(settlement(total=10**8), (), model.baselines)
    alike, unlike = scores(model, [ordinary, dear])
    assert unlike > alike


def test_a_thousandfold_bill_never_scores_below_a_tenfold_one() -> None:
    """Beyond the dearest settlement seen, dearer is never less unusual, and tells itself apart."""
    model = fitted()
    base = 2 * max(int(np.exp(model.forest.upper[0])), 1)
    rows = [
        features(settlement(total=base * factor, fund=base * factor * 3 // 5), (), model.baselines)
        for factor in (1, 10, 100, 1_000, 10_000)
    ]
    found = scores(model, rows)
    assert found == sorted(found)
    assert found[3] > found[1]
    assert rows[1][0] == pytest.approx(log(base * 10))
