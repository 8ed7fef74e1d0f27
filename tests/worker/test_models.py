"""Models in a running group: published, switched as of event times, taken back; live is what a backtest says."""

from dataclasses import replace
from pathlib import Path

import pytest

from detectors.forest import SCALE
from detectors.model import Model
from tests.facts import Wire, encoded, settlement, tick
from tests.forest.claims import fitted
from tests.forest.test_ranking import ranked_model
from tests.worker.conftest import MakeSite, Site, StartWorker
from tests.worker.processes import command, done, eventually

pytestmark = pytest.mark.broker

HUGE: Wire = {"medfee_sumamt": "200000.00", "fund_pay_sumamt": "200000.00", "mdtrt_admdvs": "320500"}
EARLY = settlement("S1", psn_no="P1", setl_time="2026-01-24 03:00:00") | HUGE
LATE = settlement("S2", psn_no="P2", setl_time="2026-01-26 03:00:00") | HUGE
LAST_TICK = tick("2026-01-27 00:00:00")

BEGIN = "2026-01-01 00:00:00"
SWITCH = "2026-01-25 00:00:00"


def write_models(folder: Path) -> tuple[Model, Model]:
    """Two models as files `a.model` and `b.model`: the second has a lower threshold."""
    first = fitted()
    second = replace(first, claims=replace(first.claims, thresholds={"": first.claims.thresholds[""] - 1}))
    folder.mkdir()
    (folder / "a.model").write_bytes(first.to_bytes())
    (folder / "b.model").write_bytes(second.to_bytes())
    return first, second


def versions(site: Site, *known: Model) -> dict[str, str]:
    """Settlement of each standing alert -> version that its text names."""
    found = {}
    for alert in site.alerts("outlier-claim"):
        assert alert.vola_cont is not None
        (found[alert.about.id],) = (model.version for model in known if model.version in alert.vola_cont.en)
    return found


def test_a_model_is_switched_and_taken_back_without_a_restart(
    make_site: MakeSite, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Each settlement has the model of its time, told before or after; the alerts are a backtest's to the byte."""
    folder = tmp_path / "models"
    first, second = write_models(folder)
    a, b = first.version, second.version
    site = make_site(2)
    assert "published" in done("models", "publish", str(folder / "a.model"), *site.options)
    assert "already" in done("models", "publish", str(folder / "a.model"), *site.options)
    done("models", "activate", a, "--from", BEGIN, *site.options)
    for fact in (EARLY, LATE):
        site.facts(fact, at=str(fact["setl_time"]))
    site.tick(str(LAST_TICK["tick_time"]))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: versions(site, first, second) == {"S1": a, "S2": a})

    def agrees(*switches: tuple[str, str]) -> bool:
        named = [
            {"type": "model", "role": "active", "version": version, "valid_from": begin} for version, begin in switches
        ]
        file = tmp_path / "facts.ndjson"
        file.write_bytes(b"\n".join(encoded([*named, EARLY, LATE, LAST_TICK])) + b"\n")
        return done("alerts", *site.options) == done("backtest", str(file), "--model", str(folder))

    refused = command("models", "activate", b, "--from", SWITCH, *site.options)
    assert refused.returncode == 1
    assert "models publish" in refused.stderr
    done("models", "publish", str(folder / "b.model"), *site.options)
    done("models", "activate", b, "--from", SWITCH, *site.options)
    eventually(lambda: versions(site, first, second) == {"S1": a, "S2": b})
    assert agrees((a, BEGIN), (b, SWITCH))
    listed = done("models", "list", *site.options)
    assert f"active from {BEGIN}: {a}" in listed
    assert f"active from {SWITCH}: {b}" in listed

    assert b in done("models", "rollback", *site.options)
    eventually(lambda: versions(site, first, second) == {"S1": a, "S2": a})
    assert agrees((a, BEGIN))

    done("models", "activate", "none", "--from", SWITCH, *site.options)
    eventually(lambda: versions(site, first, second) == {"S1": a})
    assert agrees((a, BEGIN), ("none", SWITCH))
    done("models", "rollback", *site.options)
    done("models", "shadow", b, "--from", BEGIN, *site.options)
    eventually(lambda: versions(site, first, second) == {"S1": a, "S2": a})
    eventually(lambda: f'claims_monitor_model_info{{role="shadow",version="{b}"}} 1.0' in worker.get("/metrics")[1])
    text = worker.get("/metrics")[1]
    assert f'claims_monitor_model_info{{role="active",version="{a}"}} 1.0' in text
    assert "claims_monitor_model_missing 0.0" in text
    assert f"claims_monitor_model_threshold_ratio {first.claims.thresholds[''] / SCALE}" in text
    assert worker.stop() == 0


