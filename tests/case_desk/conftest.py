"""A database of each kind: a SQLite file, and a real PostgreSQL server."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.case_desk.store import Desk, opened

BINARIES = Path("/usr/lib/postgresql")
ACCOUNT = "postgres"


def _program(name: str) -> str:
    found = sorted(BINARIES.glob(f"*/bin/{name}"))
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing; the Debian package postgresql has it")
        pytest.skip("PostgreSQL is not installed: the desk is tested with SQLite alone")
    return program


def _as_postgres() -> Callable[[], None] | None:
    """The server refuses to run as root: Debian's package brings an account for it."""
    if os.getuid() != 0:
        return None
    account = pwd.getpwnam(ACCOUNT)

    def change() -> None:
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)

    return change


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a server with a folder of its own, reached by a socket there."""
    # not pytest's folder: another account may not enter it; and a socket's path must be short
    initdb, server = _program("initdb"), _program("pg_ctl")
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="desk-", dir="/tmp"))
    change = _as_postgres()
    if change is not None:
        shutil.chown(folder, ACCOUNT)
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, preexec_fn=change, cwd="/", timeout=120)

    run(initdb, "-D", str(data), "-U", "desk", "-A", "trust", "-N", "-E", "UTF8", "--no-locale")
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    run(server, "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://desk@/postgres?host={folder}"
    finally:
        run(server, "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "cases.sqlite")
    address = str(request.getfixturevalue("postgres"))
    base = opened(address)
    for table in ("desk_cases", "desk_history", "desk_positions"):
        base.execute(f"DROP TABLE IF EXISTS {table}")
    base.close()
    return address


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    """A desk over an empty database."""
    base = opened(database)
    yield Desk(base)
    base.close()
