"""A worker's HTTP endpoints: metrics, health, readiness, and the internal ones.

The internal endpoints (`/internal/...`) need the workers' shared token; they serve the histories of the keys that this
worker owns, name the owner of others, and resume paused topics.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

from monitor import clock
from monitor.delivery.app import DeliveryApp
from monitor.metrics import Metrics
from monitor.outgoing import partition_of
from monitor.recount import RecountStopped
from monitor.state import KEY_HEADS, PERSON_HEADS, key_key, person_key
from monitor.worker.accounts import account_shown
from monitor.worker.histories import key_history, person_history
from monitor.worker.liveness import Liveness
from monitor.worker.recovery import Recovery
from monitor.worker.unit import Unit

log = logging.getLogger(__name__)

METRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
Owner = Callable[[str, int], Awaitable[str | None]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages:
    """The endpoints of one worker.

    Args:
        app: the delivery, for states and lags.
        units: those open in this process, by (stage, partition).
        recoveries: how far the state of each has come, also of those that still open.
        metrics: of the process.
        token: shared secret of the workers of a group.
        partitions: of the source topics.
        owner: (stage, partition) -> base URL of the worker that owns it, None if nobody does.
    """

    def __init__(
        self,
        app: DeliveryApp,
        units: dict[tuple[str, int], Unit],
        recoveries: Mapping[tuple[str, int], Recovery],
        metrics: Metrics,
        token: str,
        partitions: int,
        owner: Owner,
    ) -> None:
        self._app = app
        self._units = units
        self._recoveries = recoveries
        self._metrics = metrics
        self._token = token
        self._partitions = partitions
        self._owner = owner
        self._liveness = Liveness()

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/metrics", self._exposition),
                web.get("/health", self._health),
                web.get("/ready", self._ready),
                web.get("/internal/history/person/{key}", self._authorised(self._person)),
                web.get("/internal/history/{kind}/{key}", self._authorised(self._key)),
                web.get("/internal/digest/{stage}/{partition}", self._authorised(self._digest)),
                web.get("/internal/account", self._authorised(self._account)),
                web.post("/internal/resume/{topic}", self._authorised(self._resume)),
            ]
        )
        return application

    async def _exposition(self, _request: web.Request) -> web.Response:
        await self._app.ask_ends()
        for unit in self._app.status().units:
            for partition in unit.partitions:
                if partition.lag is not None:
                    self._metrics.lag.labels(partition.topic, str(partition.partition)).set(partition.lag)
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": METRICS_TYPE})

    async def _health(self, _request: web.Request) -> web.Response:
        """Alive: every partition works, opens or is paused on purpose; a worker that failed is about to end."""
        partitions = self._liveness.partitions(self._app.status(), clock.monotonic())
        well = self._app.units.failure is None and self._app.crash_reason is None
        healthy = well and all(partition["healthy"] for partition in partitions)
        return _json({"healthy": healthy, "partitions": partitions}, 200 if healthy else 503)

    async def _ready(self, _request: web.Request) -> web.Response:
        """Ready: the worker takes part, has recovered all of its partitions, and none is stuck.

        How much of its changelog each partition has read (`recovered`, 0 to 1) and how many records that were; of all
        partitions together the mean share and the sum.
        """
        status = self._app.status()
        partitions = self._liveness.partitions(status, clock.monotonic())
        ready = status.ready and all(partition["ready"] for partition in partitions)
        for partition in partitions:
            recovery = self._recoveries.get((partition["stage"], partition["partition"]))
            partition["recovered"] = 0.0 if recovery is None else round(recovery.share, 4)
            partition["records_read"] = 0 if recovery is None else recovery.read
        shown = {
            "ready": ready,
            "recovered": round(sum(part["recovered"] for part in partitions) / max(len(partitions), 1), 4),
            "records_read": sum(part["records_read"] for part in partitions),
            "partitions": partitions,
        }
        return _json(shown, 200 if ready else 503)

    def _authorised(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return _json({"error": "a token is needed: Authorization: Bearer ..."}, 401)
            return await handler(request)

        return checked

    async def _person(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        return await self._history("persons", key, person_key(key), PERSON_HEADS)

    async def _key(self, request: web.Request) -> web.Response:
        kind, key = request.match_info["kind"], request.match_info["key"]
        return await self._history("keys", key, key_key(kind, key), KEY_HEADS)

    async def _history(self, stage: str, key: str, head: bytes, heads: bytes) -> web.Response:
        partition = partition_of(key.encode(), self._partitions)
        unit = self._units.get((stage, partition))
        if unit is None:
            owner = await self._owner(stage, partition)
            return _json({"owner": owner, "stage": stage, "partition": partition}, 421)
        with unit.store.reading() as reading:
            history = person_history(head, reading) if heads == PERSON_HEADS else key_history(head, reading)
        if history is None:
            return _json({"error": "nothing is known of this key", "stage": stage, "partition": partition}, 404)
        return _json({"stage": stage, "partition": partition, **history}, 200)

    async def _digest(self, request: web.Request) -> web.Response:
        """A digest of a partition's local state, and the changelog offset at which it must equal the changelog's."""
        partition = request.match_info["partition"]
        unit = self._units.get((request.match_info["stage"], int(partition) if partition.isdecimal() else -1))
        if unit is None:
            return _json({"error": "this worker does not own the partition"}, 404)
        position, digest, values = await asyncio.to_thread(unit.store.digest)
        return _json({"position": position, "digest": f"{digest:032x}", "values": values}, 200)

    async def _account(self, request: web.Request) -> web.Response:
        """The account of every partition that is open here; with `?recount=1` held against what its state holds."""
        again = request.query.get("recount") == "1"
        found = []
        for (stage, partition), unit in sorted(self._units.items()):
            try:
                shown = account_shown(*(await unit.recounted() if again else unit.account()))
            except RecountStopped:
                continue  # it goes to another worker
            found.append({"stage": stage, "partition": partition, **shown})
        return _json({"partitions": found}, 200)

    async def _resume(self, request: web.Request) -> web.Response:
        topic = request.match_info["topic"]
        resumed = [unit.partition for unit in self._units.values() if unit.resume(topic)]
        return _json({"resumed": sorted(resumed)}, 200)


def _json(value: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
