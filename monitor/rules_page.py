"""The rules as one page (Markdown): what each means, its terms, what it needs, and an example.

Made from the detectors' docstrings, the terms and a simulated region alone, so that it cannot differ from the code;
and from the figures of the last measurement, which take too long to be made with it.
"""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from detectors import units
from detectors.catalogue import all_detectors
from detectors.detector import Detector
from detectors.terms import RuleTerms, Terms, TermsSet, line_of

SEVERITY: Final = {"1": "certain / 确定", "2": "highly suspicious / 高度可疑", "3": "suspicious / 可疑"}
"""What each degree of severity means, in English and Chinese."""

COMMAND: Final = "claims-monitor rules document -o docs/rules.md"

FIGURES_FILE: Final = "region.json"
"""Beside the page: what `make region` measured."""

_CLAUSES: Final = "# Clauses: "


def rules_page(
    terms: TermsSet, text: str, examples: Mapping[str, dict[str, Any]], figures: Mapping[str, Any] | None = None
) -> str:
    """Write the page.

    Args:
        terms: the terms; the latest version is shown.
        text: the terms file of that version, whose comments explain the numbers; empty: none are shown.
        examples: rule -> alert, see `rule_examples`.
        figures: what `make region` measured; None: not told.
    """
    latest = terms.versions[-1]
    measured = _measured(figures) if figures else ()
    return "\n".join([*_head(latest, text), *_table(latest), *measured, *_rules(latest, text, examples)])


def definition(detector: Detector[Any]) -> str:
    """What a rule means: the docstring of its module."""
    module = inspect.getmodule(type(detector))
    return inspect.cleandoc(module.__doc__ or "") if module is not None else ""


def needs(detector: Detector[Any]) -> tuple[str, str]:
    """What a rule reads (facts, or measures of its key's days), and the registry entries it consults."""
    reads = [kind.kind for kind in detector.reads] or list(detector.measures)
    return ", ".join(reads) or "-", ", ".join(kind.kind for kind in detector.consults) or "-"


def shown(value: object) -> str:
    """A value of the terms with its unit, as the terms file writes it."""
    if isinstance(value, msgspec.Struct):
        return ", ".join(f"{name} {shown(part)}" for name, part in msgspec.structs.asdict(value).items())
    if isinstance(value, tuple):
        separator = "\n" if value and isinstance(value[0], msgspec.Struct) else ", "
        return separator.join(shown(part) for part in value) or "-"
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value))) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return units.shown(value) if isinstance(value, int) else str(value)


def example_text(alert: Mapping[str, Any]) -> str:
    """An alert for people to read: JSON, indented, with the rule's text in Chinese as it is."""
    return json.dumps(alert, ensure_ascii=False, indent=2)


def _head(terms: Terms, text: str) -> Iterator[str]:
    yield "# Rules"
    yield ""
    yield f"<!-- made by `{COMMAND}`; do not edit -->"
    yield ""
    yield (
        f"The {len(all_detectors())} rules, by the terms `{terms.name}` version {terms.version}. This page is made from"
        " the code, the terms and a simulated region:"
    )
    yield f"`{COMMAND}`. `claims-monitor rules explain RULE` shows one rule by your own terms."
    yield ""
    clauses = next((line.removeprefix(_CLAUSES) for line in text.splitlines() if line.startswith(_CLAUSES)), None)
    if clauses:
        yield f"Clauses: {clauses}"
        yield ""


def _table(terms: Terms) -> Iterator[str]:
    yield "| rule | | 名称 | judged by | severity | tier | clause |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for rule, detector in all_detectors().items():
        ruled = terms.rules.get(rule)
        cells = (
            ("off", "停用", detector.key, "", "", "")
            if ruled is None
            else (ruled.title.en, ruled.title.zh, detector.key, ruled.severity, ruled.tier, ", ".join(ruled.basis))
        )
        yield f"| [{rule}](#{rule}) | {' | '.join(map(_cell, cells))} |"
    yield ""


def _measured(figures: Mapping[str, Any]) -> Iterator[str]:
    quarter, broker, clean = figures["quarter"], figures["broker"], figures["clean"]
    yield "## Measured"
    yield ""
    yield (
        "A simulated quarter of 200 institutions and 100,000 persons, held against the labels of what was planted"
        " (`make region`, which is also part of `make prove`):"
    )
    yield ""
    yield (
        f"* {quarter['facts']:,} facts, {sum(quarter['found'].values()):,} findings planted: recall 1.0 and precision"
        " 1.0 for every rule below."
    )
    yield (
        f"* Through the broker with {broker['workers']} workers and by backtest: the same {broker['alerts']:,} alerts,"
        f" the same {broker['bytes']:,} bytes."
    )
    yield (f"* A clean region: {clean['alerts']} alerts of severity 1 or 2 in {clean['facts']:,} facts.")
    yield ""
    yield "| rule | planted | found | missed | wrong |"
    yield "| --- | --: | --: | --: | --: |"
    for rule, count in quarter["found"].items():
        yield f"| {rule} | {count} | {count} | 0 | 0 |"
    yield ""


def _rules(terms: Terms, text: str, examples: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    for rule, detector in all_detectors().items():
        yield f"## {rule}"
        yield ""
        ruled = terms.rules.get(rule)
        yield "**off / 停用**" if ruled is None else f"**{ruled.title.en} / {ruled.title.zh}**"
        yield ""
        yield definition(detector)
        yield ""
        reads, consults = needs(detector)
        if ruled is not None:
            yield f"* Clause: {', '.join(ruled.basis) or '-'}"
            yield f"* Severity {ruled.severity} ({SEVERITY.get(ruled.severity, '?')}), tier {ruled.tier}"
        yield f"* Judged by {detector.key}; reads {reads}; registry: {consults}"
        if ruled is not None:
            yield f"* zh: `{ruled.text.zh}`"
            yield f"* en: `{ruled.text.en}`"
            yield ""
            yield from _parameters(ruled, text)
        else:
            yield ""
        if rule in examples:
            yield "<details><summary>Example</summary>"
            yield ""
            yield "```json"
            yield example_text(examples[rule])
            yield "```"
            yield ""
            yield "</details>"
            yield ""


def _parameters(ruled: RuleTerms, text: str) -> Iterator[str]:
    limits = msgspec.structs.fields(ruled.limits)
    if not limits:
        return
    lines = text.splitlines()
    yield "| parameter | value | |"
    yield "| --- | --- | --- |"
    for field in limits:
        value = getattr(ruled.limits, field.name)
        yield f"| `{field.name}` | {_cell(shown(value))} | {_cell(_comment(lines, text, ruled.rule, field.name))} |"
    yield ""


def _comment(lines: Sequence[str], text: str, rule: str, field: str) -> str:
    """What the terms file says about a number at the end of its line."""
    if not lines:
        return ""
    line = lines[line_of(text, ("rules", rule, "limits", field)) - 1]
    if line.partition("=")[0].strip() != field:
        return ""
    quoted = False
    for index, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == "#" and not quoted:
            return line[index + 1 :].strip()
    return ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
