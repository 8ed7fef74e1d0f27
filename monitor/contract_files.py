"""The contract as files: JSON Schemas of the topics and the AsyncAPI document, and the schemas of the last release."""

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from topics.asyncapi import document
from topics.catalogue import all_topics
from topics.compatibility import breaches
from topics.schemas import SCHEMA_TOPICS, schema_of

ASYNCAPI: Final = "asyncapi.json"
SCHEMAS: Final = "schemas"
RELEASED: Final = "released"
"""Folder of the schemas that the last release promised, beside the current ones."""


class ContractError(Exception):
    """Files that cannot be read or are not what they should be; the message names each."""


def made() -> dict[str, str]:
    """The files as the code makes them: path below `docs` -> text."""
    files = {f"{SCHEMAS}/{topic}.schema.json": _text(schema_of(topic)) for topic in SCHEMA_TOPICS}
    return files | {ASYNCAPI: _text(document(metadata.version("claims-monitor")))}


def write(docs: Path) -> list[str]:
    """Write the files; gives the paths of those that changed.

    Raises:
        OSError: a file cannot be written.
    """
    changed = []
    for path, text in made().items():
        file = docs / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def stale(docs: Path) -> list[str]:
    """Paths of files that are missing or differ from what the code makes."""
    return [
        path
        for path, text in made().items()
        if not (docs / path).exists() or (docs / path).read_text(encoding="utf-8") != text
    ]


def release(docs: Path) -> None:
    """Keep the schemas as they are now as those of the last release.

    Raises:
        OSError: a file cannot be written.
    """
    folder = docs / SCHEMAS / RELEASED
    folder.mkdir(parents=True, exist_ok=True)
    for topic in SCHEMA_TOPICS:
        (folder / f"{topic}.schema.json").write_text(_text(schema_of(topic)), encoding="utf-8")


def broken_promises(docs: Path) -> Iterator[str]:
    """What the code breaks of the released schemas, `topic: breach` each.

    Raises:
        ContractError: there are no released schemas, or one cannot be read.
    """
    inputs = {topic.name for topic in all_topics() if topic.kind == "input"}
    for name, released in _released(docs):
        if name not in SCHEMA_TOPICS:
            yield f"{name}: the topic has no schema any more"
            continue
        for breach in breaches(released, schema_of(name), read=name in inputs):
            yield f"{name}: {breach}"


def _released(docs: Path) -> Iterator[tuple[str, Any]]:
    folder = docs / SCHEMAS / RELEASED
    files = sorted(folder.glob("*.schema.json"))
    if not files:
        raise ContractError(f"{folder} holds no released schemas; make them with `claims-monitor contract release`")
    for file in files:
        try:
            yield file.name.removesuffix(".schema.json"), json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ContractError(f"{file}: {error}") from None


def _text(schema: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
