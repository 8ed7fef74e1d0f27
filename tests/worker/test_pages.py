"""Health, readiness, metrics and the internal endpoints of two workers that share the partitions."""

import asyncio
from collections.abc import Iterator

import pytest

from monitor.broker.server import EmbeddedBroker
from monitor.connection import Connection
from monitor.topic_admin import create
from tests.facts import at, settlement
from tests.worker.conftest import GROUP, Site, times
from tests.worker.processes import TOKEN, WorkerProcess, eventually
from topics.catalogue import CLAIMS, all_topics

pytestmark = pytest.mark.broker

PARTITIONS = 4
PERSONS = [f"P{number}" for number in range(12)]


@pytest.fixture(scope="module")
def site(broker: EmbeddedBroker) -> Site:
    """Topics with a few facts of several persons."""
    connection = Connection(broker.bootstrap_servers)
    asyncio.run(create(connection, all_topics(GROUP), prefix="pages.", record_time="create", partitions=PARTITIONS))
    site = Site(connection, "pages.", PARTITIONS)
    for person in PERSONS:
        visits = [
            settlement(f"{person}-{n}", psn_no=person, setl_time=time) for n, time in enumerate(times("2026-03-02", 4))
        ]
        site.facts(*visits, at=at(0, "10:00:00"))
    return site


@pytest.fixture(scope="module")
def workers(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[WorkerProcess]]:
    """Two workers that have judged all of it."""
    folder = tmp_path_factory.mktemp("workers")
    started = [
        WorkerProcess(
            ["worker", *site.options, "--group", GROUP, "--data", str(folder / f"data-{number}")],
            folder / f"worker-{number}.log",
        )
        for number in range(2)
    ]
    for worker in started:
        worker.wait_ready()
    eventually(lambda: all(_owned(worker) and worker.ready() for worker in started), 60)
    eventually(lambda: len(site.alerts("repeat-visits")) == len(PERSONS))
    yield started
    for worker in started:
        worker.process.terminate()
    for worker in started:
        worker.clear()


def _owned(worker: WorkerProcess) -> set[int]:
    shown = worker.get("/ready")[1]["partitions"]
    return {unit["partition"] for unit in shown if unit["stage"] == "persons"}


def _sum(texts: list[str], metric: str, label: str) -> float:
    lines = [line for text in texts for line in text.splitlines() if line.startswith(metric + "{") and label in line]
    return sum(float(line.partition(" # ")[0].rpartition(" ")[2]) for line in lines)  # an exemplar may follow


def test_ready_and_healthy(workers: list[WorkerProcess]) -> None:
    """Every partition has one owner, is ready and has no lag."""
    owned = [_owned(worker) for worker in workers]
    assert sorted(owned[0] | owned[1]) == list(range(PARTITIONS))
    assert not owned[0] & owned[1]
    for worker in workers:
        for path, word in (("/ready", "ready"), ("/health", "healthy")):
            status, answer = worker.get(path)
            assert (status, answer[word]) == (200, True)
            for unit in answer["partitions"]:
                assert unit["state"] == "ready"
                assert unit["paused"] == []
                assert set(unit["lag"].values()) <= {0, None}, unit


def test_metrics_count_without_naming_persons(workers: list[WorkerProcess], site: Site) -> None:
    """Facts and alerts of both workers add up; no person shows anywhere."""
    texts = [worker.get("/metrics")[1] for worker in workers]
    for text in texts:
        assert text.endswith("# EOF\n")
        assert not [person for person in PERSONS if f'"{person}"' in text]
    assert _sum(texts, "claims_monitor_facts_total", 'type="settlement"') == 4 * len(PERSONS)
    assert _sum(texts, "claims_monitor_alerts_total", 'rule="repeat-visits"') == len(PERSONS)
    assert site.prefix in texts[0]


def test_the_account_on_metrics(workers: list[WorkerProcess], site: Site) -> None:
    """Per partition; both workers together give the whole: read = admitted + quarantined + ticks, and so on."""
    texts = [worker.get("/metrics")[1] for worker in workers]
    name = "claims_monitor_account_"
    claims = f'topic="{site.prefix}{CLAIMS}"'
    assert _sum(texts, f"{name}records_read_total", claims) == 4 * len(PERSONS)
    assert _sum(texts, f"{name}records_total", claims) == 4 * len(PERSONS)
    assert _sum(texts, f"{name}facts_admitted_total", 'stage="persons"') == 4 * len(PERSONS)
    assert _sum(texts, f"{name}facts", 'stage="persons"') == 4 * len(PERSONS)
    assert _sum(texts, f"{name}facts", 'standing="live"') == 4 * len(PERSONS)
    assert _sum(texts, f"{name}differences", "partition") == 0
    parts = [line for text in texts for line in text.splitlines() if line.startswith(f"{name}differences{{")]
    assert len(parts) == 2 * PARTITIONS


