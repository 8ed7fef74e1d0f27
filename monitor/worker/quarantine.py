"""The quarantine limit: a bad deployment upstream must not empty a day into the dead-letter topic quietly."""

from collections import deque


class QuarantineLimit:
    """Watches the last records of one topic partition.

    Args:
        window: how many last records count.
        share_ppm: more than this share of the window (parts per million) is too much; None: no limit.
    """

    def __init__(self, window: int, share_ppm: int | None) -> None:
        self._window = window
        self._most = None if share_ppm is None else window * share_ppm // 1_000_000
        self._bad: deque[int] = deque()
        self._seen = 0

    def saw(self, records: int, bad: int) -> bool:
        """Note a batch; tells whether the limit is passed now."""
        self._seen += records
        self._bad.extend([self._seen] * bad)
        while self._bad and self._bad[0] <= self._seen - self._window:
            self._bad.popleft()
        return self._most is not None and len(self._bad) > self._most

    def reset(self) -> None:
        """Forget what was seen: somebody has said that work shall go on."""
        self._bad.clear()

    @property
    def bad(self) -> int:
        """How many of the last records were quarantined."""
        return len(self._bad)
