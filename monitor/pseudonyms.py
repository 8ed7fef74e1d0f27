"""Pseudonyms: what stands for a person's numbers wherever people or machines outside the monitor look.

A pseudonym is a keyed MAC: the same person has the same one everywhere while the secret stays, and without the
secret nobody can compute it, nor try out numbers against it.
"""

import logging
import os
import re
import secrets
from base64 import b32encode
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from topics.alerts import About, Alert
from topics.identity import normal_certno

SECRET_VARIABLE: Final = "CLAIMS_MONITOR_SECRET"  # noqa: S105 - the name of a variable, no secret
SECRET_FILE: Final = "secret"  # noqa: S105 - the name of a file
LEAST_SECRET: Final = 16
"""Bytes; a shorter secret can be guessed."""

_DIGEST_BYTES: Final = 8
_LENGTH: Final = 12
"""Characters of base32, 60 bits: among ten million persons two share a pseudonym with odds of 1 in 20,000."""

_PSEUDONYM: Final = re.compile(r"(?:person|certno)-[A-Z2-7]{12}")
_CERTNO: Final = re.compile(r"(?<![0-9A-Za-z])(?:\d{17}[0-9Xx]|\d{15})(?![0-9A-Za-z])", re.ASCII)
_WHOLE_ID: Final = frozenset({"person", "enrolment", "death"})
"""Kinds whose id is a `psn_no`."""
_FIRST_PART: Final = frozenset({"card-loss"})
"""Kinds whose id is `psn_no/...`."""
_LAST_PART: Final = frozenset({"visit-ring"})
"""Rules whose `about.id` ends with a `psn_no`."""

log = logging.getLogger(__name__)


class BadSecret(ValueError):
    """The secret for pseudonyms cannot be used; the message says what to do."""


class Pseudonyms:
    """Makes pseudonyms with one secret.

    Args:
        secret: the key, at least `LEAST_SECRET` bytes.

    Raises:
        BadSecret: the secret is too short.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_SECRET:
            raise BadSecret(f"the secret has {len(secret)} bytes; give it at least {LEAST_SECRET}")
        self._key = blake2b(secret, digest_size=32, person=b"claims-monitor").digest()

    def person(self, psn_no: str) -> str:
        """What stands for a `psn_no`, such as `person-7K3QM2XA5WBT`; a pseudonym stands for itself."""
        return self._pseudonym("person", psn_no)

    def certno(self, certno: str) -> str:
        """What stands for an identity number, such as `certno-4DHT6QZB2XKA`; its two lengths give one pseudonym."""
        return self._pseudonym("certno", normal_certno(certno) or certno)

    def _pseudonym(self, kind: str, number: str) -> str:
        if _PSEUDONYM.fullmatch(number):
            return number
        mac = blake2b(number.encode(), key=self._key, digest_size=_DIGEST_BYTES, person=kind.encode()).digest()
        return f"{kind}-{b32encode(mac).decode()[:_LENGTH]}"

    def mask_ref(self, ref: str) -> str:
        """A fact's identity (`type:id`) with the person's number in it replaced."""
        kind, colon, rest = ref.partition(":")
        if not colon:
            return ref
        if kind == "void":
            return "void:" + self.mask_ref(rest)
        if kind in _WHOLE_ID:
            return f"{kind}:{self.person(rest)}"
        if kind in _FIRST_PART:
            number, slash, last = rest.rpartition("/")
            return f"{kind}:{self.person(number)}{slash}{last}" if slash else f"{kind}:{self.person(rest)}"
        return ref

    def mask_alert(self, alert: Alert) -> Alert:
        """The alert without any person's number; `jr_id` stays."""
        evidence = alert.evidence
        if evidence is not None:
            evidence = msgspec.structs.replace(
                evidence,
                facts=tuple(self.mask_ref(ref) for ref in evidence.facts),
                observed=self._mask_value(evidence.observed, alert.psn_no),
                limit=self._mask_value(evidence.limit, alert.psn_no),
            )
        return msgspec.structs.replace(
            alert,
            psn_no=None if alert.psn_no is None else self.person(alert.psn_no),
            about=self._mask_about(alert),
            evidence=evidence,
        )

    def _mask_about(self, alert: Alert) -> About:
        kind, ident = alert.about.kind, alert.about.id
        if kind in _WHOLE_ID:
            return About(kind, self.person(ident))
        if alert.rule_id in _LAST_PART:
            first, slash, number = ident.partition("/")
            return About(kind, f"{first}/{self.person(number)}" if slash else ident)
        return alert.about

    def _mask_value(self, value: Any, psn_no: str | None) -> Any:  # noqa: ANN401 - any JSON value
        """What was observed, or a limit, with texts that are or hold a person's number replaced."""
        if isinstance(value, str):
            if value == psn_no:
                return self.person(value)
            return _CERTNO.sub(lambda found: self.certno(found[0]), value)
        if isinstance(value, list):
            return [self._mask_value(item, psn_no) for item in value]
        if isinstance(value, dict):
            return {self._mask_value(name, psn_no): self._mask_value(item, psn_no) for name, item in value.items()}
        return value


def load_secret(data_dir: Path) -> bytes:
    """The secret of this installation: the environment's, else the file `secret`, made on first use.

    Workers and pages that shall show the same pseudonyms need the same secret.

    Args:
        data_dir: folder of the monitor's own data; made when missing.

    Raises:
        BadSecret: the variable or file is there but too short, or the file cannot be read or made.
    """
    text = os.environ.get(SECRET_VARIABLE)
    if text is not None:
        return _checked(text.strip().encode(), f"the environment variable {SECRET_VARIABLE}")
    path = data_dir / SECRET_FILE
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            log.warning("%s can be read by others; close it with: chmod 600 %s", path, path)
        return _checked(path.read_bytes().strip(), str(path))
    except OSError as error:
        raise BadSecret(f"{path}: {error.strerror}; set {SECRET_VARIABLE} or choose another --data folder") from None


def _checked(secret: bytes, origin: str) -> bytes:
    if len(secret) < LEAST_SECRET:
        raise BadSecret(f"{origin} holds {len(secret)} bytes; give it at least {LEAST_SECRET} random ones")
    return secret


def _make(path: Path) -> None:
    """Write a new secret whole or not at all; when two processes come at once, the first one's stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
