"""Switching models as of an event time: each settlement is scored by the model of its time, whenever it is told so."""

from dataclasses import replace

from detectors.findings import Span
from detectors.model import Model
from detectors.model_set import ModelSet
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.models import Assembled, pieces
from monitor.scoring import ForestScorer
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.facts import Wire, encoded, settlement
from tests.forest.claims import fitted
from topics.alerts import decode
from topics.registry import Registry, ScoringModel

HUGE: Wire = {"medfee_sumamt": "200000.00", "fund_pay_sumamt": "200000.00", "mdtrt_admdvs": "320500"}
EARLY = settlement("S1", psn_no="P1", setl_time="2026-01-24 03:00:00") | HUGE
LATE = settlement("S2", psn_no="P2", setl_time="2026-01-26 03:00:00") | HUGE


def other() -> Model:
    """The same forest with a lower threshold: another version."""
    return replace(fitted(), claims=replace(fitted().claims, thresholds={"": 1}))


def switch(version: str, begin: str = "2026-01-25 00:00:00", role: str = "active") -> Wire:
    return {"type": "model", "role": role, "version": version, "valid_from": begin}


def run(*objects: Wire, models: ModelSet | None = None) -> tuple[list[bytes], ForestScorer]:
    """The standing outlier alerts, and what scored them."""
    scorer = ForestScorer(ModelSet(fitted(), {other().version: other()}) if models is None else models)
    test = Backtest(Engine(load_terms(None), 1, "contributions", scorer))
    test.run(place(encoded(objects)))
    return [value for value in test.alerts() if decode(value).rule_id == "outlier-claim"], scorer


def by_version(alerts: list[bytes]) -> dict[str, str]:
    """Settlement -> version in its text."""
    found = {}
    for alert in map(decode, alerts):
        assert alert.vola_cont is not None
        found[alert.about.id] = fitted().version if fitted().version in alert.vola_cont.en else other().version
    return found


def test_each_settlement_is_scored_by_the_model_of_its_time() -> None:
    """From valid_from on the new one."""
    alerts, _ = run(switch(other().version), EARLY, LATE)
    assert by_version(alerts) == {"S1": fitted().version, "S2": other().version}


def test_a_switch_that_comes_late_gives_the_same_alerts() -> None:
    """To the byte, whether it was known from the start or came after the facts."""
    first, _ = run(switch(other().version), EARLY, LATE)
    assert run(EARLY, LATE, switch(other().version))[0] == first
    assert run(LATE, switch(other().version), EARLY)[0] == first


def test_switched_off_nothing_stands() -> None:
    """From that time on."""
    assert by_version(run(switch("none"), EARLY, LATE)[0]) == {"S1": fitted().version}


def test_a_model_that_is_not_at_hand_leaves_alerts_as_they_are() -> None:
    """Scoring stops from its time on; what stood stands, and what was not scored is counted."""
    before, _ = run(EARLY, LATE)
    after, scorer = run(EARLY, LATE, switch("2026-01-20-00000000"))
    assert after == before
    missing, scorer = run(switch("2026-01-20-00000000"), EARLY, LATE)
    assert by_version(missing) == {"S1": fitted().version}
    assert scorer.watch.unscored == {"2026-01-20-00000000": 1}


def test_a_model_that_is_named_while_none_is_at_hand_is_missed() -> None:
    """A worker without any model counts what it does not score, too."""
    alerts, scorer = run(switch("2026-01-20-00000000"), EARLY, LATE, models=ModelSet())
    assert alerts == []
    assert scorer.watch.unscored == {"no model": 1, "2026-01-20-00000000": 1}


def test_a_model_is_missing_only_while_it_is_named() -> None:
    """Not before the time from which it is named, nor for one in the shadow that is at hand, nor for none."""
    models = ModelSet(loaded={other().version: other()})
    models.registry = Registry()
    models.registry.put(ScoringModel(valid_from=0, role="shadow", version=other().version))
    assert not models.lacks(99)
    models.registry.put(ScoringModel(valid_from=100, role="active", version="2026-01-20-00000000"))
    assert (models.lacks(99), models.lacks(100)) == (False, True)
    models.registry.put(ScoringModel(valid_from=200, role="active", version="none"))
    assert (models.lacks(199), models.lacks(200)) == (True, False)


def test_without_any_model_the_rule_is_quiet() -> None:
    assert run(EARLY, LATE, models=ModelSet())[0] == []


def test_a_candidate_in_the_shadow_counts_and_changes_nothing() -> None:
    """Alerts are those of the active model; the candidate's are counted beside them."""
    plain, _ = run(EARLY, LATE)
    shadowed, scorer = run(
        switch(other().version, role="shadow"),
        EARLY,
        LATE,
        settlement("S3", psn_no="P3", setl_time="2026-01-26 10:00:00"),
    )
    assert shadowed == plain
    assert scorer.watch.compared == {(other().version, True, True): 1, (other().version, False, True): 1}


def test_spans_are_cut_at_switches() -> None:
    """Both ends belong to their parts; parts without a model at hand are left out."""
    models = ModelSet(fitted())
    models.registry = Registry()
    models.registry.put(ScoringModel(valid_from=100, role="active", version="missing"))
    models.registry.put(ScoringModel(valid_from=200, role="active", version="none"))
    assert list(models.parts(Span(0, 300))) == [Span(0, 99), Span(200, 300)]
    assert list(models.parts(Span(100, 199))) == []
    assert list(models.parts(Span(99, 99))) == [Span(99, 99)]


def test_a_model_in_pieces_comes_together_in_any_order() -> None:
    """Damaged pieces are told and give no model; a tombstone takes it away."""
    model = fitted()
    data = model.to_bytes()
    cut = len(data) // 2
    records = [(f"{model.version}/1/2", data[cut:]), (f"{model.version}/0/2", data[:cut])]
    held = Assembled()
    assert held.take(records[0][0].encode(), records[0][1], 4) is None
    assert held.take(records[1][0].encode(), records[1][1], 7) == model.version
    assert held.completed == {model.version: 7}
    assert held.models[model.version].to_bytes() == data
    assert held.take(records[0][0].encode(), None, 9) == model.version
    assert held.models == {}
    spoilt = Assembled()
    for key, value in pieces(model):
        spoilt.take(key.encode(), value[:-1] + b"?", 1)
    assert "damaged" in spoilt.problems[model.version]
    assert spoilt.take(b"nonsense", b"", 1) is None
