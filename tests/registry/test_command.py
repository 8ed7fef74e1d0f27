"""`claims-monitor registry` on a real broker: load, show, list."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor.commands import registry
from tests.worker.conftest import MakeSite, Site
from topics.catalogue import REGISTRY
from topics.decoding import Decoder

pytestmark = pytest.mark.broker

EXAMPLES = Path(__file__).parents[2] / "examples" / "registry"
INSTITUTIONS = str(EXAMPLES / "institutions.csv")


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site()


def run(site: Site, *arguments: str) -> Result:
    return CliRunner().invoke(registry.app, [*arguments, *site.options], env={"COLUMNS": "160"})


def load(site: Site, *arguments: str) -> str:
    """Load what must go well; gives the summary."""
    ended = run(site, "load", *arguments)
    assert ended.exit_code == 0, ended.output
    return ended.stdout.strip()


def test_only_what_differs_is_written(site: Site, tmp_path: Path) -> None:
    """New and changed entries, each once, under the contract's key; the same file again writes nothing."""
    assert load(site, INSTITUTIONS, "--kind", "institution") == "4 new, 0 changed, 0 unchanged"
    written = site.read(REGISTRY)
    decode = Decoder("registry")
    assert len(written) == 4
    for record in written:
        assert (record.key or b"").decode() == decode(record.value)[0].key
    assert load(site, INSTITUTIONS, "--kind", "institution") == "0 new, 0 changed, 4 unchanged"
    changed = tmp_path / "institutions.csv"
    text = Path(INSTITUTIONS).read_text(encoding="utf-8").replace(",800,", ",801,")
    changed.write_text(text + "H0004,,,1,,,,,,,2026-01-01 00:00:00,\n", encoding="utf-8")
    summary = "1 new, 1 changed, 3 unchanged"
    assert load(site, str(changed), "--kind", "institution", "--dry-run") == f"{summary}; nothing was written"
    assert len(site.read(REGISTRY)) == 4
    assert load(site, str(changed), "--kind", "institution") == summary
    assert len(site.read(REGISTRY)) == 6
    assert load(site, INSTITUTIONS, "--kind", "institution") == "0 new, 1 changed, 3 unchanged"


def test_a_removed_entry_is_new_again(site: Site) -> None:
    """A tombstone of the topic takes it away; a record that holds no entry is left aside."""
    load(site, str(EXAMPLES / "quotas.toml"))
    key = b"quota/H0001/2026Q3/2026-07-01 00:00:00"
    site.send((REGISTRY, 0, key, None, None), (REGISTRY, 0, b"broken", b"{", None))
    assert load(site, str(EXAMPLES / "quotas.toml")) == "1 new, 0 changed, 3 unchanged"


def test_nothing_is_written_while_a_row_is_bad(site: Site, tmp_path: Path) -> None:
    """Every bad row is named; --skip-bad writes the others."""
    path = tmp_path / "quotas.csv"
    rows = ["H1,2026,100,2026-01-01 00:00:00", "H2,2026,1.001,2026-01-01 00:00:00", "H3,20x6,1,2026-01-01 00:00:00"]
    path.write_text("fixmedins_code,period,quota_amt,valid_from\n" + "\n".join(rows), encoding="utf-8")
    refused = run(site, "load", str(path), "--kind", "quota")
    assert refused.exit_code == 1
    assert "quotas.csv line 3, column quota_amt: over-precise" in refused.stderr
    assert "quotas.csv line 4, column period: bad-time" in refused.stderr
    assert "2 bad rows, nothing was written" in refused.stderr
    assert site.read(REGISTRY) == []
    skipped = load(site, str(path), "--kind", "quota", "--skip-bad")
    assert skipped == "1 new, 0 changed, 0 unchanged, 2 bad rows left out"
    assert [record.key for record in site.read(REGISTRY)] == [b"quota/H1/2026/2026-01-01 00:00:00"]


