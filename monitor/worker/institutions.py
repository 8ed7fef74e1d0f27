"""Looks at institutions in the background, a few at a time, for the metrics: never on the way of a fact."""

import asyncio
from collections.abc import Iterable
from typing import Final

from detectors.terms import General
from monitor.institution_looks import Look, look
from monitor.key_state import KeyState
from monitor.state import META, institution_of, institutions_in, read_meta
from monitor.worker.ports import LocalState
from topics.registry import Institution, Registry
from topics.times import DAY

EVERY_S: Final = 5.0
AT_ONCE: Final = 200
"""Institutions looked at in one pass of a partition; the rest wait for the next pass."""
_SLICE: Final = 20

Place = tuple[str, str]
"""Region (admdvs) and level (hosp_lv; empty for a pharmacy) of an institution."""


class Institutions:
    """What was last seen of the institutions whose keys this process owns.

    Args:
        registry: reference data.
        general: general numbers of the terms.
    """

    def __init__(self, registry: Registry, general: General) -> None:
        self._registry = registry
        self._general = general
        self._waiting: dict[int, dict[str, None]] = {}
        self._looks: dict[int, dict[str, Look]] = {}
        self._days: dict[int, int] = {}

    def looks(self) -> Iterable[tuple[str, Look]]:
        """All institutions, as last looked at."""
        for looks in self._looks.values():
            yield from looks.items()

    def place(self, institution: str, at: int) -> Place:
        """Region and level by the registry as of a local second; `unknown` where it does not say."""
        entry = self._registry.get(Institution, institution, at=at)
        if entry is None:
            return "unknown", "unknown"
        return entry.place or "unknown", entry.level or ("pharmacy" if entry.institution_type == "2" else "unknown")

    def changed(self, partition: int, keys: Iterable[bytes]) -> None:
        """Note the institutions behind keys that were written."""
        waiting = self._waiting.get(partition)
        if waiting is not None:
            for key in keys:
                institution = institution_of(key)
                if institution is not None:
                    waiting[institution] = None

    async def watch(self, partition: int, store: LocalState) -> None:
        """Look at what changed, and at all when a day begins, until cancelled."""
        self._waiting[partition] = {}
        self._looks[partition] = {}
        try:
            while True:
                await self._pass(partition, store)
                await asyncio.sleep(EVERY_S)
        finally:
            self._waiting.pop(partition, None)
            self._looks.pop(partition, None)
            self._days.pop(partition, None)

    async def _pass(self, partition: int, store: LocalState) -> None:
        now = min(read_meta(store.get(META)).clocks.values(), default=0)
        waiting = self._waiting[partition]
        if now // DAY != self._days.get(partition):
            self._days[partition] = now // DAY
            with store.reading() as reading:
                waiting.update(dict.fromkeys(institutions_in(reading)))
        for _ in range(0, AT_ONCE, _SLICE):
            names = list(waiting)[:_SLICE]
            if not names:
                return
            with store.reading() as reading:
                for name in names:
                    del waiting[name]
                    state = KeyState("institution", name, reading, self._general, self._registry, now)
                    self._looks[partition][name] = look(state.history, now // DAY)
            await asyncio.sleep(0)
