"""The threshold of outlier-claim belongs to the model, and is over strictly."""

from dataclasses import replace

from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.scoring import ForestScorer
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.detectors.cases.outlier_claim import MODEL, ORDINARY
from tests.facts import encoded, identity
from topics.alerts import decode


def outliers(threshold: int) -> dict[str, str]:
    """Observed scores of the settlements over a threshold."""
    model = replace(MODEL(), claims=replace(MODEL().claims, thresholds={"": threshold}))
    test = Backtest(Engine(load_terms(None), 1, "contributions", ForestScorer(model)))
    test.run(place(encoded([ORDINARY])))
    alerts = [decode(value) for value in test.alerts()]
    return {identity(alert)[2]: alert.evidence.observed for alert in alerts if alert.evidence is not None}


def test_a_score_at_the_threshold_is_quiet() -> None:
    """A score equal to the threshold is usual; one unit over it is an outlier."""
    shown = outliers(-(10**9))["S1"]
    score = (
        next(score for score in range(10**7) if score == round(float(shown) * 10**6)) if "." in shown else int(shown)
    )
    assert outliers(score) == {}
    assert outliers(score - 1) == {"S1": shown}
