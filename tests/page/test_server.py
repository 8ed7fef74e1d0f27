import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from monitor.broker.server import EmbeddedBroker
from monitor.page.server import is_loopback
from tests.page.made import CERTNO, PERSON, PSEUDONYMS, Sent, Served, Topic, alert, page_of, until, withdrawal
from topics.alerts import About, Evidence

pytestmark = pytest.mark.broker

REPEAT = alert("S1", fixmedins_code="H1")
MISMATCH = alert(
    "S2",
    rule_id="id-mismatch",
    sev_deg="2",
    fixmedins_code="H2",
    vola_amt="10.05",
    evidence=Evidence((f"enrolment:{PERSON}", "settlement:S2"), 2, CERTNO, 0),
)
SHARED = alert(
    rule_id="id-shared",
    about=About("person", PERSON),
    sev_deg="1",
    vola_amt=None,
    discriminator=None,
    fixmedins_code="H2",
)


@asynccontextmanager
async def three_alerts(broker: EmbeddedBroker, prefix: str, **options: Any) -> AsyncIterator[tuple[Served, Topic]]:  # noqa: ANN401
    topic = Topic(broker.bootstrap_servers, prefix)
    await topic.create()
    await topic.send(
        Sent(REPEAT, at="2026-11-23T10:00:01.000+08:00"),
        Sent(MISMATCH, at="2026-11-23T10:00:02.000+08:00", cause=f"enrolment:{PERSON}"),
        Sent(SHARED, at="2026-11-23T10:00:03.000+08:00", cause=f"void:death:{PERSON}"),
    )
    async with page_of(topic, **options) as served:
        yield served, topic


async def next_event(answer: aiohttp.ClientResponse, wanted: str) -> Any:  # noqa: ANN401 - any JSON value
    """The data of the next server-sent event of a name."""
    name = ""
    while True:
        line = (await asyncio.wait_for(answer.content.readline(), 20)).decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: ") and name == wanted:
            return json.loads(line.removeprefix("data: "))


def ids(answer: dict[str, Any]) -> list[str]:
    return [entry["alert"]["about"]["id"] for entry in answer["alerts"]]


