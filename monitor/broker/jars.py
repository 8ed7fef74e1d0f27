"""Kafka's jars: resolved from Maven Central once, kept in the user's cache, checked against known checksums."""

import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import Final

KAFKA_VERSION: Final = "4.3.1"
CHECKSUMS: Final = f"kafka-{KAFKA_VERSION}.sha256"
JARS_VARIABLE: Final = "CLAIMS_MONITOR_KAFKA_JARS"
"""Environment variable: a folder that holds the jars already (no network needed)."""

_DONE: Final = "verified"


class JarsError(Exception):
    """The jars cannot be had, or are not what they should be; the message says what to do."""


def cache_folder() -> Path:
    """Where jars are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "claims-monitor" / f"kafka-{KAFKA_VERSION}"


def known_checksums() -> dict[str, str]:
    """File name -> SHA-256 of every jar."""
    text = resources.files("monitor.broker").joinpath(CHECKSUMS).read_text(encoding="ascii")
    return {name: digest for digest, name in (line.split() for line in text.splitlines() if line)}


def kafka_jars() -> Path:
    """The folder with all jars, downloaded if need be.

    Raises:
        JarsError: they cannot be downloaded, one is missing, or a checksum differs.
    """
    given = os.environ.get(JARS_VARIABLE)
    if given:
        folder = Path(given)
        _verify(folder, f"{JARS_VARIABLE}={given}")
        return folder
    folder = cache_folder()
    if not (folder / _DONE).exists():
        _download(folder)
        _verify(folder, str(folder))
        (folder / _DONE).touch()
    elif any(not (folder / name).exists() for name in known_checksums()):
        (folder / _DONE).unlink()
        return kafka_jars()
    return folder


def _download(folder: Path) -> None:
    import shutil

    import jgo

    folder.mkdir(parents=True, exist_ok=True)
    try:
        environment = jgo.build(f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", cache_dir=folder / "resolver")
        jars = [Path(jar) for jar in (*environment.class_path_jars, *environment.module_path_jars)]
        for jar in jars:
            target = folder / jar.name
            if not target.exists():
                part = target.with_suffix(".part")
                shutil.copyfile(jar, part)
                part.replace(target)
    except Exception as error:
        raise JarsError(
            f"Apache Kafka {KAFKA_VERSION} cannot be downloaded ({error}). Without a network, copy the jars from a "
            f"machine that has them and set {JARS_VARIABLE} to their folder, or use another Kafka with "
            "--bootstrap-servers"
        ) from error


def _verify(folder: Path, where: str) -> None:
    for name, digest in known_checksums().items():
        jar = folder / name
        if not jar.exists():
            raise JarsError(f"{where}: {name} is missing; delete the folder and try again")
        with jar.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            raise JarsError(f"{where}: {name} is not the jar it should be (checksum differs); delete it and try again")


def class_path() -> str:
    """The class path of Kafka's programs: the known jars and nothing else that lies in the folder."""
    folder = kafka_jars()
    return os.pathsep.join(str(folder / name) for name in known_checksums())
