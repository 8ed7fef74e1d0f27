"""Fitting: reproducible to the byte, a threshold that keeps the budget, clear errors."""

import hashlib
import os
import random
import subprocess
import sys
from math import log

import numpy as np
import pytest

from detectors.claim_features import features, matrix, region_of
from detectors.model import Model, Settings
from monitor.budgets import thresholds
from monitor.fitting import TrainingError
from monitor.model_summary import described
from monitor.training import fit, recalibrated
from monitor.training_tables import LEAST
from tests.forest.claims import FIRST_DAY, NOON, Data, data, fitted, history, history_of, settlement
from topics.times import DAY

SMALL = Settings(trees=20, max_samples=64, hold_out_days=3)


def scores(model: Model, samples: list[tuple[float, ...]]) -> list[int]:
    """Scores of rows."""
    return [int(score) for score in model.claims.forest.score(matrix(samples))]


def test_fitting_twice_gives_the_same_bytes() -> None:
    """In whatever order the settlements come; another seed is another model."""
    samples = history(1_200)
    first = fit(Data(samples), SMALL).to_bytes()
    shuffled = samples.copy()
    random.Random(9).shuffle(shuffled)
    assert fit(Data(shuffled), SMALL).to_bytes() == first
    assert fit(Data(samples), Settings(seed=1, trees=20, max_samples=64, hold_out_days=3)).to_bytes() != first


def test_another_process_fits_the_same_bytes() -> None:
    """With other hashes of strings and another number of threads."""
    program = (
        "import hashlib; from monitor.training import fit; from tests.forest.claims import data;"
        "from tests.forest.test_training import SMALL;"
        "print(hashlib.sha256(fit(data(600), SMALL).to_bytes()).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=os.environ | environment
    )
    assert told.stdout.strip() == hashlib.sha256(fit(data(600), SMALL).to_bytes()).hexdigest()


