"""`claims-monitor dlq`: quarantined records are looked at, mended, and judged as normal late facts."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.facts import at, line, settlement
from tests.worker.conftest import GROUP, MakeSite, Site, StartWorker, record_ms, times
from tests.worker.processes import TOKEN, WorkerProcess, command, done, eventually
from topics.catalogue import CLAIMS, INSTITUTIONS, dead_letters

pytestmark = pytest.mark.broker

NOON = record_ms(at(0, "12:00:00"))


def dlq(site: Site, verb: str, *arguments: str) -> str:
    return done("dlq", verb, *arguments, *site.options)


def records(worker: WorkerProcess, topic: str = CLAIMS) -> dict[str, int]:
    """Records of a topic by the account of all partitions; the account adds up."""
    total: dict[str, int] = {}
    for part in worker.get("/internal/account?recount=1", TOKEN)[1]["partitions"]:
        assert part["balanced"], part["differences"]
        for name, count in part["records"].get(topic, {}).items():
            total[name] = total.get(name, 0) + count
    return total


def test_show_mend_redrive(make_site: MakeSite, start_worker: StartWorker, tmp_path: Path) -> None:
    """A burst of four visits, one of them broken: raised once the mended one is back, with it as evidence."""
    site = make_site(2)
    visits = [settlement(f"S{n}", setl_time=time) for n, time in enumerate(times("2026-03-02", 4))]
    site.facts(*visits[:3], visits[3] | {"pay_way": "barter"}, settlement("X", setl_time=None), at=at(0, "12:00:00"))
    site.facts(settlement("late", setl_time=at(-40)), at=at(0, "12:00:01"))
    worker = start_worker(site.options)
    worker.wait_ready()
    eventually(lambda: len(site.read(dead_letters(CLAIMS))) == 3)
    assert site.about("repeat-visits") == set()

    listed = dlq(site, "list")
    for reason in ("bad-code", "missing-field", "too-late"):
        assert reason in listed
    assert "P1" not in listed
    assert dlq(site, "list", "--topic", INSTITUTIONS) == "no quarantined records like that\n"
    assert len(dlq(site, "show", "--limit", "2").splitlines()) == 2
    shown = dlq(site, "show", "--reason", "bad-code", "--reason", "missing-field")
    lines = [json.loads(text) for text in shown.splitlines()]
    assert [each["reason"] for each in lines] == ["bad-code", "missing-field"]
    lines[0]["value"]["pay_way"] = "service"
    file = tmp_path / "letters.ndjson"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")

    before = len(site.read(CLAIMS))
    refused = command("dlq", "redrive", "--from", str(file), "--dry-run", *site.options)
    assert refused.returncode == 1
    assert refused.stdout == f"1 would be sent to {site.prefix}{CLAIMS}\n"
    assert "missing-field: setl_time" in refused.stderr
    assert "1 cannot be sent: still no facts" in refused.stderr
    assert len(site.read(CLAIMS)) == before
    file.write_text(json.dumps(lines[0]) + "\n", encoding="utf-8")
    assert dlq(site, "redrive", "--from", str(file)) == f"1 sent to {site.prefix}{CLAIMS}\n"
    eventually(lambda: site.about("repeat-visits") == {"S0"})
    assert set(site.evidence("repeat-visits")) == {4}
    returned = next(record for record in site.read(CLAIMS) if dict(record.headers).get("redriven_from"))
    assert (returned.key, returned.timestamp) == (b"P1", record_ms(at(0, "12:00:01"))), "it comes after what is there"

    assert dlq(site, "redrive", "--from", str(file)) == f"1 sent to {site.prefix}{CLAIMS}\n"
    assert dlq(site, "redrive", "--reason", "too-late") == f"1 sent to {site.prefix}{CLAIMS}\n"
    eventually(lambda: len(site.read(dead_letters(CLAIMS))) == 4)
    eventually(lambda: records(worker)["read"] == 9)
    found = records(worker)
    assert (found["admitted"], found["quarantined"]) == (5, 4)
    assert set(site.evidence("repeat-visits")) == {4}, "twice is once"


def test_bad_arguments(make_site: MakeSite, tmp_path: Path) -> None:
    """Each says what to do; nothing is sent without saying which letters."""
    site = make_site()
    file = tmp_path / "letters.ndjson"
    file.write_text('{"letter": 1}\n', encoding="utf-8")
    for arguments, told in (
        (["redrive"], "say which letters"),
        (["redrive", "--from", str(file)], "letters.ndjson line 1: no line of `dlq show`"),
        (["redrive", "--from", str(tmp_path / "none")], "none"),
        (["list", "--topic", "alerts.v1"], "there are claims.facts.v1"),
        (["show", "--reason", "bad"], "there are broken-json"),
        (["show", "--since", "yesterday"], "yesterday"),
    ):
        ended = command("dlq", *arguments, *site.options)
        assert (ended.returncode, told in " ".join(ended.stderr.split())) == (2, True), ended.stderr
    assert done("dlq", "redrive", "--all", *site.options) == "nothing to send\n"
    missing = command("dlq", "list", "-b", site.connection.bootstrap_servers, "--prefix", "nowhere.")
    assert missing.returncode == 1
    assert "is --prefix right?" in missing.stderr


POISON = 10_000


def test_ten_thousand_poison_records_in_a_row(make_site: MakeSite, start_worker: StartWorker) -> None:
    """Without the limit all are put aside, and both partitions go on; with it the partition pauses until told."""
    site = make_site(2)
    mine = next(f"P{n}" for n in range(20) if site.partition(f"P{n}") == 0)
    others = next(f"P{n}" for n in range(20) if site.partition(f"P{n}") == 1)

    def visits(person: str) -> list[tuple[str, int, bytes, bytes, int]]:
        return [
            (CLAIMS, site.partition(person), person.encode(), msgspec.json.encode(wire), NOON)
            for wire in (
                settlement(f"{person}-{n}", psn_no=person, setl_time=time, lines=[line()])
                for n, time in enumerate(times("2026-03-02", 4))
            )
        ]

    poison = [(CLAIMS, 0, b"P", b'{"type":"settlement","setl_id":"%d"}' % n, NOON) for n in range(POISON)]
    site.send(*visits(mine)[:2], *poison, *visits(mine)[2:], *visits(others))
    worker = start_worker(site.options, "--no-quarantine-limit")
    worker.wait_ready()
    eventually(lambda: {alert.psn_no for alert in site.alerts("repeat-visits")} == {mine, others}, 120)
    found = records(worker)
    assert (found["read"], found["admitted"], found["quarantined"]) == (POISON + 8, 8, POISON)
    letters = site.read(dead_letters(CLAIMS))
    assert sorted(letter.value or b"" for letter in letters) == sorted(record[3] for record in poison)
    assert worker.stop() == 0

    site.send(*poison, *visits(mine))
    again = start_worker(site.options)
    again.wait_ready()
    again.wait_log(r"partition 0 is paused", 90)
    paused = {(unit["stage"], unit["partition"]): unit["paused"] for unit in again.get("/ready")[1]["partitions"]}
    assert paused["persons", 0] == [site.prefix + CLAIMS]
    assert paused["persons", 1] == []
    resume = ["worker", "resume", CLAIMS, *site.options, "--group", GROUP]
    done(*resume)

    def all_read() -> bool:
        command(*resume)  # it pauses again wherever the limit is passed again
        return records(again)["read"] == 2 * POISON + 12

    eventually(all_read, 120)
    assert records(again)["quarantined"] == 2 * POISON
