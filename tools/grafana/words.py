"""What values of labels are called in tables, so that people need not know the monitor's own names."""

from collections.abc import Mapping
from typing import Final

from detectors.claim_features import FEATURES
from monitor.score_watch import SCORE
from monitor.terms_files import load_terms
from tools.grafana.panels import Text


def _rules() -> dict[str, Text]:
    return {name: Text(rule.title.zh, rule.title.en) for name, rule in load_terms(None).versions[-1].rules.items()}


def _features() -> dict[str, Text]:
    """The phrases of reasons, without the value."""
    named = {feature.name: Text(_name(feature.zh), _name(feature.en)) for feature in FEATURES}
    return named | {SCORE: Text("异常分数", "the score itself")}


def _name(phrase: str) -> str:
    return phrase.replace("{value}", "…").strip("…： :")


WORDS: Final[Mapping[str, Mapping[str, Text]]] = {
    "rule": _rules(),
    "feature": _features(),
    "level": {
        "1": Text("一级", "level 1"),
        "2": Text("二级", "level 2"),
        "3": Text("三级", "level 3"),
        "pharmacy": Text("药店", "pharmacy"),
    },
}
"""label -> value -> what it is called."""
