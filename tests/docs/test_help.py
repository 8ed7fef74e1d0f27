"""Help: every command shows an example of itself and describes every option; pages name what there is."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli import app

ROOT = Path(__file__).parents[2]
PAGES = ("docs/operations.md", "examples/systemd/README.md")


def _commands(
    command: Any,  # noqa: ANN401 - a command of the click that typer carries inside
    names: tuple[str, ...] = (),
) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", {})
    if names and (not inner or command.invoke_without_command):
        yield names, command
    for name, each in inner.items():
        yield from _commands(each, (*names, name))


COMMANDS = dict(_commands(typer.main.get_command(app)))


def _runs(text: str) -> Iterator[list[str]]:
    """Command lines of `claims-monitor` in a text, split as a shell does, up to a pipe or a redirection."""
    text = text.replace("\\\n", " ")
    for line in re.findall(r"(?:^\s*|\| |`)claims-monitor ([^`\n|]*)", text, re.MULTILINE):
        yield shlex.split(re.split(r" [<>&#]| \d>", line)[0])


def _unknown(words: list[str]) -> str | None:
    """What of a command line the monitor does not have: a command or an option."""
    names = max((name for name in COMMANDS if tuple(words[: len(name)]) == name), key=len, default=None)
    if names is None:
        return f"no command {' '.join(words[:2])}"
    options = {
        option for parameter in COMMANDS[names].params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    given = {word.partition("=")[0] for word in words[len(names) :] if re.fullmatch(r"--?[A-Za-z][a-z-]*(=.*)?", word)}
    return next((f"{' '.join(names)} has no {option}" for option in sorted(given - options - {"--help"})), None)


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_and_describes_its_options(names: tuple[str, ...]) -> None:
    """The example is of this very command, with options that it has; no option is left without a word."""
    command = COMMANDS[names]
    assert command.help
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            assert getattr(parameter, "help", None), parameter.name
    plain = re.sub(r"\[/?[a-z]+\]", "", command.epilog or "")
    examples = list(_runs(re.sub(r"Examples?\s+claims", "claims", plain)))
    assert any(tuple(example[: len(names)]) == names for example in examples), plain
    assert [wrong for example in examples if (wrong := _unknown(example))] == []
    shown = CliRunner().invoke(app, [*names, "--help"])
    assert shown.exit_code == 0
    assert "Example" in shown.output


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_commands_and_options_that_there_are(page: str) -> None:
    """And files of the repository that exist."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = list(_runs(text))
    assert [wrong for words in found if (wrong := _unknown(words))] == []
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target
    for module in re.findall(r"python -m (bench\.\w+)", text):
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file(), module


def test_what_a_page_must_not_name_is_found() -> None:
    """The tests above see a wrong command, a wrong option, and one behind a pipe."""
    text = "  claims-monitor worker --adopt\n`claims-monitor worker --adapt`\n  x | claims-monitor rebild --yes\n"
    assert [_unknown(words) for words in _runs(text)] == [None, "worker has no --adapt", "no command rebild --yes"]
