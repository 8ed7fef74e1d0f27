"""`claims-monitor contract`: JSON Schemas and the AsyncAPI document, and whether they keep what was released."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.errors import USAGE, fail, usage_errors

app = typer.Typer(no_args_is_help=True, help="Write and check what consumers and producers rely on.")

Docs = Annotated[Path, typer.Option("--docs", help="Folder of the documents.")]


@app.command(epilog="[bold]Example[/bold]  claims-monitor contract write --docs docs")
def write(docs: Docs = Path("docs")) -> None:
    """Write the JSON Schemas of facts, registry and alerts, and the AsyncAPI document."""
    from monitor.contract_files import write as write_files

    try:
        changed = write_files(docs)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", USAGE)
    typer.echo("\n".join(f"wrote {docs / path}" for path in changed) or "nothing changed")


@app.command(epilog="[bold]Example[/bold]  claims-monitor contract check --docs docs")
def check(docs: Docs = Path("docs")) -> None:
    """Check that the files are those of the code, and that they keep what the last release promised.

    Exit code 1 when a file is stale, or a field was removed, renamed, retyped or made required.
    """
    from monitor.contract_files import ContractError, broken_promises, stale

    with usage_errors(ContractError):
        broken = list(broken_promises(docs))
    old = stale(docs)
    if old:
        broken += [f"{docs / path} is stale; write it with `claims-monitor contract write`" for path in old]
    if broken:
        fail("the contract is broken:" + "".join(f"\n  {one}" for one in broken))
    typer.echo("the contract is kept")


@app.command(epilog="[bold]Example[/bold]  claims-monitor contract release --docs docs")
def release(docs: Docs = Path("docs")) -> None:
    """Keep the schemas of now as those of the last release; later ones are checked against them."""
    from monitor.contract_files import ContractError, broken_promises
    from monitor.contract_files import release as keep

    if (docs / "schemas" / "released").exists():
        with usage_errors(ContractError):
            broken = list(broken_promises(docs))
        if broken:
            fail("not released, since the last release is broken:" + "".join(f"\n  {one}" for one in broken))
    try:
        keep(docs)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", USAGE)
    typer.echo(f"kept in {docs / 'schemas' / 'released'}")