@pytest.mark.parametrize("path", ["/internal/history/person/P1", "/internal/history/institution/H1"])
@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_internal_pages_need_the_token(workers: list[WorkerProcess], path: str, token: str | None) -> None:
    """Without it nothing is said, not even whether a key is known."""
    status, answer = workers[0].get(path, token)
    assert status == 401
    assert list(answer) == ["error"]
    assert workers[0].get("/internal/resume/claims.facts.v1", token, method="POST")[0] == 401


def test_the_owner_has_the_history_and_others_name_the_owner(workers: list[WorkerProcess], site: Site) -> None:
    """For every person: one worker serves facts and findings, the other one its address."""
    asked = set()
    for person in PERSONS:
        partition = site.partition(person)
        owner = next(worker for worker in workers if partition in _owned(worker))
        (other,) = (worker for worker in workers if worker is not owner)
        asked.add(owner.url)
        status, history = owner.get(f"/internal/history/person/{person}", TOKEN)
        assert status == 200
        assert (history["stage"], history["partition"]) == ("persons", partition)
        assert [fact["setl_id"] for fact in history["facts"]] == [f"{person}-{n}" for n in range(4)]
        assert [finding["rule_id"] for finding in history["findings"]] == ["repeat-visits"]
        status, answer = other.get(f"/internal/history/person/{person}", TOKEN)
        assert (status, answer) == (421, {"owner": owner.url, "stage": "persons", "partition": partition})
    assert len(asked) == 2, "both workers own some of the persons"


def test_the_history_of_an_institution(workers: list[WorkerProcess], site: Site) -> None:
    """Served by the worker that owns its key in stage two."""
    partition = site.partition("H1")
    answers = [worker.get("/internal/history/institution/H1", TOKEN) for worker in workers]
    statuses = [status for status, _ in answers]
    assert sorted(statuses) == [200, 421]
    owner = workers[statuses.index(200)]
    assert answers[statuses.index(200)][1]["partition"] == partition
    assert answers[statuses.index(421)][1]["owner"] == owner.url


@pytest.mark.parametrize("query", ["", "?recount=1"])
def test_the_account_of_every_partition(workers: list[WorkerProcess], site: Site, query: str) -> None:
    """Both workers' partitions together: all records, all facts, and what the state holds when it is counted again."""
    found = [part for worker in workers for part in worker.get(f"/internal/account{query}", TOKEN)[1]["partitions"]]
    owned = sorted((part["stage"], part["partition"]) for part in found)
    assert owned == [(stage, number) for stage in ("keys", "persons") for number in range(PARTITIONS)]
    for part in found:
        assert part["differences"] == []
        assert part["balanced"]
    persons = [part for part in found if part["stage"] == "persons"]
    for part in persons:
        of = sum(site.partition(person) == part["partition"] for person in PERSONS)
        records = {"offset": 4 * of - 1, "read": 4 * of, "admitted": 4 * of, "quarantined": 0, "ticks": 0}
        assert part["records"] == ({CLAIMS: records} if of else {})
        assert part["facts"]["live"] == 4 * of
        assert part["held"] == ({"live": 4 * of, "reversed": 0, "voided": 0} if query else None)
    assert workers[0].get("/internal/account", "wrong")[0] == 401


def test_an_unknown_key(workers: list[WorkerProcess], site: Site) -> None:
    """Its owner says that nothing is known."""
    partition = site.partition("P-nobody")
    owner = next(worker for worker in workers if partition in _owned(worker))
    assert owner.get("/internal/history/person/P-nobody", TOKEN)[0] == 404


def test_no_person_is_logged(workers: list[WorkerProcess]) -> None:
    """Logs hold partitions and counts, never persons' numbers."""
    for worker in workers:
        assert not [person for person in PERSONS if f" {person} " in worker.log or f"'{person}'" in worker.log]
