"""Kafka's jars: resolved from Maven Central once, kept in the user's cache, checked against known checksums."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

KAFKA_VERSION: Final = "4.3.1"
ENDPOINTS: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",  # without it Kafka's log goes nowhere
)
"""What is resolved, each by itself: resolved together they get other versions."""
CHECKSUMS: Final = f"kafka-{KAFKA_VERSION}.sha256"
JARS_VARIABLE: Final = "CLAIMS_MONITOR_KAFKA_JARS"
"""Environment variable: a folder that holds the jars already (no network needed)."""
CACHE_VARIABLE: Final = "CLAIMS_MONITOR_CACHE"
"""Environment variable: where jars are kept, instead of the user's cache folder."""

_VERIFIED: Final = "verified.json"


class JarsError(Exception):
    """The jars cannot be had, or are not what they should be; the message says what to do."""


def cache_folder() -> Path:
    """Where jars are kept: $CLAIMS_MONITOR_CACHE, else claims-monitor in the user's cache folder."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given) / f"kafka-{KAFKA_VERSION}"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "claims-monitor" / f"kafka-{KAFKA_VERSION}"


def known_checksums() -> dict[str, str]:
    """File name -> SHA-256 of every jar."""
    text = resources.files("monitor.broker").joinpath(CHECKSUMS).read_text(encoding="ascii")
    return {name: digest for digest, name in (line.split() for line in text.splitlines() if line)}


def kafka_jars() -> Path:
    """The folder with all jars, downloaded if need be, each checked.

    Raises:
        JarsError: they cannot be downloaded, one is missing, or a checksum differs.
    """
    given = os.environ.get(JARS_VARIABLE)
    if given:
        folder = Path(given)
        for name in known_checksums():
            _check(folder / name, f"give {JARS_VARIABLE} a folder that has all jars of Apache Kafka {KAFKA_VERSION}")
        return folder
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JarsError(
            f"{folder} cannot be made: {error.strerror}; set {CACHE_VARIABLE} to a folder that can be written"
        ) from None
    with _locked(folder):
        if any(not (folder / name).exists() for name in known_checksums()):
            _download(folder)
        _verify_cache(folder)
    return folder


def class_path() -> str:
    """The class path of Kafka's programs: the known jars and nothing else that lies in the folder.

    Raises:
        JarsError: see `kafka_jars`.
    """
    folder = kafka_jars()
    return os.pathsep.join(str(folder / name) for name in known_checksums())


def _download(folder: Path) -> None:
    import jgo

    work = folder / "resolver"
    wanted = known_checksums()
    try:
        for endpoint in ENDPOINTS:
            environment = jgo.build(endpoint, cache_dir=work)
            for jar in map(Path, (*environment.class_path_jars, *environment.module_path_jars)):
                if jar.name in wanted:
                    part = folder / (jar.name + ".part")
                    shutil.copyfile(jar, part)
                    part.replace(folder / jar.name)
    except Exception as error:
        raise JarsError(
            f"Apache Kafka {KAFKA_VERSION} cannot be downloaded ({_short(error)}). Without a network, copy "
            f"{folder} from a machine that has it and set {JARS_VARIABLE} to the copy, or use another Kafka "
            "with --bootstrap-servers"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _short(error: Exception) -> str:
    """The innermost reason, in one line: libraries wrap it several times."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[-1][-200:]


def _verify_cache(folder: Path) -> None:
    """Check every jar whose size or time is not that of the last check."""
    seen = _seen(folder)
    stamps = {}
    for name in known_checksums():
        jar = folder / name
        stamp = _stamp(jar)
        if stamp is None or seen.get(name) != stamp:
            _check(jar, "delete it and start again")
        stamps[name] = stamp
    if stamps != seen:
        (folder / _VERIFIED).write_text(json.dumps(stamps), encoding="ascii")


def _seen(folder: Path) -> dict[str, list[int]]:
    try:
        content = json.loads((folder / _VERIFIED).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _stamp(jar: Path) -> list[int] | None:
    try:
        found = jar.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _check(jar: Path, advice: str) -> None:
    try:
        with jar.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise JarsError(f"{jar}: {error.strerror}; {advice}") from None
    if found != known_checksums()[jar.name]:
        raise JarsError(f"{jar} is not the jar it should be (its checksum differs); {advice}")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time downloads."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
