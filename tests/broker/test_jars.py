"""Kafka's jars: from cache or a given folder, checked, and told plainly when they cannot be had."""

import os
from pathlib import Path

import pytest

from monitor.broker import jars
from monitor.broker.jars import CACHE_VARIABLE, JARS_VARIABLE, JarsError, class_path, kafka_jars, known_checksums
from tests.broker.conftest import Run


@pytest.fixture(scope="module")
def complete() -> Path:
    """A folder that has all jars."""
    return kafka_jars()


@pytest.fixture
def bundle(complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them (by links), given by the environment."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in known_checksums():
        (folder / name).symlink_to((complete / name).resolve())
    monkeypatch.setenv(JARS_VARIABLE, str(folder))
    return folder


def _replace(jar: Path, content: bytes) -> None:
    jar.unlink()
    jar.write_bytes(content)


def test_checksums_name_every_jar_of_this_kafka() -> None:
    """The list is that of the declared version: its core, its clients, and a full SHA-256 each."""
    known = known_checksums()
    assert f"kafka_2.13-{jars.KAFKA_VERSION}.jar" in known
    assert f"kafka-clients-{jars.KAFKA_VERSION}.jar" in known
    assert all(len(digest) == 64 and int(digest, 16) for digest in known.values())


@pytest.mark.broker
def test_class_path_is_the_known_jars_only(bundle: Path) -> None:
    """Something else that lies in the folder is never run."""
    (bundle / "stranger.jar").write_bytes(b"?")
    assert sorted(Path(part).name for part in class_path().split(os.pathsep)) == sorted(known_checksums())


@pytest.mark.broker
def test_given_folder_needs_no_cache(bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the jars given, nothing is looked for or written in the cache."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    assert kafka_jars() == bundle
    assert not (tmp_path / "cache").exists()


@pytest.mark.broker
def test_changed_jar_is_refused(bundle: Path) -> None:
    """A jar with another content is named, and what to do is said."""
    name = f"kafka-clients-{jars.KAFKA_VERSION}.jar"
    _replace(bundle / name, b"other")
    with pytest.raises(JarsError, match="checksum") as raised:
        kafka_jars()
    assert name in str(raised.value)


@pytest.mark.broker
def test_missing_jar_of_a_given_folder_is_named(bundle: Path) -> None:
    """A bundle that is not complete is refused by the name of what it lacks."""
    name = f"kafka-clients-{jars.KAFKA_VERSION}.jar"
    (bundle / name).unlink()
    with pytest.raises(JarsError) as raised:
        kafka_jars()
    assert name in str(raised.value)
    assert JARS_VARIABLE in str(raised.value)


@pytest.mark.broker
def test_cached_jar_that_changed_after_the_check_is_refused(
    complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick check of a cache that was verified once still sees a jar that was replaced; mended, it serves again."""
    monkeypatch.delenv(JARS_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    folder = jars.cache_folder()
    folder.mkdir(parents=True)
    for name in known_checksums():
        (folder / name).symlink_to((complete / name).resolve())
    assert kafka_jars() == folder
    with monkeypatch.context() as patch:
        patch.setattr(jars, "_check", lambda jar, _advice: pytest.fail(f"{jar} did not change and was read again"))
        assert kafka_jars() == folder
    name = f"kafka-clients-{jars.KAFKA_VERSION}.jar"
    _replace(folder / name, b"x" * (complete / name).stat().st_size)
    with pytest.raises(JarsError, match="checksum"):
        kafka_jars()
    _replace(folder / name, (complete / name).read_bytes())
    assert kafka_jars() == folder


def test_offline_with_an_empty_cache_says_what_to_do(run: Run, tmp_path: Path) -> None:
    """No network and nothing cached: one line that names both ways out, exit code 1, and no traceback."""
    nowhere = "http://127.0.0.1:9"
    home = tmp_path / "home"
    home.mkdir()
    ended = run(
        "broker",
        "start",
        HOME=str(home),
        M2_REPO=str(home / "m2"),
        HTTP_PROXY=nowhere,
        HTTPS_PROXY=nowhere,
        http_proxy=nowhere,
        https_proxy=nowhere,
        NO_PROXY="",
        no_proxy="",
        **{CACHE_VARIABLE: str(tmp_path / "cache"), JARS_VARIABLE: ""},
    )
    assert ended.returncode == 1
    assert "cannot be downloaded" in ended.stderr
    assert JARS_VARIABLE in ended.stderr
    assert "--bootstrap-servers" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_cache_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder in the way of which stands a file."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.delenv(JARS_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(JarsError, match=CACHE_VARIABLE):
        kafka_jars()
