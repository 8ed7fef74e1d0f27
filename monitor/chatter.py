"""Keeps libraries from saying the same thing thousands of times while a broker is away, and from tracing refusals."""

import logging
from typing import Final

from monitor import clock
from monitor.refusal import Refused

_LIBRARIES: Final = ("aiokafka", "kafka", "mode", "faust")
_AGAIN_AFTER_S: Final = 10.0
_MOST_KINDS: Final = 500


class Chatter(logging.Filter):
    """Lets each kind of message of the libraries through once in a while, and says how often it was held back.

    A kind is a logger, a level and the text before its values are filled in; what others log passes untouched.

    Args:
        again_after_s: seconds for which a kind is held back after it was let through.
    """

    def __init__(self, again_after_s: float = _AGAIN_AFTER_S) -> None:
        super().__init__()
        self._again_after_s = again_after_s
        self._said: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        if _of_refusal(record):
            return False
        kind = record.name, record.levelno, str(record.msg)
        now = clock.monotonic()
        since, held = self._said.get(kind, (now - self._again_after_s, 0))
        if now - since < self._again_after_s:
            self._said[kind] = since, held + 1
            return False
        if len(self._said) >= _MOST_KINDS:  # texts with values already in them
            self._said.clear()
        self._said[kind] = now, 0
        if held:
            record.msg = f"{record.getMessage()} ({held} more like this since)"
            record.args = None
        return True


def _of_refusal(record: logging.LogRecord) -> bool:
    """Whether it is what mode says of a service that ends since the worker refuses: its traceback tells nothing."""
    given = record.args if isinstance(record.args, tuple) else ()
    if any(isinstance(one, Refused) for one in given):
        return True
    # a thread that has ended in the meantime
    return any(isinstance(one, RuntimeError) and str(one) == "Event loop is closed" for one in given)


def quieten() -> None:
    """Put the filter before everything that the process writes its log with; call it after logging is set up."""
    chatter = Chatter()
    for handler in logging.getLogger().handlers:
        handler.addFilter(chatter)
