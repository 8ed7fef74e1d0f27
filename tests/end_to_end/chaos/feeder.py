"""Facts that flow for as long as they are needed: quickly when more is asked for, in a trickle otherwise."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.end_to_end.program import ROOT, command

_PAUSE_S = 0.1
_QUICK = 20
_TRICKLE = 2
_RATE = 400
"""Above what is fed; it makes `play` write in small pieces."""


class Feeder:
    """`claims-monitor play -`, fed with the lines of a file.

    Args:
        facts: an NDJSON file.
        where: options of the command: broker and prefix.
    """

    def __init__(self, facts: Path, where: list[str]) -> None:
        with facts.open("rb") as lines:
            self._lines = list(lines)
        self.total = len(self._lines)
        self.fed = 0
        self._quick = False
        self._pouring = False
        self._over = threading.Event()
        self.player = subprocess.Popen(
            command("play", "-", *where, "--rate", str(_RATE)),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._thread = threading.Thread(target=self._feed, name="feeder", daemon=True)
        self._thread.start()

    @property
    def left(self) -> int:
        """Facts not yet fed."""
        return self.total - self.fed

    def check(self) -> None:
        """Fail when the player has ended: no fact comes any more, whatever the workers do."""
        code = self.player.poll()
        if code is not None and self.left:
            _, errors = self.player.communicate(timeout=10)
            raise AssertionError(f"play ended with {code}:\n{errors.decode(errors='replace')[-3000:]}")

    @contextlib.contextmanager
    def quickly(self) -> Iterator[None]:
        """Feed quickly for as long as something is waited for, then go back to a trickle."""
        self._quick = True
        try:
            yield
        except AssertionError:
            self.check()  # nothing comes of facts that are not written
            raise
        finally:
            self._quick = False

    def finish(self) -> None:
        """Feed the rest at once and wait until all is written."""
        self._pouring = True
        self._thread.join(300)
        _, errors = self.player.communicate(timeout=300)
        assert self.player.returncode == 0, errors.decode()

    def kill(self) -> None:
        """End it without the rest."""
        self._over.set()
        self.player.kill()
        self._thread.join(10)
        self.player.wait(10)

    def _feed(self) -> None:
        assert self.player.stdin is not None
        try:
            while self.left and not self._over.wait(0 if self._pouring else _PAUSE_S):
                count = _QUICK if self._pouring or self._quick else _TRICKLE
                self.player.stdin.write(b"".join(self._lines[self.fed : self.fed + count]))
                self.player.stdin.flush()
                self.fed += min(count, self.left)
            self.player.stdin.close()
        except OSError:
            return  # it has ended; who waits for it sees why
        self.player.stdin = None
