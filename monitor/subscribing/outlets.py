"""Where changes go: standard output, a file, a webhook, a command."""

import http.client
import os
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import BinaryIO, Final, Protocol
from urllib.parse import quote, urlsplit

from monitor.subscribing.shapes import Shape, written
from topics.client import Change

_TIMEOUT_S: Final = 30.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_MOST_TRIES: Final = 8
_TRY_AGAIN: Final = frozenset({408, 425, 429})


class NotDelivered(Exception):
    """An event that could not be delivered; the message says why and what to do. Nothing after it was delivered."""


class Outlet(Protocol):
    """Takes changes, one by one."""

    singly: bool
    """Whether each delivery is to be remembered by itself, since it cannot be taken back."""

    def deliver(self, change: Change) -> None:
        """Deliver a change; raises `NotDelivered`."""

    def flush(self) -> int | None:
        """Make everything delivered so far last; gives the length of a file."""

    def close(self) -> None:
        """Close it."""


class Printer:
    """Prints lines to a stream."""

    singly = False

    def __init__(self, shape: Shape, stream: BinaryIO | None = None) -> None:
        self._shape = shape
        self._stream = stream or sys.stdout.buffer

    def deliver(self, change: Change) -> None:
        """Print a change."""
        self._stream.write(written(change, self._shape) + b"\n")

    def flush(self) -> int | None:
        """Flush the stream."""
        self._stream.flush()
        return None

    def close(self) -> None:
        """Leave the stream as it is."""


class FileOutlet:
    """Appends lines to a file, each once: what was written after the last `flush` that counts is cut off at the start.

    Args:
        path: the file.
        shape: of the lines.
        length: bytes that count; None: all that the file holds.

    Raises:
        NotDelivered: the file cannot be written, or is shorter than what counts.
    """

    singly = False

    def __init__(self, path: Path, shape: Shape, length: int | None) -> None:
        self._shape = shape
        try:
            self._file = path.open("ab")
            if length is not None:
                if self._file.tell() < length:
                    raise NotDelivered(
                        f"{path} is shorter than what was written to it; give another --output and --state"
                    )
                self._file.truncate(length)
                self._file.seek(length)
        except OSError as error:
            raise NotDelivered(f"{path}: {error.strerror}") from None

    def deliver(self, change: Change) -> None:
        """Append a change."""
        self._file.write(written(change, self._shape) + b"\n")

    def flush(self) -> int | None:
        """Write everything to the disk; gives the file's length."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and an event that nobody took would count as delivered."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


_opener: Final = urllib.request.build_opener(_NoRedirect)


class Webhook:
    """Posts each change to a URL: a CloudEvent in HTTP's binary mode, the alert as the body.

    A receiver that does not answer or says 5xx, 408, 425 or 429 is tried again with growing pauses.

    Args:
        url: http or https.
        token: sent as `Authorization: Bearer`; None: none.
        wait: waits between tries, seconds.

    Raises:
        ValueError: no such URL.
    """

    singly = True

    def __init__(self, url: str, token: str | None = None, wait: Callable[[float], None] = sleep) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"--webhook {url!r}: a URL like https://desk.example/alerts is expected")
        self._url = url
        self._host = parts.hostname
        self._token = token
        self._wait = wait

    def deliver(self, change: Change) -> None:
        """Post a change."""
        headers = {
            name.replace("ce_", "ce-"): quote(text, safe=" !#$&'()*+,/:;=?@[]-._~")
            for name, text in change.headers.items()
            if name.startswith("ce_") or name in {"traceparent", "content-type"}
        }
        headers["ce-revision"] = change.headers.get("revision", "1")
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url, change.value, headers, method="POST")  # noqa: S310 - http(s) alone
        pause = _FIRST_PAUSE_S
        for tries in range(1, _MOST_TRIES + 1):
            reason = self._post(request)
            if reason is None:
                return
            if tries < _MOST_TRIES:
                self._wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
        raise NotDelivered(
            f"the webhook at {self._host} failed {_MOST_TRIES} times: {reason}; start again when it works"
        )

    def _post(self, request: urllib.request.Request) -> str | None:
        """Try once; gives the reason why it is to be tried again."""
        try:
            with _opener.open(request, timeout=_TIMEOUT_S):
                return None
        except urllib.error.HTTPError as error:
            error.close()
            if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error.code in _TRY_AGAIN:
                return f"it says {error.code} {error.reason}"
            raise NotDelivered(
                f"the webhook at {self._host} refuses an event: {error.code} {error.reason}; mend it and start again"
            ) from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            return str(getattr(error, "reason", error))

    def flush(self) -> int | None:
        """Nothing waits."""
        return None

    def close(self) -> None:
        """Nothing is open."""


class Command:
    """Runs a command for each change: the line on its standard input, the CloudEvents attributes as CE_... variables.

    Args:
        command: as a shell would split it; no shell runs.
        shape: of the line.

    Raises:
        ValueError: it cannot be split.
    """

    singly = True

    def __init__(self, command: str, shape: Shape) -> None:
        self._arguments = shlex.split(command)
        self._shape = shape
        if not self._arguments:
            raise ValueError("--command is empty")

    def deliver(self, change: Change) -> None:
        """Run the command once; an exit code other than 0 ends the subscriber."""
        told = {name.upper(): text.replace("\0", "") for name, text in change.headers.items() if name.startswith("ce_")}
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command
                self._arguments,
                input=written(change, self._shape) + b"\n",
                env={**os.environ, **told},
                check=False,
            )
        except OSError as error:
            raise NotDelivered(f"{self._arguments[0]}: {error.strerror}") from None
        if done.returncode != 0:
            raise NotDelivered(
                f"{self._arguments[0]} ended with exit code {done.returncode}; mend it and start again: "
                "the event counts as not delivered"
            )

    def flush(self) -> int | None:
        """Nothing waits."""
        return None

    def close(self) -> None:
        """Nothing is open."""
