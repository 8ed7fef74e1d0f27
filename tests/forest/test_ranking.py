"""The order of the review queue: scikit-learn's trees to the digit, tried by institution, used only where it helps."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from detectors.model import Model
from detectors.ranker import Ranker, RankerContent, RankerError
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.ranking import LEAST, BadDispositions, Trial, fit_ranker, read_dispositions
from monitor.records import AlertChange
from monitor.review_queue import queued
from monitor.scoring import RULE, ForestScorer
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.facts import encoded
from tests.forest.claims import data, fitted, random_rows
from tests.forest.test_switch import EARLY, LATE
from topics.alerts import alert_id
from topics.dispositions import DECISIONS

WIDTH = fitted().claims.forest.features


def trial(right: "np.ndarray[tuple[int], np.dtype[np.bool_]]", institutions: int = 12, seed: int = 0) -> Trial:
    """Fit on rows with these labels, dealt out over institutions."""
    rows = random_rows(len(right), WIDTH)
    names = [f"S{number}" for number in range(len(right))]
    dispositions = {alert_id(RULE, "settlement", name, None): bool(one) for name, one in zip(names, right, strict=True)}
    places = [f"H{number % institutions}" for number in range(len(right))]
    return fit_ranker(fitted().claims.forest, rows, names, places, dispositions, seed)


def by_a_feature(count: int = 400) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Found right where one feature is high, of which the score knows nothing."""
    flags: np.ndarray[tuple[int], np.dtype[np.bool_]] = random_rows(count, WIDTH)[:, 4] > 0.4
    return flags


def test_what_reviewers_decide_by_is_learnt() -> None:
    """It beats the score on institutions that it has not seen, and is used; the same twice."""
    found = trial(by_a_feature())
    assert found.ranker is not None
    assert found.precision > 0.9 > found.precision_plain
    assert found.institutions == 12
    again = trial(by_a_feature()).ranker
    assert again is not None
    assert again.content == found.ranker.content


@pytest.mark.parametrize("seed", range(4))
def test_decisions_by_chance_are_not_used(seed: int) -> None:
    """They do not beat the plain score."""
    found = trial(np.random.default_rng(seed).random(300) < 0.4, seed=seed)
    assert (found.ranker, found.why_not) == (None, "")


def test_decisions_by_the_score_are_not_used() -> None:
    """What the score says already needs nothing in its place."""
    scores = fitted().claims.forest.score(random_rows(300, WIDTH))
    assert trial(scores > np.median(scores)).ranker is None


def test_too_few_dispositions_or_institutions_are_said() -> None:
    """The numbers that are needed are; one less is not."""
    some = np.arange(LEAST) % 2 == 0
    assert trial(some).why_not == ""
    assert "at least 40 dispositions" in trial(some[:-1]).why_not
    assert "10 each way" in trial(np.arange(100) < 9).why_not
    assert "at least 5 institutions" in trial(by_a_feature(100), institutions=4).why_not
    assert trial(by_a_feature(100), institutions=5).why_not == ""


def test_the_trees_are_scikit_learns() -> None:
    """The same order and, within a millionth, the same probabilities, whatever the batch."""
    rows = random_rows(500, WIDTH)
    scores = fitted().claims.forest.score(rows)
    columns = np.column_stack([rows, scores.astype(np.float32)]).astype(np.float32)
    labels = by_a_feature(500)
    fit = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(columns, labels)  # type: ignore[no-untyped-call]
    start = float(np.log(labels.mean() / (1 - labels.mean())))
    trees = [estimator.tree_ for estimator in fit.estimators_[:, 0]]
    ranker = Ranker.of(trees, features=WIDTH + 1, start=start, rate=fit.learning_rate)
    found = ranker.priorities(rows, scores)
    assert np.abs(np.array(found) / 1_000_000 - fit.predict_proba(columns)[:, 1]).max() < 1e-4
    assert [ranker.priorities(rows[n : n + 1], scores[n : n + 1])[0] for n in range(50)] == found[:50]


def ranked_model() -> Model:
    """The fitted model with an order of the queue."""
    from dataclasses import replace

    return replace(fitted(), ranker=trial(by_a_feature()).ranker)


