"""`claims-monitor rules`: what is judged, and by which terms."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detectors.terms import TermsError
from monitor.commands.errors import FAILED, USAGE, fail, usage_errors

app = typer.Typer(no_args_is_help=True, help="List the rules and explain each with its terms.")

TermsOption = Annotated[Path | None, typer.Option(help="Terms file, or folder of versions; default: built in.")]


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
    """Explain one rule: what fires it, its numbers, clause, texts, the facts it reads, and an alert as example."""
    from detectors.catalogue import all_detectors
    from monitor.rule_examples import example_alerts
    from monitor.rules_page import SEVERITY, definition, example_text, needs, shown
    from monitor.terms_files import load_terms

    with usage_errors(TermsError):
        loaded = load_terms(terms)
    detector = all_detectors().get(name)
    if detector is None:
        fail(f"no rule {name!r}; `claims-monitor rules list` names them all", USAGE)
    console = Console()
    console.print(Text(definition(detector)))
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
        reads, consults = needs(detector)
        table.add_row("reads", reads)
        table.add_row("registry", consults)
        for field, value in msgspec.structs.asdict(ruled.limits).items():
            table.add_row(field, shown(value))
        table.add_row("zh", ruled.text.zh)
        table.add_row("en", ruled.text.en)
        console.print(table)
    alert = example_alerts(loaded, [name]).get(name)
    if alert is not None:
        console.print("an alert of a simulated region:")
        console.print(Text(example_text(alert)), soft_wrap=True)


@app.command(
    epilog="[bold]Examples[/bold]\n\n  claims-monitor rules document -o docs/rules.md\n\n  "
    "claims-monitor rules document -o docs/rules.md --check"
)
def document(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page; without it standard output.", show_default=False)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when the page is stale or missing.")
    ] = False,
    terms: TermsOption = None,
) -> None:
    """Write one page (Markdown) about all rules: definitions, terms, what each needs, and an alert as example."""
    from monitor.rule_examples import example_alerts
    from monitor.rules_page import FIGURES_FILE, rules_page
    from monitor.terms_files import default_text, load_terms

    if check and output is None:
        fail("--check goes with --output, the page to check", USAGE)
    with usage_errors(TermsError):
        loaded = load_terms(terms)
    figures = None if output is None else output.with_name(FIGURES_FILE)
    measured = json.loads(figures.read_text(encoding="utf-8")) if figures is not None and figures.exists() else None
    made = rules_page(loaded, default_text() if terms is None else "", example_alerts(loaded), measured)
    if output is None:
        typer.echo(made, nl=False)
        return
    try:
        if not check:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(made, encoding="utf-8")
        elif not output.exists() or output.read_text(encoding="utf-8") != made:
            fail(f"{output} is stale; write it again with `claims-monitor rules document -o {output}`", FAILED)
    except OSError as error:
        fail(f"{output}: {error.strerror}", USAGE)