@pytest.mark.prove
def test_the_only_switch_taken_back(make_site: MakeSite, start_worker: StartWorker, tmp_path: Path) -> None:
    """Nothing says what to score with then: no model is missing, and alerts stay until it is said that none scores."""
    folder = tmp_path / "models"
    first, second = write_models(folder)
    site = make_site()
    done("models", "publish", str(folder / "a.model"), *site.options)
    done("models", "activate", first.version, "--from", BEGIN, *site.options)
    site.facts(EARLY, at=str(EARLY["setl_time"]))
    site.tick(str(LAST_TICK["tick_time"]))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: versions(site, first, second) == {"S1": first.version})
    said = done("models", "rollback", *site.options)
    assert f'models activate none --from "{BEGIN}"' in said
    eventually(lambda: 'model_info{role="active"' not in worker.get("/metrics")[1])
    assert "claims_monitor_model_missing 0.0" in worker.get("/metrics")[1]
    assert versions(site, first, second) == {"S1": first.version}
    done("models", "activate", "none", "--from", BEGIN, *site.options)
    eventually(lambda: versions(site, first, second) == {})
    assert worker.stop() == 0


def test_a_model_that_comes_after_the_word_about_it(
    make_site: MakeSite, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Without it nothing is scored, which is told; what was left out is scored when it comes, also after a restart."""
    folder = tmp_path / "models"
    first, second = write_models(folder)
    site = make_site()
    entry = done("models", "activate", first.version, "--from", BEGIN, "--ndjson")
    site.send(("registry.v1", 0, f"model/active/{BEGIN}".encode(), entry.strip().encode(), None))
    site.facts(EARLY, at=str(EARLY["setl_time"]))
    site.tick(str(LAST_TICK["tick_time"]))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: "claims_monitor_model_missing 1.0" in worker.get("/metrics")[1])
    worker.wait_log(f"the registry names model {first.version}, which is not at hand")
    eventually(lambda: f'unscored_settlements_total{{version="{first.version}"}} 1.0' in worker.get("/metrics")[1])
    assert site.alerts("outlier-claim") == []
    assert worker.stop() == 0
    done("models", "publish", str(folder / "a.model"), *site.options)
    start_worker(site.options)
    eventually(lambda: versions(site, first, second) == {"S1": first.version})


def test_a_live_worker_says_the_order_of_the_review_queue(
    make_site: MakeSite, start_worker: StartWorker, tmp_path: Path
) -> None:
    """What the model learnt from reviewers travels beside the alerts, and `models queue` lists them by it."""
    model = ranked_model()
    file = tmp_path / "ranked.model"
    file.write_bytes(model.to_bytes())
    site = make_site()
    for fact in (EARLY, LATE):
        site.facts(fact, at=str(fact["setl_time"]))
    worker = start_worker(site.options, "--model", str(file))
    worker.wait_ready()
    eventually(lambda: versions(site, model) == {"S1": model.version, "S2": model.version})
    listed = done("models", "queue", *site.options).splitlines()
    priorities = [line.split()[0] for line in listed]
    assert sorted(line.split()[2] for line in listed) == ["S1", "S2"]
    assert all(0 < float(priority) <= 1 for priority in priorities)
    assert priorities == sorted(priorities, reverse=True)
    values = done("models", "queue", "--ndjson", *site.options)
    assert sorted(values.splitlines()) == sorted(done("alerts", *site.options).splitlines())
