"""Workers of one group judge alike: terms, model and schema of the state; and how a group moves on."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from monitor.state import META, VERSION, Meta
from monitor.terms_files import default_text, load_terms
from monitor.worker.agreement import Agreement, AgreementError
from monitor.worker.owners import agreement_of, client_id, members, url_of
from tests.facts import Wire, alerts, at, settlement
from tests.worker.conftest import GROUP, MakeSite, Site, StartWorker, times
from tests.worker.processes import ROOT, WorkerProcess, environment, eventually
from topics.alerts import encode
from topics.catalogue import CLAIMS, person_changelog

REFUSED = 78
OLD_DAY, CHANGE, NEW_DAY = "2026-03-02", "2026-03-05 00:00:00", "2026-03-09"


def visits(person: str, day: str, count: int) -> list[Wire]:
    """Visits of one day."""
    return [
        settlement(f"{person}-{n}", psn_no=person, mdtrt_id=f"V{person}-{n}", setl_time=time)
        for n, time in enumerate(times(day, count))
    ]


OLD = visits("P1", OLD_DAY, 4) + visits("P2", OLD_DAY, 6)
NEW = visits("P3", NEW_DAY, 4) + visits("P4", NEW_DAY, 6)


def edited(valid_from: str | None) -> str:
    """The default terms with six visits a day instead of four, and another version number."""
    text = default_text().replace("version = 1\n", "version = 2\n", 1)
    begin = text.index("[rules.repeat-visits")
    head, tail = text[:begin], text[begin:]
    changed = tail.replace("visits = 4", "visits = 6", 1)
    assert changed != tail
    line = "" if valid_from is None else f'valid_from = "{valid_from}"\n'
    return line + head + changed


@pytest.fixture
def terms(tmp_path: Path) -> tuple[Path, Path]:
    """A file that differs from the default, and a folder with the default and a later version."""
    other = tmp_path / "other.toml"
    other.write_text(edited(None), encoding="utf-8")
    folder = tmp_path / "terms"
    folder.mkdir()
    (folder / "1.toml").write_text(default_text(), encoding="utf-8")
    (folder / "2.toml").write_text(edited(CHANGE), encoding="utf-8")
    return other, folder


def test_what_a_client_id_carries() -> None:
    """Address and agreement come back; a client id of other software carries neither."""
    agreement = Agreement.of(load_terms(None), "2026-11-20-3f2a91bc")
    carried = client_id("http://worker-1:8080", agreement)
    assert url_of(carried) == "http://worker-1:8080"
    found = agreement_of(carried)
    assert found is not None
    agreement.check_member(found, "there")
    assert (found.schema, len(found.terms)) == (VERSION, 1)
    assert agreement_of(client_id("http://worker-1:8080")) is None
    assert agreement_of("rdkafka") is None


@pytest.mark.parametrize(
    ("mine", "theirs", "says"),
    [
        (Agreement(("a",)), Agreement(("a",)), None),
        (Agreement(("a", "b")), Agreement(("a",)), None),
        (Agreement(("a",)), Agreement(("a", "b")), "other terms"),
        (Agreement(("b", "a")), Agreement(("a",)), "other terms"),
        (Agreement(("a",), "m"), Agreement(("a",), "n"), "another model"),
        (Agreement(("a", "b"), "m"), Agreement(("a",)), "other terms and another model"),
        (Agreement(("a",), schema=3), Agreement(("a",), schema=2), None),
        (Agreement(("a",), schema=2), Agreement(("a",), schema=3), "schema version 3"),
    ],
)
def test_who_may_work_beside_whom(mine: Agreement, theirs: Agreement, says: str | None) -> None:
    """Equal, or with later versions of the terms added; an older version of the software not beside a newer one."""
    if says is None:
        mine.check_member(theirs, "there")
    else:
        with pytest.raises(AgreementError, match=says):
            mine.check_member(theirs, "there")


@pytest.mark.parametrize(
    ("before", "adopt", "accepted", "swept"),
    [
        (Agreement(("a", "b")), False, True, False),
        (Agreement(("a",)), False, True, True),
        (Agreement(("b",)), False, False, False),
        (Agreement(("a", "b", "c")), False, False, False),
        (Agreement(("a", "b"), "m"), False, False, False),
        (Agreement(("a", "b"), "m"), True, True, True),
        (None, False, True, False),
    ],
)
def test_whose_partitions_are_taken_over(before: Agreement | None, *, adopt: bool, accepted: bool, swept: bool) -> None:
    """Equal ones as they are, those that lack later versions with a sweep, others when told to, new ones at once."""
    mine = Agreement(("a", "b"))
    meta = Meta()
    if before is not None:
        before.take_over(meta, "persons-0", adopt=False)
        meta.offsets[CLAIMS] = 3
    if accepted:
        mine.take_over(meta, "persons-0", adopt=adopt)
        assert (meta.judged != meta.agreed) == swept
    else:
        with pytest.raises(AgreementError, match="--adopt"):
            mine.take_over(meta, "persons-0", adopt=adopt)


def played(site: Site) -> Callable[..., list[bytes]]:
    """Write the facts; gives what a backtest of them with given terms says."""
    site.facts(*OLD, at=at(0, "12:00:00"))
    site.facts(*NEW, at=f"{NEW_DAY} 12:00:00")

    @cache
    def expected(terms: Path | None = None) -> list[bytes]:
        return [encode(alert) for alert in alerts(OLD + NEW, terms=load_terms(terms))]

    return expected


def standing(site: Site) -> list[bytes]:
    """The standing alerts, to the byte."""
    return [encode(alert) for alert in sorted(site.alerts(), key=lambda alert: alert.jr_id)]


@pytest.mark.broker
def test_other_terms_are_refused_until_all_workers_have_stopped_and_they_are_adopted(
    make_site: MakeSite, start_worker: StartWorker, terms: tuple[Path, Path]
) -> None:
    """Beside a running worker never; on its state only with --adopt, which judges all of it again."""
    site = make_site()
    expected = played(site)
    other, _ = terms
    first = start_worker(site.options)
    first.wait_ready()
    eventually(lambda: standing(site) == expected())
    beside = start_worker(site.options, "--terms", str(other), "--adopt", data="beside")
    assert beside.ends() == REFUSED
    assert "judges with other terms than this one (default-2:" in beside.log
    assert first.ready()
    assert first.stop() == 0
    alone = start_worker(site.options, "--terms", str(other))
    assert alone.ends() == REFUSED
    assert "was judged with other terms (default-1:" in alone.log
    assert "starting it again" not in alone.log
    assert "Traceback" not in alone.log
    assert standing(site) == expected()
    adopting = start_worker(site.options, "--terms", str(other), "--adopt")
    adopting.wait_ready()
    eventually(lambda: standing(site) == expected(other))
    assert adopting.stop() == 0
    assert expected() != expected(other)


@pytest.mark.broker
def test_terms_in_force_from_later_on_are_taken_up_worker_by_worker(
    make_site: MakeSite, start_worker: StartWorker, terms: tuple[Path, Path]
) -> None:
    """Facts of before keep alerts and terms_id, those of since are judged again; then the old set is refused."""
    site = make_site(partitions=2)
    expected = played(site)
    _, folder = terms
    first = start_worker(site.options, data="first")
    first.wait_ready()
    eventually(lambda: standing(site) == expected())
    before = {alert.about.id: alert.terms_id for alert in site.alerts("repeat-visits")}
    second = start_worker(site.options, "--terms", str(folder), data="second")
    second.wait_ready()
    assert first.stop() == 0
    eventually(lambda: standing(site) == expected(folder), 60)
    since = {alert.about.id: alert.terms_id for alert in site.alerts("repeat-visits")}
    assert {about: since[about] for about in ("P1-0", "P2-0")} == {about: before[about] for about in ("P1-0", "P2-0")}
    assert "P3-0" in before
    assert "P3-0" not in since
    assert since["P4-0"] != before["P4-0"]
    again = start_worker(site.options, data="first")
    assert again.ends() == REFUSED
    assert "judges with other terms" in again.log
    assert second.stop() == 0


class OtherVersion(WorkerProcess):
    """A worker whose software has another version of the state's schema; without the parent."""

    def __init__(self, version: int, arguments: list[str], log: Path) -> None:
        self.log_file = log
        program = ROOT / "tests" / "worker" / "other_version.py"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(program), str(version), *arguments, "--child"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                process_group=0,
            )


