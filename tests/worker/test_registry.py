"""Registry changes that come after the facts they concern."""

from pathlib import Path

import pytest

from tests.facts import at, encoded, quota, settlement, tick
from tests.worker.conftest import MakeSite, StartWorker
from tests.worker.processes import done, eventually

pytestmark = pytest.mark.broker


def test_a_late_quota_is_held_against_the_facts_that_came_before(
    make_site: MakeSite, start_worker: StartWorker, tmp_path: Path
) -> None:
    """The keys are swept: raised with a quota, withdrawn by a larger one, and in the end as a backtest that knew."""
    site = make_site(2)
    facts = [
        settlement(f"S{n}", psn_no=f"P{n}", setl_time=at(15 + n), med_type="21", fund_pay_sumamt="90.00")
        for n in range(4)
    ]
    for fact in facts:
        site.facts(fact, at=str(fact["setl_time"]))
    site.tick(at(20))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: worker.get("/internal/history/institution/H1", "token-of-the-tests")[0] == 200)
    assert site.alerts("quota-progress") == []

    long_ago = "2020-01-01 00:00:00"
    small, large = quota(amount="400.00", valid_from=long_ago), quota(amount="4000.00", valid_from=long_ago)
    site.registry(small, key="quota/H1/2026-03/2020-01-01 00:00:00")
    eventually(lambda: site.about("quota-progress") == {"H1/2026-03"})
    file = tmp_path / "facts.ndjson"
    file.write_bytes(b"\n".join(encoded([small, *facts, tick(at(20))])) + b"\n")
    assert done("alerts", *site.options) == done("backtest", str(file))
    site.registry(large, key="quota/H1/2026-03/2020-01-01 00:00:00")
    eventually(lambda: not site.about("quota-progress"))
    site.registry(small, key="quota/H1/2026-03/2020-01-01 00:00:00")
    eventually(lambda: site.about("quota-progress") == {"H1/2026-03"})
    assert "judging 1 keys again" in worker.log
    assert "2020-01-01 00:00:00, further back than late entries reach" in worker.log


def test_a_change_while_no_worker_ran_is_swept_at_start(make_site: MakeSite, start_worker: StartWorker) -> None:
    """A restart notices what the registry says that its state has not seen."""
    site = make_site()
    site.facts(settlement("S1", setl_time=at(15), med_type="21", fund_pay_sumamt="900.00"), at=at(15))
    site.tick(at(20))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: worker.get("/internal/history/institution/H1", "token-of-the-tests")[0] == 200)
    assert worker.stop() == 0
    site.registry(quota(amount="400.00"), key="quota/H1/2026-03/2026-01-01 00:00:00")
    start_worker(site.options)
    eventually(lambda: site.about("quota-progress") == {"H1/2026-03"})


def test_a_bad_entry_is_left_out_and_counted(make_site: MakeSite, start_worker: StartWorker) -> None:
    """The rest of the registry holds."""
    site = make_site()
    site.registry({"type": "quota"}, {"type": "nothing"}, key="x")
    site.registry(quota(amount="400.00"), key="quota/H1/2026-03/2026-01-01 00:00:00")
    site.facts(settlement("S1", setl_time=at(15), med_type="21", fund_pay_sumamt="900.00"), at=at(15))
    site.tick(at(20))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: site.about("quota-progress") == {"H1/2026-03"})
    text = worker.get("/metrics")[1]
    assert 'claims_monitor_quarantined_records_total{reason="missing-field",topic="registry.v1"} 1.0' in text
