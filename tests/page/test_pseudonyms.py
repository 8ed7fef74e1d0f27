import os
import stat
from pathlib import Path

import pytest

from monitor.pseudonyms import SECRET_VARIABLE, BadSecret, Pseudonyms, load_secret
from tests.page.made import CERTNO, PERSON, PSEUDONYMS, alert
from topics.alerts import About, Alert, Evidence, encode
from topics.identity import normal_certno


def test_the_same_person_has_the_same_pseudonym_with_the_same_secret_only() -> None:
    again, other = Pseudonyms(b"a secret for tests only"), Pseudonyms(b"a secret for tests onlY")
    assert PSEUDONYMS.person("P1") == again.person("P1")
    assert PSEUDONYMS.person("P1") != other.person("P1")
    assert PSEUDONYMS.person("P1") != PSEUDONYMS.person("P2")


def test_a_pseudonym_is_short_and_stands_for_itself() -> None:
    """Alerts whose values carry pseudonyms already are shown with the same ones."""
    name = PSEUDONYMS.person("P1")
    assert name.startswith("person-")
    assert len(name) == len("person-") + 12
    assert PSEUDONYMS.person(name) == name


def test_both_lengths_of_an_identity_number_give_one_pseudonym_unlike_the_persons() -> None:
    short = "990000850307002"
    long = normal_certno(short)
    assert len(long) == 18
    assert PSEUDONYMS.certno(short) == PSEUDONYMS.certno(long)
    assert PSEUDONYMS.certno(long).removeprefix("certno-") != PSEUDONYMS.person(long).removeprefix("person-")


@pytest.mark.parametrize(
    ("ref", "masked"),
    [
        ("settlement:S1", "settlement:S1"),
        ("fee-line:H1/M1/3", "fee-line:H1/M1/3"),
        ("enrolment:P1", "enrolment:{}"),
        ("death:P1", "death:{}"),
        ("card-loss:P1/2026-01-01 00:00:00", "card-loss:{}/2026-01-01 00:00:00"),
        ("void:enrolment:P1", "void:enrolment:{}"),
        ("void:settlement:S1", "void:settlement:S1"),
        ("person:P1", "person:{}"),
        ("tick", "tick"),
    ],
)
def test_identities_of_facts_lose_the_persons_number_and_nothing_else(ref: str, masked: str) -> None:
    assert PSEUDONYMS.mask_ref(ref) == masked.format(PSEUDONYMS.person("P1"))


MASKED = [
    alert(),
    alert(rule_id="id-shared", about=About("person", PERSON)),
    alert(rule_id="visit-ring", about=About("institution", f"H1/{PERSON}"), psn_no=None),
    alert(evidence=Evidence((f"card-loss:{PERSON}/2026-01-01 00:00:00", f"enrolment:{PERSON}"), 2, [PERSON], PERSON)),
    alert(evidence=Evidence((), 0, {"number": CERTNO, "seen": [f"{CERTNO}, and more"]}, {PERSON: 1})),
]


@pytest.mark.parametrize("given", MASKED, ids=range(len(MASKED)))
def test_no_number_is_left_in_a_masked_alert(given: Alert) -> None:
    before, after = encode(given), encode(PSEUDONYMS.mask_alert(given))
    assert PERSON.encode() in before or CERTNO.encode() in before
    assert PERSON.encode() not in after
    assert CERTNO.encode() not in after


def test_all_else_of_an_alert_stays() -> None:
    given = alert(evidence=Evidence(("settlement:S1",), 1, {"visits": 8, "day": "2026-11-23"}, 8))
    masked = PSEUDONYMS.mask_alert(given)
    assert masked.jr_id == given.jr_id
    assert masked.evidence == given.evidence
    assert masked.about == given.about
    assert masked.psn_no == PSEUDONYMS.person(PERSON)


def test_without_a_person_none_is_made_up() -> None:
    assert PSEUDONYMS.mask_alert(alert(psn_no=None)).psn_no is None


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    first = load_secret(tmp_path / "data")
    assert load_secret(tmp_path / "data") == first
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "data") == ["secret"]  # noqa: PTH208 - hidden files too
    assert load_secret(tmp_path / "other") != first


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, " sixteen bytes ok ")
    assert load_secret(tmp_path) == b"sixteen bytes ok"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("secret", ["", "fifteen bytes .", "   "])
def test_a_secret_that_can_be_guessed_is_refused(secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, secret)
    with pytest.raises(BadSecret, match=SECRET_VARIABLE):
        load_secret(tmp_path)
    monkeypatch.delenv(SECRET_VARIABLE)
    (tmp_path / "secret").write_text(secret)
    with pytest.raises(BadSecret, match="at least 16"):
        load_secret(tmp_path)


def test_a_folder_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSecret, match="--data"):
        load_secret(tmp_path / "file")


def test_a_secret_that_others_can_read_is_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    secret = load_secret(tmp_path)
    assert not caplog.records
    (tmp_path / "secret").chmod(0o644)
    assert load_secret(tmp_path) == secret
    assert "chmod 600" in caplog.text
    assert secret.decode() not in caplog.text
