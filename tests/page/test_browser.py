"""What a browser makes of the page. The pictures stay in the test's folder, for people to look at."""

import asyncio
import os
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.broker.server import EmbeddedBroker
from tests.page.browser import Tab, browser, installed
from tests.page.made import PERSON, PSEUDONYMS, Sent, Served, Topic, alert, page_of, withdrawal
from topics.alerts import Evidence, Texts

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
MISMATCH = alert(
    "S2",
    rule_id="id-mismatch",
    sev_deg="1",
    fixmedins_code="H2",
    vola_amt="1234567.89",
    evidence=Evidence((f"enrolment:{PERSON}", "settlement:S2"), 2, {"numbers": 2}, 0),
)
FACTLESS = alert(
    HOSTILE, vola_cont=Texts(HOSTILE, HOSTILE), evidence=Evidence((), 0, "8301.90", "7466.73"), discriminator="fund"
)
LIVE = "document.getElementById('state')?.className === 'state live'"
ROWS = "document.querySelectorAll('#rows tr').length"


@pytest.fixture(autouse=True)
def program() -> None:
    """Without a browser these tests are skipped by name; where everything must run, they fail."""
    if installed() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is not installed (see packages-for-tests.txt)")
        pytest.skip("chromium is not installed (see packages-for-tests.txt)")


@asynccontextmanager
async def opened(
    broker: EmbeddedBroker, prefix: str, folder: Path, address: str = "?lang=en"
) -> AsyncIterator[tuple[Tab, Served, Topic]]:
    """A browser that shows a page with 42 alerts, one of them hostile."""
    topic = Topic(broker.bootstrap_servers, prefix)
    await topic.create()
    await topic.send(
        *(Sent(alert(f"S{number + 10}"), at=f"2026-11-23T09:{number:02d}:00+08:00") for number in range(40)),
        Sent(MISMATCH, at="2026-11-23T10:00:01+08:00"),
        Sent(FACTLESS, at="2026-11-23T08:00:00+08:00"),
    )
    async with page_of(topic) as served, browser(folder) as tab:
        await tab.show(width=1400, height=900, dark=False)
        await tab.open(served.url + address)
        await tab.until(f"{LIVE} && {ROWS} > 0")
        yield tab, served, topic


