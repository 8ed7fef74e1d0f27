"""Grafana's dashboards: the files are what the code makes, and every query has data in a real Prometheus."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.end_to_end.program import ROOT
from tools.grafana.boards import BOARDS, files

FOLDER = ROOT / "dashboards" / "grafana" / "dashboards"
NAMES = sorted(files())


def board(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return read


def test_the_files_are_what_the_code_makes() -> None:
    """`python -m tools.grafana` writes them anew."""
    made = files()
    assert sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.json")) == sorted(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


@pytest.mark.parametrize("name", NAMES)
def test_grafanas_own_model_knows_every_field(name: str) -> None:
    """Read into the SDK's types and written again, nothing is lost: no field is misspelt or misplaced."""
    read = board(name)
    again = json.loads(json.dumps(Dashboard.from_json(read), cls=JSONEncoder))
    assert again == read


@pytest.mark.parametrize("name", NAMES)
def test_panels_are_few_described_and_do_not_overlap(name: str) -> None:
    read = board(name)
    assert len(read["panels"]) <= 15
    taken: set[tuple[int, int]] = set()
    for panel in read["panels"]:
        words = ("含义", "异常", "处理") if name.startswith("zh") else ("Means", "Bad", "Do")
        assert all(f"**{word}** " in panel["description"] for word in words), panel["title"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells
    variables = {variable["name"] for variable in read["templating"]["list"]}
    assert variables <= {"datasource", "region", "level", "page"}
    assert "psn_no" not in json.dumps(read)


def test_texts_are_in_both_languages() -> None:
    """Chinese ones are in Chinese; English ones are not."""
    han = re.compile(r"[\u4e00-\u9fff]")
    for one in BOARDS:
        for panel in one.panels:
            for text in (panel.title, panel.means, panel.bad, panel.do):
                assert han.search(text.zh), text
                assert not han.search(text.en), text


def test_rows_of_tables_of_rules_and_institutions_lead_to_the_live_page() -> None:
    linked = 0
    for name in NAMES:
        lang = name.partition("/")[0]
        for panel in board(name)["panels"]:
            for override in panel["fieldConfig"]["overrides"]:
                for value in override["properties"]:
                    if value["id"] == "links":
                        linked += 1
                        (link,) = value["value"]
                        assert re.fullmatch(
                            rf"\$\{{page\}}/\?lang={lang}&(rule|institution)=\$\{{__value\.raw:percentencode\}}",
                            link["url"],
                        )
    assert linked == 2 * 5


def test_provisioning_names_what_there_is() -> None:
    """The data source is Prometheus's; each provider's folder is one of the languages."""
    provisioning = ROOT / "dashboards" / "grafana" / "provisioning"
    text = (provisioning / "dashboards" / "claims-monitor.yml").read_text()
    languages = re.findall(r"path: /var/lib/grafana/dashboards/(\w+)", text)
    assert sorted(languages) == sorted(path.name for path in FOLDER.iterdir())
    assert "type: prometheus" in (provisioning / "datasources" / "prometheus.yml").read_text()


def queries() -> Iterator[tuple[str, str]]:
    """Panel and expression of all dashboards, those of both languages once."""
    for name in NAMES:
        if name.startswith("en/"):
            for panel in board(name)["panels"]:
                for target in panel["targets"]:
                    yield f"{Path(name).stem}: {panel['title']}", target["expr"]


@pytest.mark.broker
@pytest.mark.timeout(240)
def test_every_query_has_data_once_a_worker_has_judged_a_region() -> None:
    """A real Prometheus scrapes a real worker; no panel stays empty, whatever region and level are chosen."""
    import asyncio

    from tools.scene import judged_scene

    async def work() -> None:
        async with judged_scene(15) as scene:
            waiting = [(panel, scene.expression(expr)) for panel, expr in queries()]
            assert len(waiting) > 60
            try:
                async with asyncio.timeout(60):
                    while waiting:
                        waiting = [one for one in waiting if not await scene.watchers.query(one[1])]
                        await asyncio.sleep(0.5)
            except TimeoutError:
                pytest.fail(f"no data for {waiting}")
            rules = await scene.watchers.rules()
            assert {rule["health"] for rule in rules} == {"ok"}

    asyncio.run(work())
