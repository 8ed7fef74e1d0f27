"""Live topics: the broker's clock is "now", and workers make time pass where no fact comes."""

from pathlib import Path

import msgspec
import pytest

from monitor.terms_files import default_text
from tests.facts import quota, settlement
from tests.worker.conftest import MakeSite, StartWorker, now
from tests.worker.processes import eventually
from topics.catalogue import CLAIMS, INSTITUTIONS, dead_letters

pytestmark = pytest.mark.broker


def test_ticks_make_time_pass(make_site: MakeSite, start_worker: StartWorker, tmp_path: Path) -> None:
    """One fact, no other ever: the quota is judged because ticks reach every partition of both topics."""
    text = default_text()
    terms = tmp_path / "terms.toml"
    terms.write_text(text.replace('begin = "25 %"', 'begin = "0 %"', 1), encoding="utf-8")
    assert terms.read_text(encoding="utf-8") != text
    site = make_site(2, record_time="append")
    time = now(-60)
    fact = settlement(setl_time=time, med_type="21", fund_pay_sumamt="900.00")
    # the producer's own time would be far too late: it does not count
    site.send((CLAIMS, None, b"P1", msgspec.json.encode(fact), 0))
    site.registry(quota(amount="31.00", period=time[:7], valid_from="2020-01-01 00:00:00"), key="quota/H1")
    worker = start_worker(site.options, "--terms", str(terms))
    worker.wait_ready()
    eventually(lambda: site.about("quota-progress") == {f"H1/{time[:7]}"})
    for topic in (CLAIMS, INSTITUTIONS):
        ticks = [record for record in site.read(topic) if b'"tick"' in (record.value or b"")]
        assert {record.partition for record in ticks} == {0, 1}
    assert site.read(dead_letters(CLAIMS)) == []
    watermarks = [line for line in worker.get("/metrics")[1].splitlines() if "watermark_timestamp_seconds{" in line]
    assert watermarks
    assert all(float(line.rpartition(" ")[2]) > 0 for line in watermarks)


def test_replay_topics_get_no_ticks(make_site: MakeSite, start_worker: StartWorker) -> None:
    """Their time comes with the data; the wall clock would make all of it late."""
    site = make_site()
    worker = start_worker(site.options)
    worker.wait_ready()
    site.facts(*(settlement(f"S{n}") for n in range(4)), at="2026-03-02 10:00:00")
    eventually(lambda: worker.get("/internal/history/person/P1", "token-of-the-tests")[0] == 200)
    assert [record for record in site.read(CLAIMS) if b'"tick"' in (record.value or b"")] == []
