"""The quarantine limit: a bad deployment upstream must not empty a day into the dead-letter topic quietly."""

from collections import deque


class QuarantineLimit:
    """Watches the last records of one topic partition.

    Args:
        window: how many last records count.
        share_ppm: more than this share of the window (parts per million) is too much; None: no limit.

    Attributes:
        paused: whether the partition was paused and nobody has said that work shall go on.
    """

    def __init__(self, window: int, share_ppm: int | None) -> None:
        self._window = window
        self._most = None if share_ppm is None else window * share_ppm // 1_000_000
        self._bad: deque[int] = deque()
        self._seen = 0
        self.paused = False

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
        self.paused = False

    @property
    def bad(self) -> int:
        """How many of the last records were quarantined."""
        return len(self._bad)


class Limits:
    """The limits of all topic partitions that a process has seen.

    Args:
        window: how many last records count.
        share_ppm: see `QuarantineLimit`.
    """

    def __init__(self, window: int, share_ppm: int | None) -> None:
        self._window = window
        self._share_ppm = share_ppm
        self._limits: dict[tuple[str, int], QuarantineLimit] = {}

    def of(self, topic: str, partition: int) -> QuarantineLimit:
        """The limit of a topic partition."""
        key = topic, partition
        if key not in self._limits:
            self._limits[key] = QuarantineLimit(self._window, self._share_ppm)
        return self._limits[key]