def test_alerts_are_listed_newest_first_and_by_every_filter(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        async with three_alerts(broker, prefix) as (served, _):
            person = PSEUDONYMS.person(PERSON)
            everything = await served.json("/api/alerts")
            assert ids(everything) == [person, "S2", "S1"]
            assert everything["total"] == 3
            assert ids(await served.json("/api/alerts?limit=1")) == [person]
            assert (await served.json("/api/alerts?limit=1"))["total"] == 3
            assert ids(await served.json("/api/alerts?rule=id-mismatch")) == ["S2"]
            assert ids(await served.json("/api/alerts?institution=H2")) == [person, "S2"]
            assert ids(await served.json("/api/alerts?severity=3")) == ["S1"]
            assert ids(await served.json("/api/alerts?q=settlement:S2")) == ["S2"]
            assert ids(await served.json(f"/api/alerts?q={person}&severity=3")) == ["S1"]
            assert ids(await served.json(f"/api/alerts?q={PERSON}")) == []
            assert ids(await served.json("/api/alerts?rule=no-such-rule")) == []

    asyncio.run(work())


@pytest.mark.parametrize(
    ("limit", "status"), [("1", 200), ("5000", 200), ("0", 400), ("5001", 400), ("x", 400), ("-1", 400), ("", 400)]
)
def test_a_limit_out_of_bounds_is_said(broker: EmbeddedBroker, prefix: str, limit: str, status: int) -> None:
    async def work() -> None:
        async with (
            three_alerts(broker, prefix) as (served, _),
            served.client.get(f"/api/alerts?limit={limit}") as answer,
        ):
            assert answer.status == status
            if status == 400:
                assert "1 to 5000" in (await answer.json())["error"]

    asyncio.run(work())


def test_one_alert_is_found_by_its_id_with_all_it_says(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        async with three_alerts(broker, prefix) as (served, _):
            entry = await served.json(f"/api/alerts/{REPEAT.jr_id}")
            assert entry["revision"] == 1
            assert entry["at"] == "2026-11-23 10:00:01"
            assert entry["alert"]["vola_cont"] == {"zh": "一周内就诊8次。", "en": "Eight visits within a week."}
            assert entry["alert"]["psn_no"] == PSEUDONYMS.person(PERSON)
            async with served.client.get("/api/alerts/" + "0" * 32) as answer:
                assert answer.status == 404

    asyncio.run(work())


def test_the_summary_names_every_rule_of_the_terms(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        async with three_alerts(broker, prefix) as (served, _):
            summary = await served.json("/api/summary")
            assert summary["standing"] == 3
            assert summary["amount"] == "133.50"
            assert summary["by_severity"] == {"1": 1, "2": 1, "3": 1}
            assert summary["by_rule"]["repeat-visits"]["title"] == {"zh": "频繁就诊", "en": "Repeat visits"}
            assert summary["by_rule"]["quota-progress"]["standing"] == 0
            assert summary["institutions"] == [["H2", 2], ["H1", 1]]
            assert summary["caught_up"]

    asyncio.run(work())


def test_a_stream_begins_with_what_stands_and_goes_on_with_changes(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        async with three_alerts(broker, prefix) as (served, topic), served.client.get("/events") as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            assert ids(await next_event(stream, "snapshot"))[1:] == ["S2", "S1"]
            assert (await next_event(stream, "summary"))["matching"] == 3
            await topic.send(alert("S9"), abort=True)
            await topic.send(alert("S3"))
            (change,) = await next_event(stream, "changes")
            assert change["entry"]["alert"]["about"]["id"] == "S3"
            assert change["entry"]["action"] == "raised"
            await topic.send(Sent(withdrawal(REPEAT), "withdrawn", 2))
            (change,) = await next_event(stream, "changes")
            assert change == {"gone": REPEAT.jr_id, "reason": "withdrawn"}
            assert (await next_event(stream, "summary"))["standing"] == 3

    asyncio.run(work())


def test_a_stream_carries_what_its_filters_take(broker: EmbeddedBroker, prefix: str) -> None:
    """An alert whose revision no longer matches leaves the list; others are not heard of at all."""

    async def work() -> None:
        async with (
            three_alerts(broker, prefix) as (served, topic),
            served.client.get("/events?rule=repeat-visits&institution=H1&severity=3") as stream,
        ):
            assert ids(await next_event(stream, "snapshot")) == ["S1"]
            await topic.send(alert("S5", rule_id="id-mismatch"), alert("S6", fixmedins_code="H2"), alert("S7"))
            (change,) = await next_event(stream, "changes")
            assert change["entry"]["alert"]["about"]["id"] == "S7"
            await topic.send(Sent(alert("S1", fixmedins_code="H1", sev_deg="1"), "revised", 2))
            (change,) = await next_event(stream, "changes")
            assert change == {"gone": REPEAT.jr_id, "reason": "filtered"}

    asyncio.run(work())


def test_a_reader_that_cannot_follow_gets_a_new_snapshot(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        async with three_alerts(broker, prefix) as (served, topic), served.client.get("/events?limit=2") as stream:
            await next_event(stream, "snapshot")
            await topic.send(*(alert(f"N{number}") for number in range(5_000)))
            await until(lambda: len(served.feed.standing) == 5_003)
            assert len((await next_event(stream, "snapshot"))["alerts"]) == 2

    asyncio.run(work())


PATHS = (
    "/",
    "/static/app.js",
    "/static/app.css",
    "/static/icon.svg",
    "/api/alerts",
    "/api/summary",
    "/none",
    "/static/../feed.py",
)


def test_no_answer_holds_a_persons_number(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        async with three_alerts(broker, prefix) as (served, topic):
            seen = b""
            async with served.client.get("/events") as stream:
                await topic.send(
                    Sent(alert("S8", psn_no=PERSON), cause=f"card-loss:{PERSON}/2026-01-01 00:00:00"),
                    Sent(withdrawal(SHARED), "withdrawn", 2, cause=f"enrolment:{PERSON}"),
                )
                while b"S8" not in seen or b"gone" not in seen:
                    seen += await asyncio.wait_for(stream.content.readany(), 20)
            for path in (*PATHS, f"/api/alerts/{MISMATCH.jr_id}"):
                async with served.client.get(path) as answer:
                    seen += await answer.read() + str(answer.headers).encode()
            assert PSEUDONYMS.person(PERSON).encode() in seen
            assert b"certno-" in seen
            assert PERSON.encode() not in seen
            assert CERTNO.encode() not in seen

    asyncio.run(work())


def test_every_answer_forbids_foreign_content_and_framing(broker: EmbeddedBroker, prefix: str) -> None:
    async def work() -> None:
        async with three_alerts(broker, prefix) as (served, _):
            for path in (*PATHS, "/events", "/api/alerts?limit=x"):
                async with served.client.get(path) as answer:
                    policy = answer.headers["Content-Security-Policy"]
                    assert "default-src 'none'" in policy
                    assert "unsafe" not in policy
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    assert answer.headers["X-Frame-Options"] == "DENY"
                    assert "Access-Control-Allow-Origin" not in answer.headers
                    assert "aiohttp" not in answer.headers["Server"]
            async with served.client.get("/") as answer:
                page = await answer.text()
            assert "http://" not in page
            assert "https://" not in page
            assert "<script>" not in page
            assert "style=" not in page

    asyncio.run(work())


OWN = ("localhost", "localhost:8610", "LOCALHOST:1", "127.0.0.1:8610", "127.8.9.1", "[::1]:8610", "[::1]")
FOREIGN = (
    "monitor.example",
    "monitor.example:8610",
    "localhost.example",
    "127.0.0.1.example",
    "",
    "[::1",
    "2130706433",
)
ADDRESSES = ("10.1.2.3:8610", "[2001:db8::7]:8610")


@pytest.mark.parametrize(
    ("options", "taken", "refused"),
    [
        ({}, OWN, FOREIGN + ADDRESSES),
        ({"remote": True}, OWN + ADDRESSES, FOREIGN),
        ({"remote": True, "names": frozenset({"Monitor.Example"})}, (*OWN, *ADDRESSES, *FOREIGN[:2]), FOREIGN[2:]),
    ],
)
def test_names_that_are_not_the_pages_own_are_refused(
    broker: EmbeddedBroker, prefix: str, options: dict[str, Any], taken: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Else a foreign web page could point its own name at the page and read it."""

    async def work() -> None:
        async with three_alerts(broker, prefix, **options) as (served, _):
            for path in ("/", "/api/alerts", "/events"):
                for host, expected in [(host, 200) for host in taken] + [(host, 421) for host in refused]:
                    async with served.client.get(path, headers={"Host": host}) as answer:
                        assert answer.status == expected, (host, path)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 - only a name here
        ("::", False),
        ("10.0.0.1", False),
        ("x", False),
    ],
)
def test_loopback_addresses_are_told_from_others(host: str, own: bool) -> None:
    assert is_loopback(host) is own