def test_show_follows_time(site: Site) -> None:
    """At each second the entry that holds; --history shows the others too."""
    load(site, INSTITUTIONS, "--kind", "institution")
    before = run(site, "show", "institution/H0002", "--as-of", "2026-06-30 23:59:59")
    assert before.exit_code == 0
    assert "60" in before.stdout.split()
    assert "120" not in before.stdout.split()
    after = run(site, "show", "institution/H0002", "--as-of", "2026-07-01 00:00:00")
    assert "120" in after.stdout.split()
    assert "60" not in after.stdout.split()
    both = run(site, "show", "institution/H0002", "--as-of", "2026-07-01 00:00:00", "--history").stdout
    assert {"60", "120"} <= set(both.split())
    assert both.count("[holds]") == 1
    early = run(site, "show", "institution/H0002", "--as-of", "2025-12-31 23:59:59")
    assert early.exit_code == 1
    assert "nothing under institution/H0002 holds at 2025-12-31 23:59:59; 2 entries do at other times" in early.stderr


def test_show_finds_what_lies_under_a_key(site: Site) -> None:
    """A whole key, or whole parts of its beginning; a part of a code is none."""
    load(site, str(EXAMPLES / "quotas.toml"))
    for key in ("quota/H0001/2026Q3", "quota/H0001", "quota/H0001/2026Q3/2026-07-01 00:00:00"):
        shown = run(site, "show", key, "--as-of", "2026-08-01 00:00:00")
        assert shown.exit_code == 0, shown.output
        assert "12500000" in shown.stdout
        assert "400000" not in shown.stdout
    whole = run(site, "show", "quota", "--as-of", "2026-08-01 00:00:00").stdout
    assert "12500000" in whole
    assert "400000" in whole
    for key in ("quota/H000", "quota/H0009"):
        missing = run(site, "show", key)
        assert missing.exit_code == 1
        assert f"the registry holds nothing under {key}" in missing.stderr
    assert run(site, "show", "quotas/H0001").exit_code == 2
    assert run(site, "show", "quota/H0001", "--as-of", "yesterday").exit_code == 2


def test_list_gives_back_what_load_took(site: Site, tmp_path: Path) -> None:
    """--ndjson can be loaded again; --kind leaves the others out; no person's number is shown in a table."""
    physician = tmp_path / "physician.csv"
    header = "fixmedins_code,dr_codg,status,psn_no,valid_from\n"
    physician.write_text(f"{header}H0001,DR1,registered,P777,2026-01-01 00:00:00\n", encoding="utf-8")
    load(site, str(EXAMPLES / "quotas.toml"))
    load(site, str(physician), "--kind", "physician")
    table = run(site, "list")
    assert "5 entries" in table.stdout
    assert "physician/H0001/DR1" in table.stdout
    assert "P777" not in table.stdout
    assert "P777" not in run(site, "show", "physician/H0001").stdout
    only = run(site, "list", "--kind", "quota").stdout
    assert "2 entries" in only
    assert "agreement" not in only
    saved = tmp_path / "saved.ndjson"
    saved.write_text(run(site, "list", "--ndjson").stdout, encoding="utf-8")
    assert load(site, str(saved)) == "0 new, 0 changed, 5 unchanged"


def test_topics_that_do_not_exist(site: Site) -> None:
    """One line that says what to do."""
    ended = CliRunner().invoke(
        registry.app, ["list", "-b", site.connection.bootstrap_servers, "--prefix", "nowhere."], env={"COLUMNS": "160"}
    )
    assert ended.exit_code == 1
    assert "topic nowhere.registry.v1 does not exist; create it" in ended.stderr


def test_usage_errors_need_no_broker(tmp_path: Path) -> None:
    """Files are read before anyone is asked: exit code 2 at once."""
    ended = CliRunner().invoke(
        registry.app, ["load", str(tmp_path / "none.csv"), "--kind", "quota", "-b", "127.0.0.1:9"]
    )
    assert ended.exit_code == 2
    assert "none.csv" in ended.stderr
