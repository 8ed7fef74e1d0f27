"""Look at the workers of a group before joining it: one that judges otherwise must not."""

import asyncio
import logging
from typing import Final

import aiohttp

from monitor import clock
from monitor.connection import Connection
from monitor.worker.agreement import Agreement, AgreementError
from monitor.worker.owners import agreement_of, clients, url_of

log = logging.getLogger(__name__)

_LOOK_AGAIN_S: Final = 0.5
_GRACE_S: Final = 2.0


async def check_group(connection: Connection, group: str, mine: Agreement, session_timeout_s: float) -> None:
    """Hold this worker against those that are in its group.

    A worker that was killed stays in the group until its session times out: one whose pages do not answer is given
    that time to vanish.

    Raises:
        AgreementError: one of them judges otherwise.
    """
    until = clock.monotonic() + session_timeout_s + _GRACE_S
    told = False
    while True:
        refusal, url = await _refusal(connection, group, mine)
        if refusal is None:
            return
        if clock.monotonic() > until or await _answers(url):
            raise refusal
        if not told:
            told = True
            log.warning("waiting for a worker with other terms, which does not answer, to leave the group: %s", url)
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _refusal(connection: Connection, group: str, mine: Agreement) -> tuple[AgreementError | None, str]:
    """Why this worker must not join, and the address of the worker that it differs from."""
    for client, _ in await clients(connection, group):
        theirs, url = agreement_of(client), url_of(client) or "an unknown address"
        if theirs is None:
            continue
        try:
            mine.check_member(theirs, url)
        except AgreementError as error:
            return error, url
    return None, ""


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            await session.get(url + "/health")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
    return True
