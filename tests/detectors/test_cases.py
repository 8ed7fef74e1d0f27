"""What every rule owes: a clause, cases on both sides of its boundaries, texts that say what and against what."""

import importlib
import re
import string
from types import ModuleType
from typing import Any

import pytest

from detectors.catalogue import all_detectors
from detectors.terms import RuleTerms
from monitor.backtest import Backtest
from monitor.engine import Engine
from monitor.scoring import ForestScorer
from monitor.terms_files import load_terms
from monitor.timeline import place
from tests.detectors.case import About, Case
from tests.facts import encoded
from topics.alerts import Alert, decode

TERMS = load_terms(None)


def cases_of(rule: str) -> ModuleType:
    """The module of a rule's cases; fails where a new rule has none."""
    name = f"tests.detectors.cases.{rule.replace('-', '_')}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.fail(f"rule {rule} has no cases: write {name.replace('.', '/')}.py ({error})")


def all_cases(which: str) -> list[Any]:
    """Every case of every rule, for parametrisation; a rule without cases is left to its own test."""
    found = []
    for rule in all_detectors():
        try:
            module = importlib.import_module(f"tests.detectors.cases.{rule.replace('-', '_')}")
        except ModuleNotFoundError:
            continue
        found += [pytest.param(rule, case, id=f"{rule}: {case.name}") for case in getattr(module, which)]
    return found


def judged(rule: str, case: Case) -> list[Alert]:
    """The rule's standing alerts after the case, with the rule's model where it needs one."""
    model = getattr(cases_of(rule), "MODEL", None)
    scorer = None if model is None else ForestScorer(model())
    test = Backtest(Engine(TERMS, 1, "contributions", scorer))
    test.run(place(encoded(case.objects)))
    assert not test.account["record", "quarantined"], "a case is made of facts that are admitted"
    return [alert for alert in map(decode, test.alerts()) if alert.rule_id == rule]


def abouts(alerts: list[Alert]) -> set[About]:
    return {(alert.about.kind, alert.about.id, alert.discriminator) for alert in alerts}


def terms_of(rule: str) -> RuleTerms:
    return TERMS.versions[-1].rules[rule]


@pytest.mark.parametrize("rule", all_detectors())
def test_a_rule_has_a_clause_and_cases(rule: str) -> None:
    """At least two firing and two quiet cases, each with a name of its own, and a clause of an agreement or rule."""
    module = cases_of(rule)
    firing, quiet = module.FIRING, module.QUIET
    assert len(firing) >= 2
    assert len(quiet) >= 2
    assert all(case.expected for case in firing)
    assert not any(case.expected for case in quiet)
    names = [case.name for case in firing + quiet]
    assert len(set(names)) == len(names)
    terms = terms_of(rule)
    assert terms.basis
    assert all(re.match(r"(SQ|M|CF|SZ|JL|N)\b", clause) for clause in terms.basis)
    assert terms.severity in {"1", "2", "3"}
    assert terms.title.zh
    assert terms.title.en


@pytest.mark.parametrize(("rule", "case"), all_cases("FIRING"))
def test_a_firing_case_fires(rule: str, case: Case) -> None:
    """Exactly the expected findings stand, and each says what was seen, in both languages, and whom it concerns."""
    alerts = judged(rule, case)
    assert abouts(alerts) == case.expected
    for alert in alerts:
        check_content(alert)


@pytest.mark.parametrize(("rule", "case"), all_cases("QUIET"))
def test_a_quiet_case_is_quiet(rule: str, case: Case) -> None:
    """The rule says nothing."""
    assert judged(rule, case) == []


def chinese(length: str) -> str:
    """A length of time as Chinese texts have it."""
    found = length.replace("> ", "超过")
    for unit, word in (("min", "分钟"), ("d", "天"), ("h", "小时"), ("s", "秒")):
        found = re.sub(rf"(\d+) {unit}\b ?", rf"\g<1>{word}", found)
    return found


def check_content(alert: Alert) -> None:
    """What an alert owes to the person who reads it, and to the person it is about."""
    assert alert.vola_cont is not None
    assert alert.evidence is not None
    assert alert.window is not None
    texts = (alert.vola_cont.zh, alert.vola_cont.en)
    for text in texts:
        for number in (alert.evidence.observed, alert.evidence.limit):
            words = (str(number), "none") if number == 0 else (str(number), chinese(str(number)))
            # amounts have separators in texts
            plain = re.sub(r"(?<=\d),(?=\d{3})", "", text)
            assert any(word in plain for word in words), f"{number!r} is not in {text!r}"
        assert not re.search(r"\d{4}\.\d\d(?=元| yuan)", text), f"an amount without separators in {text!r}"
        assert not re.search(r"\bP\d+\b", text)
        assert not re.search(r"\d{17}[\dX]|\d{15}", text)
        assert "{" not in text
    assert not re.search(r"\d (?:d|h|min|s)\b", texts[0]), f"an English unit in {texts[0]!r}"
    assert re.search(r"[\u4e00-\u9fff]", texts[0])
    assert not re.search(r"[\u4e00-\u9fff]", texts[1])
    assert alert.window.begin <= alert.window.end
    assert list(alert.evidence.facts) == sorted(alert.evidence.facts)
    assert alert.evidence.facts_total >= len(alert.evidence.facts) <= 50
    for value in (alert.evidence.observed, alert.evidence.limit):
        assert not isinstance(value, float)
    assert alert.terms_id == TERMS.set_id


@pytest.mark.parametrize("rule", all_detectors())
def test_texts_use_what_the_rule_says(rule: str) -> None:
    """Every placeholder that a detector offers is used by a text, or it need not be computed."""
    text = terms_of(rule).text
    used = {name for part in (text.zh, text.en) for _, name, _, _ in string.Formatter().parse(part) if name}
    assert used <= all_detectors()[rule].says
