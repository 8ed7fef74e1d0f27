"""A worker that is held up at one place: the same code, but for that.

Usage: hindered_worker.py HINDRANCE, then the arguments of `claims-monitor`. Hindrances:
judging: the call that judges a batch of the first partition of persons never returns;
opening: the first partition of persons never comes to the end of its opening;
slowly: a changelog is read a few records at a time.
"""

import asyncio
import sys
from typing import Any

from monitor.cli import app
from monitor.worker import changelog, liveness
from monitor.worker.unit import Unit

STUCK_AFTER_S = 4.0
FEW_BYTES = 300


def hinder(what: str) -> None:
    """Hold up one place."""

    def never_for_the_first(call: Any) -> Any:  # noqa: ANN401 - any of the unit's calls
        async def held_up(unit: Unit, *arguments: Any) -> None:  # noqa: ANN401 - as above
            if (unit.stage, unit.partition) == ("persons", 0):
                await asyncio.Event().wait()
            await call(unit, *arguments)

        return held_up

    if what == "slowly":
        defaults = changelog.ChangelogReader.__init__.__defaults__
        assert defaults == (changelog.FETCH_BYTES,)
        changelog.ChangelogReader.__init__.__defaults__ = (FEW_BYTES,)
        return
    call = {"judging": "handle", "opening": "_take_over"}[what]
    setattr(Unit, call, never_for_the_first(getattr(Unit, call)))
    defaults = liveness.Liveness.__init__.__defaults__
    assert defaults == (liveness.STUCK_AFTER_S,)
    liveness.Liveness.__init__.__defaults__ = (STUCK_AFTER_S,)


if __name__ == "__main__":
    hinder(sys.argv.pop(1))
    app()
