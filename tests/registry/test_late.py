"""Entries that are loaded after the facts they concern."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.commands import registry
from tests.facts import at, settlement
from tests.worker.conftest import MakeSite, StartWorker
from tests.worker.processes import eventually

pytestmark = pytest.mark.broker


def test_a_quota_loaded_late_raises_the_alert_that_waited_for_it(
    make_site: MakeSite, start_worker: StartWorker, tmp_path: Path
) -> None:
    """The worker judges the facts it has again: over the quota by a fen there is an alert, within it there is none."""
    site = make_site()
    worker = start_worker(site.options)
    worker.wait_ready()
    for number, institution in enumerate(("H1", "H2")):
        stay = settlement(f"S{number}", med_type="21", fixmedins_code=institution, fund_pay_sumamt="3100.01")
        site.facts(stay, at=at(0, "09:10:00"))
    site.tick(at(0, "09:20:00"))
    # each person's settlement of that hour is known before the quotas come
    repeated = [settlement(f"R{number}", psn_no="P2") for number in range(4)]
    site.facts(*repeated, at=at(0, "09:30:00"))
    eventually(lambda: site.alerts("repeat-visits"))
    assert site.alerts("quota-exhausted") == []
    quotas = tmp_path / "quotas.csv"
    rows = "H1,2026-03,3100,2026-01-01 00:00:00\nH2,2026-03,3100.01,2026-01-01 00:00:00\n"
    quotas.write_text("fixmedins_code,period,quota_amt,valid_from\n" + rows, encoding="utf-8")
    loaded = CliRunner().invoke(registry.app, ["load", str(quotas), "--kind", "quota", *site.options])
    assert loaded.exit_code == 0, loaded.output
    eventually(lambda: site.alerts("quota-exhausted"))
    assert site.about("quota-exhausted") == {"H1/2026-03"}
