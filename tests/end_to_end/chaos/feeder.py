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
        log: what it says goes there: a pipe that nobody reads would hold it up as soon as it is full.
    """

    def __init__(self, facts: Path, where: list[str], log: Path) -> None:
        with facts.open("rb") as lines:
            self._lines = list(lines)
        self.total = len(self._lines)
        self.fed = 0
        self._quick = False
        self._pouring = False
        self._over = threading.Event()
        self._log = log
        with log.open("wb") as said:
            self.player = subprocess.Popen(
                command("play", "-", *where, "--rate", str(_RATE)),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
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
            raise AssertionError(f"play ended with {code}:\n{self._said()}")

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
        assert self.player.wait(300) == 0, self._said()

    def kill(self) -> None:
        """End it without the rest."""
        self._over.set()
        self.player.kill()
        self._thread.join(10)
        self.player.wait(10)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

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
