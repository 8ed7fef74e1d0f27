"""Pages that are made from the code are those that the code makes now."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from detectors.catalogue import all_detectors
from monitor.commands import rules
from monitor.rule_examples import example_alerts
from monitor.rules_page import rules_page
from monitor.terms_files import default_text, load_terms

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules.app, list(arguments))


def test_the_page_of_rules_is_not_stale() -> None:
    """Whoever changes a rule, its terms or the simulator writes the page again."""
    checked = run("document", "-o", str(PAGE), "--check")
    assert checked.exit_code == 0, checked.output


def test_a_stale_page_and_a_missing_one_are_found_and_not_touched(tmp_path: Path) -> None:
    """Exit code 1 and what to do; the page made anew passes."""
    page = tmp_path / "docs" / "rules.md"
    missing = run("document", "-o", str(page), "--check")
    assert (missing.exit_code, page.exists()) == (1, False)
    assert run("document", "-o", str(page)).exit_code == 0
    assert run("document", "-o", str(page), "--check").exit_code == 0
    stale = page.read_text(encoding="utf-8").replace("highly suspicious", "suspicious", 1)
    page.write_text(stale, encoding="utf-8")
    checked = run("document", "-o", str(page), "--check")
    assert checked.exit_code == 1
    assert "rules document -o" in checked.output
    assert page.read_text(encoding="utf-8") == stale
    assert run("document", "--check").exit_code == 2


def test_every_rule_is_told_with_its_numbers() -> None:
    """Definition, titles, texts, parameters with units and what the terms file says about them."""
    page = rules_page(load_terms(None), default_text(), {})
    for rule in all_detectors():
        assert f"\n## {rule}\n" in page
        assert f"(#{rule})" in page
    assert "**Leave too long / 请假超时**" in page
    assert "| `back_by` | 22:00 | the first such time after the leave began |" in page
    assert "Repeat visits: many outpatient visits of one person in a short time" in page
    assert "name 7d, window 7 d, visits 8, same no" in page
    assert "Example" not in page


def test_a_rule_that_is_off_is_still_told(tmp_path: Path) -> None:
    """Its definition stays; it has no numbers and no example."""
    text = default_text().replace("[rules.hang-bed]\n", "[rules.hang-bed]\nenabled = false\n")
    path = tmp_path / "off.toml"
    path.write_text(text, encoding="utf-8")
    terms = load_terms(path)
    section = rules_page(terms, text, example_alerts(terms, ["hang-bed"])).partition("\n## hang-bed\n")[2]
    section = section.partition("\n## ")[0]
    assert "**off / 停用**" in section
    assert "| parameter |" not in section
    assert "<details>" not in section


@pytest.mark.parametrize("rule", ["repeat-visits", "cost-spike"])
def test_explaining_a_rule_shows_the_alert_of_the_page(rule: str) -> None:
    """One rule judged alone gives the same example as all of them together."""
    terms = load_terms(None)
    alone = example_alerts(terms, [rule])[rule]
    assert alone == example_alerts(terms)[rule]
    explained = run("explain", rule)
    assert explained.exit_code == 0
    assert alone["jr_id"] in explained.output
    assert alone["jr_id"] in PAGE.read_text(encoding="utf-8")


def test_a_rule_without_an_example_is_explained_all_the_same() -> None:
    """Outlier claims need a model, which the simulated region does not have."""
    explained = run("explain", "outlier-claim")
    assert explained.exit_code == 0
    assert "jr_id" not in explained.output
    assert run("explain", "no-such-rule").exit_code == 2