def colours(png: bytes) -> int:
    """How many different lines of pixels a picture has: an empty page has a few."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    data, at = b"", 8
    width = struct.unpack(">I", png[16:20])[0]
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    raw = zlib.decompress(data)
    channels = 4 if png[25] == 6 else 3
    line = width * channels + 1
    return len({raw[start : start + line] for start in range(0, len(raw), line)})


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_is_drawn_with_its_data(
    broker: EmbeddedBroker, prefix: str, tmp_path: Path, lang: str, dark: bool
) -> None:
    """In both languages and colour schemes, wide and narrow, without a fault in the console or a sideways scroll."""

    async def work() -> None:
        async with opened(broker, prefix, tmp_path, f"?lang={lang}") as (tab, _, _topic):
            backgrounds = set()
            for width, height in ((1400, 900), (1000, 800), (400, 900)):
                await tab.show(width=width, height=height, dark=dark)
                picture = await tab.picture()
                (tmp_path / f"page-{lang}-{width}.png").write_bytes(picture)
                assert colours(picture) > 100
                assert await tab.run("document.documentElement.scrollWidth") <= width
                backgrounds.add(await tab.run("getComputedStyle(document.body).backgroundColor"))
            assert backgrounds == {"rgb(16, 23, 28)" if dark else "rgb(243, 245, 246)"}
            text = await tab.run("document.body.innerText")
            assert ("频繁就诊" if lang == "zh" else "Repeat visits") in text
            assert "1,239,629.34" in text
            assert await tab.run("document.title") == ("医保结算实时监测" if lang == "zh" else "Claims monitor")
            assert await tab.run(ROWS) == 42
            assert tab.problems == []

    asyncio.run(work())


def test_changes_appear_without_a_reload_and_are_spoken(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(broker, prefix, tmp_path) as (tab, _, topic):
            await topic.send(Sent(alert("NEW"), at="2026-11-23T11:00:00+08:00"))
            await tab.until("document.querySelector('#rows tr .about .code').textContent === 'NEW'")
            await tab.until("document.getElementById('spoken').textContent === '1 new alerts'")
            await topic.send(Sent(withdrawal(alert("NEW")), "withdrawn", 2))
            await tab.until("document.querySelector('#rows tr').classList.contains('withdrawn')")
            await tab.until(f"{ROWS} === 42")
            assert await tab.run("document.getElementById('standing').textContent") == "42"

    asyncio.run(work())


def test_an_address_with_an_alerts_id_opens_all_it_says(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(broker, prefix, tmp_path, f"?lang=en#{MISMATCH.jr_id}") as (tab, _, _topic):
            panel = "document.getElementById('detail')"
            await tab.until(f"!{panel}.hidden && {panel}.innerText.includes('Identity mismatch')")
            text = await tab.run(f"{panel}.innerText")
            person = PSEUDONYMS.person(PERSON)
            facts = ("settlement:S2", f"enrolment:{person}")
            terms = (
                "model agreement 2014 §58(2)",
                "default-1:3f2a",
                "step 2 of the penalty ladder",
                "numbers",
                "2026-11-16 10:00:00",
            )
            for said in ("1,234,567.89", "H2", person, "一周内就诊8次。", MISMATCH.jr_id, *facts, *terms):
                assert said in text
            (tmp_path / "detail.png").write_bytes(await tab.picture())
            await tab.press("Escape")
            await tab.until(f"{panel}.hidden && location.hash === ''")
            assert tab.problems == []

    asyncio.run(work())


def test_the_keyboard_opens_an_alert_and_comes_back_to_it(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(broker, prefix, tmp_path) as (tab, _, _topic):
            await tab.run("document.querySelector('#rows a').focus()")
            await tab.press("Enter")
            await tab.until("!document.getElementById('detail').hidden")
            assert await tab.run("document.activeElement.id") == "detail"
            await tab.press("Escape")
            await tab.until("document.activeElement === document.querySelector('#rows a')")

    asyncio.run(work())


def test_filters_and_their_clearing(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(broker, prefix, tmp_path) as (tab, _, topic):
            await tab.run("document.querySelector('[data-rule=\"id-mismatch\"]').click()")
            await tab.until(f"{ROWS} === 1 && document.getElementById('rule').value === 'id-mismatch'")
            await topic.send(Sent(alert("NEW"), at="2026-11-23T11:00:00+08:00"))
            await tab.until("document.getElementById('standing').textContent === '43'")
            assert await tab.run(ROWS) == 1
            await tab.run("document.querySelector('button[type=reset]').click()")
            await tab.until(f"{ROWS} === 43")
            await tab.run("q.value = 'settlement:S11'; q.dispatchEvent(new Event('input'))")
            await tab.until(f"{ROWS} === 1")

    asyncio.run(work())


def test_the_language_is_kept_for_the_next_visit(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(broker, prefix, tmp_path, "") as (tab, served, _):
            await tab.run("document.querySelector('[data-lang=zh]').click()")
            await tab.until("document.title === '医保结算实时监测'")
            await tab.open(served.url)
            await tab.until(f"{LIVE} && document.title === '医保结算实时监测'")
            assert await tab.run("document.documentElement.lang") == "zh-CN"
            await tab.run("document.querySelector('[data-lang=en]').click()")
            await tab.until("document.querySelector('#rows .why').textContent === 'Eight visits within a week.'")

    asyncio.run(work())


def test_texts_of_alerts_are_never_run(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    async def work() -> None:
        hostile = FACTLESS.jr_id
        async with opened(broker, prefix, tmp_path, f"?lang=en#{hostile}") as (tab, _, _topic):
            await tab.until("document.getElementById('detail').innerText.includes('<script>')")
            assert (
                await tab.run("document.querySelectorAll('main img, aside img, main script, aside script').length") == 0
            )
            assert await tab.run("document.title") == "Claims monitor"

    asyncio.run(work())


def test_an_alert_without_facts_says_nothing_of_them(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    """Amounts have separators, and words of the rules are words of the language."""

    async def work() -> None:
        async with opened(broker, prefix, tmp_path, f"?lang=zh#{FACTLESS.jr_id}") as (tab, _, _topic):
            panel = "document.getElementById('detail')"
            await tab.until(f"{panel}.innerText.includes('8,301.90')")
            text = await tab.run(f"{panel}.innerText")
            for said in ("7,466.73", "统筹基金支出", "协议范本2014 §58(2)", "罚则第2档"):
                assert said in text
            for unsaid in ("null", "undefined", "证据事实"):
                assert unsaid not in text

    asyncio.run(work())


def test_a_lost_connection_is_shown_and_mended(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    async def work() -> None:
        topic = Topic(broker.bootstrap_servers, prefix)
        await topic.create()
        await topic.send(alert("S1"))
        async with browser(tmp_path) as tab:
            async with page_of(topic) as served:
                port = int(served.url.rsplit(":", 1)[1].strip("/"))
                await tab.open(served.url)
                await tab.until(f"{LIVE} && {ROWS} === 1")
                assert await tab.run("document.getElementById('banner').hidden")
            await tab.until("!document.getElementById('banner').hidden")
            await topic.send(alert("S2"))
            async with page_of(topic, port=port):
                await tab.until(f"{LIVE} && {ROWS} === 2 && document.getElementById('banner').hidden")

    asyncio.run(work())