@pytest.mark.broker
def test_two_versions_of_the_software_in_one_group(
    make_site: MakeSite, start_worker: StartWorker, tmp_path: Path
) -> None:
    """A rolling upgrade: the newer joins, both work, the older leaves; it cannot come back, and nothing is lost."""
    site = make_site(partitions=2)
    expected = played(site)
    newer_version = VERSION + 1
    arguments = ["worker", *site.options, "--group", GROUP, "--data", str(tmp_path / "newer")]
    older = start_worker(site.options, data="older")
    older.wait_ready()
    eventually(lambda: standing(site) == expected(), 60)
    assert _versions(site) == {VERSION}
    newer = OtherVersion(newer_version, arguments, tmp_path / "newer.log")
    try:
        newer.wait_ready()
        eventually(lambda: _owners(site) == 2, 60)
        site.facts(*visits("P5", NEW_DAY, 5), at=f"{NEW_DAY} 13:00:00")
        eventually(lambda: "P5-0" in site.about("repeat-visits"), 60)
        assert older.stop() == 0
        eventually(lambda: _versions(site) == {newer_version}, 60)
        site.facts(*visits("P6", NEW_DAY, 5), at=f"{NEW_DAY} 14:00:00")
        eventually(lambda: "P6-0" in site.about("repeat-visits"), 60)
        back = start_worker(site.options, data="older")
        assert back.ends(60) == REFUSED
        assert f"schema version {newer_version}, this software reads up to {VERSION}" in back.log
        assert newer.stop() == 0
    finally:
        newer.clear()
    alone = start_worker(site.options, data="older")
    assert alone.ends(60) == REFUSED
    assert f"the stored state has schema version {newer_version}" in alone.log


def _owners(site: Site) -> int:
    owned = asyncio.run(members(site.connection, site.prefix + GROUP))
    return sum(bool(parts) for parts in owned.values())


def _versions(site: Site) -> set[int]:
    """Schema versions that the persons' partitions have in the changelog."""
    latest = {r.partition: r.value for r in site.read(person_changelog(GROUP)) if r.key == META}
    versions = set()
    for value in latest.values():
        assert value is not None
        versions.add(msgspec.msgpack.decode(value)[0])  # one of newer software is refused by `read_meta`
    return versions