def test_a_ranker_travels_in_the_model_file() -> None:
    """To the byte; it makes another version; a tree that goes in a circle is refused."""
    model = ranked_model()
    back = Model.from_bytes(model.to_bytes())
    assert back.ranker is not None
    assert back.to_bytes() == model.to_bytes()
    assert model.version != fitted().version
    content = back.ranker.content
    circle = np.zeros(len(content.left) // 4, "<i4").tobytes()
    with pytest.raises(RankerError, match="circle"):
        Ranker(RankerContent(**{name: getattr(content, name) for name in content.__struct_fields__} | {"left": circle}))


def test_the_order_changes_no_alert() -> None:
    """The alerts are those of the model without it but for its name; each has a priority beside it."""
    found = {}
    for model in (fitted(), ranked_model()):
        changes: list[AlertChange] = []
        run = Backtest(Engine(load_terms(None), 1, "contributions", ForestScorer(model)), on_change=changes.append)
        run.run(place(encoded([EARLY, LATE])))
        of_rule = [one for one in changes if one.alert.rule_id == RULE]
        found[model.version] = [value.replace(model.version.encode(), b"?") for value in run.alerts()]
        assert len(of_rule) == 2
        assert all((one.priority is None) is (model.ranker is None) for one in of_rule)
    assert found[fitted().version] == found[ranked_model().version]


def test_the_queue_is_by_priority_then_by_score() -> None:
    """Those without a priority come after; other rules are not in it."""
    run = Backtest(Engine(load_terms(None), 1, "contributions", ForestScorer(fitted())))
    facts = [EARLY, LATE, LATE | {"setl_id": "S3", "psn_no": "P3", "medfee_sumamt": "900000.00"}]
    run.run(place(encoded(facts)))
    values = [value for value in run.alerts() if b'"outlier-claim"' in value]
    assert len(values) == 3
    plain = queued((value, None) for value in values)
    assert plain[0].alert.about.id == "S3"
    given = {"S3": None, "S1": "0.250000", "S2": "0.900000"}
    named = [(one.value, given[one.alert.about.id]) for one in plain]
    assert [
        one.alert.about.id for one in queued([*named, (values[0].replace(b"outlier-claim", b"hang-bed"), None)])
    ] == [
        "S2",
        "S1",
        "S3",
    ]


def line(number: int, decision: str, at: str) -> bytes:
    given = {
        "jr_id": f"{number:032x}",
        "value_digest": "0" * 16,
        "decision": decision,
        "reason": "",
        "by": "r",
        "at": at,
    }
    return json.dumps(given).encode() + b"\n"


def test_the_latest_disposition_of_an_alert_counts(tmp_path: Path) -> None:
    """By its time, not by its line; what is open again counts for nothing."""
    file = tmp_path / "decided.ndjson"
    early, late = "2026-03-01 10:00:00", "2026-03-01T11:00:00+08:00"
    lines = [line(n, decision, early) for n, decision in enumerate(DECISIONS)]
    lines += [line(7, "confirmed", late), line(7, "dismissed", early), line(8, "confirmed", early), b"\n"]
    lines += [line(8, "in-review", late)]
    file.write_bytes(b"".join(lines))
    expected = {1: False, 2: True, 3: False, 5: True, 6: False, 7: True}
    assert read_dispositions(file) == {f"{n:032x}": right for n, right in expected.items()}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (line(1, "maybe", "2026-03-01 10:00:00"), "decision"),
        (line(1, "confirmed", "yesterday"), "at: not a time"),
        (b'{"jr_id": "1"}\n', "jr_id|missing"),
        (b"nonsense\n", "malformed"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: bytes, says: str) -> None:
    """With the file and the number of the line, and where its form is written."""
    file = tmp_path / "decided.ndjson"
    file.write_bytes(line(0, "confirmed", "2026-03-01 10:00:00") + bad)
    with pytest.raises(BadDispositions, match=f"line 2.*({says}).*schema.json"):
        read_dispositions(file)


def test_training_without_dispositions_is_as_before() -> None:
    """And with some that fit no settlement it says so."""
    from monitor.training import train

    plain = train(data(600))
    told = train(data(600), dispositions={"0" * 32: True})
    assert plain.trial is None
    assert told.trial is not None
    assert (told.trial.given, told.trial.confirmed) == (1, 0)
    assert told.model.to_bytes() == plain.model.to_bytes()
