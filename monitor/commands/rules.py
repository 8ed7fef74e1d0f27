"""`claims-monitor rules`: what is judged, and by which terms."""

import inspect
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from detectors import units
from detectors.terms import TermsError
from monitor.commands.errors import fail, usage_errors

app = typer.Typer(no_args_is_help=True, help="List the rules and explain each with its terms.")

TermsOption = Annotated[Path | None, typer.Option(help="Terms file, or folder of versions; default: built in.")]

SEVERITY = {"1": "certain / 确定", "2": "highly suspicious / 高度可疑", "3": "suspicious / 可疑"}


@app.command("list", epilog="[bold]Example[/bold]  claims-monitor rules list --terms city.toml")
def list_rules(terms: TermsOption = None) -> None:
    """List all rules with title, severity, tier and clause."""
    from detectors.catalogue import all_detectors
    from monitor.terms_files import load_terms

    with usage_errors(TermsError):
        loaded = load_terms(terms)
    table = Table(title=f"{loaded.set_id}")
    for column in ("rule", "title", "名称", "judged by", "severity", "tier", "clause"):
        table.add_column(column)
    latest = loaded.versions[-1]
    for rule, detector in all_detectors().items():
        ruled = latest.rules.get(rule)
        if ruled is None:
            table.add_row(rule, "off", "停用", detector.key, "", "", "")
            continue
        clause = ", ".join(ruled.basis)
        table.add_row(rule, ruled.title.en, ruled.title.zh, detector.key, ruled.severity, ruled.tier, clause)
    Console().print(table)


@app.command("explain", epilog="[bold]Example[/bold]  claims-monitor rules explain repeat-visits")
def explain(
    name: Annotated[str, typer.Argument(help="A rule, as `rules list` names it.")], terms: TermsOption = None
) -> None:
    """Explain one rule: what fires it, its numbers, clause, texts, and the facts it reads."""
    from detectors.catalogue import all_detectors
    from monitor.terms_files import load_terms

    with usage_errors(TermsError):
        loaded = load_terms(terms)
    detector = all_detectors().get(name)
    if detector is None:
        fail(f"no rule {name!r}; `claims-monitor rules list` names them all", 2)
    console = Console()
    module = inspect.getmodule(type(detector))
    console.print(inspect.cleandoc(module.__doc__ or "" if module else ""), highlight=False)
    for version in loaded.versions:
        ruled = version.rules.get(name)
        table = Table(title=version.terms_id, show_header=False)
        if ruled is None:
            table.add_row("enabled", "no / 停用")
            console.print(table)
            continue
        table.add_row("title", f"{ruled.title.en} / {ruled.title.zh}")
        table.add_row("clause", ", ".join(ruled.basis))
        table.add_row("severity", f"{ruled.severity} ({SEVERITY.get(ruled.severity, '')})")
        table.add_row("tier", ruled.tier)
        table.add_row("judged by", detector.key)
        reads = [kind.kind for kind in detector.reads] or list(detector.measures)
        table.add_row("reads", ", ".join(reads))
        table.add_row("registry", ", ".join(kind.kind for kind in detector.consults) or "-")
        for field, value in msgspec.structs.asdict(ruled.limits).items():
            table.add_row(field, _shown(value))
        table.add_row("zh", ruled.text.zh)
        table.add_row("en", ruled.text.en)
        console.print(table)


def _shown(value: object) -> str:
    if isinstance(value, msgspec.Struct):
        return ", ".join(f"{name} {_shown(part)}" for name, part in msgspec.structs.asdict(value).items())
    if isinstance(value, tuple):
        separator = "\n" if value and isinstance(value[0], msgspec.Struct) else ", "
        return separator.join(_shown(part) for part in value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return units.shown(value) if isinstance(value, int) else str(value)