def test_what_a_model_tells_of_its_data() -> None:
    """Span and counts; the last days are held out."""
    samples = history(1_200)
    model = fit(Data(samples), SMALL)
    last = FIRST_DAY + 19
    held_out = sum(one.settled_at // DAY > last - 3 for one, _ in samples)
    assert (model.first_day, model.last_day) == (FIRST_DAY, last)
    assert (model.claims.counts.fitted, model.claims.counts.held_out) == (1_200 - held_out, held_out)
    assert model.settings.fitted_with.startswith("scikit-learn ")
    text = described(model)
    assert model.version in text
    assert "2026-01-01 to 2026-01-20" in text


@pytest.mark.parametrize("per_10k", [0, 100, 10_000])
def test_the_threshold_keeps_the_budget(per_10k: int) -> None:
    """No more held-out settlements of a region than wanted lie over it; without ties exactly as many."""
    samples = history(3_000)
    model = fit(Data(samples), Settings(trees=20, hold_out_days=5, alerts_per_10k=per_10k))
    held_out = [(one, each) for one, each in samples if one.settled_at // DAY > model.last_day - 5]
    found = scores(model, [features(one, each, model.baselines) for one, each in held_out])
    regions = [region_of(one, each.registry) for one, each in held_out]
    over = [region for score, region in zip(found, regions, strict=True) if score > model.claims.threshold(region)]
    assert len(over) == model.claims.counts.over_threshold
    count = regions.count("320100")
    wanted = min(per_10k * count // 10_000, count - 1)
    assert wanted - 2 <= over.count("320100") <= wanted


def test_a_budget_by_day() -> None:
    """So many alerts a day over the held-out days."""
    model = fit(data(4_000), Settings(trees=50, hold_out_days=4, alerts_per_day=3))
    part = model.claims
    assert part.thresholds.keys() == {"", "320100"}  # 3 % of the settlements lie in the other region: too few
    assert 10 <= part.counts.over_threshold <= 12 + 3 * 4


def test_a_budget_of_a_region() -> None:
    """It holds in that region alone, however few settlements it has."""
    samples = history(4_000)
    plain = fit(Data(samples), Settings(trees=20, hold_out_days=4, alerts_per_day=3)).claims
    some = fit(Data(samples), Settings(trees=20, hold_out_days=4, alerts_per_day=3, regions={"320500": 0})).claims
    assert some.threshold("320100") == plain.threshold("320100")
    assert some.threshold("320500") > plain.threshold("320500") == plain.threshold("")
    assert some.threshold("999999") == some.threshold("")


@pytest.mark.parametrize("wanted", [1, 4])
def test_a_budget_too_small_to_be_read_off_the_rows(wanted: int) -> None:
    """Of 1,000 scores that fall off exponentially so many of 10,000 are wanted: others like them keep to it.

    The highest of 1,000 would be passed by ten of 10,000 on average, and by thirty in one sample of twenty.
    """
    rates = []
    for seed in range(40):
        drawn = np.random.default_rng(seed).exponential(10_000, 1_000).astype(np.int64)
        found = thresholds(drawn, ["320100"] * len(drawn), 7, Settings(alerts_per_10k=wanted))
        assert found["320100"] == found[""] >= drawn.max()
        rates.append(10_000 * np.exp(-found[""] / 10_000))
    assert 0.5 * wanted <= np.median(rates) <= 2 * wanted
    assert max(rates) <= 10 * wanted


def test_a_budget_of_five_rows_is_read_off_them() -> None:
    """With fewer it is not; with a budget of nothing the highest score is the threshold."""
    scores_seen = np.arange(1_000, dtype=np.int64)
    regions = [""] * 1_000
    assert thresholds(scores_seen, regions, 1, Settings(alerts_per_day=5))[""] == 994
    assert thresholds(scores_seen, regions, 1, Settings(alerts_per_day=4))[""] > 995
    assert thresholds(scores_seen, regions, 1, Settings(alerts_per_day=0))[""] == 999


def test_few_to_choose_on_is_told() -> None:
    """The description of the model says so, and what to do; with many it says nothing."""
    assert "few to choose a threshold on" in described(fit(data(600), SMALL))
    many = Settings(trees=20, max_samples=64, hold_out_days=3, alerts_per_10k=2_000)
    assert "few to choose" not in described(fit(data(600), many))


def test_thresholds_chosen_anew() -> None:
    """The same forest and baselines under another name, with the thresholds that the wanted alerts give."""
    model = fit(data(3_000), Settings(trees=20, hold_out_days=4, alerts_per_day=3))
    later = data(3_000, seed=5)
    other = recalibrated(model, later, Settings(alerts_per_day=10))
    assert other.version != model.version
    assert other.settings.recalibrated == model.version
    assert other.last_day == model.last_day
    assert np.array_equal(other.claims.forest.expected, model.claims.forest.expected)
    assert 20 * 10 - 5 <= other.claims.counts.over_threshold <= 20 * 20
    assert (other.claims.counts.fitted, other.claims.counts.held_out) == (model.claims.counts.fitted, 3_000)
    assert f"passed by {other.claims.counts.over_threshold} of 3000 settlements judged" in described(other)
    assert other.claims.threshold("320100") < model.claims.threshold("320100")
    assert recalibrated(model, later, Settings(alerts_per_day=10)).to_bytes() == other.to_bytes()
    with pytest.raises(TrainingError, match="too few"):
        recalibrated(model, data(100), Settings())


def test_the_held_out_days_teach_nothing() -> None:
    """Whatever happens in them changes the threshold alone: not the forest, baselines or percentiles."""
    samples = history(1_500)
    last = FIRST_DAY + 19
    tamed = [(one, each) for one, each in samples if one.settled_at // DAY <= last - 3]
    late = settlement(settled_at=NOON + 19 * DAY, total=10**9, fund=0)
    wild = [*tamed, *((late, history_of(late)) for _ in range(50))]
    model, other = fit(Data(samples), SMALL), fit(Data(wild), SMALL)
    assert model.claims.counts.fitted == other.claims.counts.fitted
    assert np.array_equal(model.claims.forest.expected, other.claims.forest.expected)
    assert np.array_equal(model.claims.grid, other.claims.grid)
    assert model.baselines == other.baselines
    assert model.claims.threshold("") != other.claims.threshold("")


def test_too_few_settlements() -> None:
    """Refused with the number that is needed; that number is enough."""
    with pytest.raises(TrainingError, match=f"255 settlements are too few .* at least {LEAST}"):
        fit(data(LEAST - 1), SMALL)
    model = fit(data(LEAST), SMALL)
    assert (model.claims.counts.fitted, model.claims.counts.held_out) == (LEAST, 0)


def test_nothing_is_held_out_when_too_little_would_be_left() -> None:
    """All settlements are fitted on then, and the threshold is chosen on them."""
    model = fit(data(400, days=2), Settings(trees=10, hold_out_days=7, alerts_per_10k=100))
    assert (model.claims.counts.fitted, model.claims.counts.held_out) == (400, 0)
    assert 1 <= model.claims.counts.over_threshold <= 4


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
        fit(data(300), settings)


def test_progress_is_told() -> None:
    """Each step once, in order, with how many settlements it concerns."""
    told: list[tuple[str, int, int]] = []
    fit(data(600), SMALL, progress=lambda *what: told.append(what))
    assert [what for what, _, _ in told] == ["baselines", "features", "forest"]
    assert told[0][2] == 600


def test_a_feature_that_never_changes_is_no_trouble() -> None:
    """All settlements alike: a model comes out, and what differs from them scores higher."""
    alike_ones = [settlement(id=f"S{place}", visit=f"V{place}", person=f"P{place}") for place in range(300)]
    same = [(one, history_of(one)) for one in alike_ones]
    model = fit(Data(same), SMALL)
    one, huge = settlement(), settlement(total=10**8)
    ordinary = features(one, history_of(one), model.baselines)
    dear = features(huge, history_of(huge), model.baselines)
    alike, unlike = scores(model, [ordinary, dear])
    assert unlike > alike


def test_a_thousandfold_bill_never_scores_below_a_tenfold_one() -> None:
    """Beyond the dearest settlement seen, dearer is never less unusual, and tells itself apart."""
    model = fitted()
    base = 2 * max(int(np.exp(model.claims.forest.upper[0])), 1)
    rows = [
        features(one, history_of(one), model.baselines)
        for factor in (1, 10, 100, 1_000, 10_000)
        for one in [settlement(total=base * factor, fund=base * factor * 3 // 5)]
    ]
    found = scores(model, rows)
    assert found == sorted(found)
    assert found[3] > found[1]
    assert rows[1][0] == pytest.approx(log(base * 10))
