"""The page's HTTP server: the page itself, alerts and totals as JSON, and changes as server-sent events."""

import asyncio
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from monitor import clock
from monitor.page.feed import AlertFeed, Subscription
from monitor.page.standing import KEEP, Change, Filter
from monitor.tasks import spawn

LOOPBACK_NAMES: Final = frozenset({"localhost", "ip6-localhost"})
LIMIT: Final = 200
"""Alerts of a snapshot, and of an answer that asks for no other number."""
STREAMS: Final = 64
"""Most pages open at once."""
_PACE_S: Final = 0.25
_SUMMARY_S: Final = 1.0
_HEARTBEATS: Final = 15
"""Seconds without news after which a comment keeps proxies from closing a stream."""
_LONGEST_TEXT: Final = 200

_FILES: Final = {
    "app.css": "text/css",
    "app.js": "text/javascript",
    "texts.js": "text/javascript",
    "table.js": "text/javascript",
    "detail.js": "text/javascript",
    "totals.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Server": "claims-monitor",
}

log = logging.getLogger(__name__)


class Title(Protocol):
    """A name in Chinese and English."""

    @property
    def zh(self) -> str:
        """Chinese."""

    @property
    def en(self) -> str:
        """English."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own alone."""
    if host.lower() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Page:
    """The page of one feed.

    Args:
        feed: what it shows; started and stopped by `serve`.
        titles: rule id -> its name.
        remote: answer to any address literal too, not to loopback names alone.
        names: further host names it may be asked by. A name of neither kind is refused, since a foreign web page
            could make its own name point here and read what it likes (DNS rebinding).
    """

    def __init__(
        self,
        feed: AlertFeed,
        titles: Mapping[str, Title],
        *,
        remote: bool = False,
        names: frozenset[str] = frozenset(),
    ) -> None:
        self._feed = feed
        self._titles = titles
        self._remote = remote
        self._names = LOOPBACK_NAMES | {name.lower() for name in names}
        self.operations: Callable[[], list[dict[str, str]]] = list
        """Alerts about the monitor itself, shown above the totals; none by default."""
        self._streams = 0
        folder = resources.files("monitor.page").joinpath("static")
        self._index = folder.joinpath("index.html").read_bytes()
        self._files = {name: folder.joinpath(name).read_bytes() for name in _FILES}

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[self._guard], client_max_size=16 * 1024)
        app.on_response_prepare.append(_secure)
        app.on_shutdown.append(self._close)
        app.router.add_get("/", self._page)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/api/alerts", self._alerts)
        app.router.add_get("/api/alerts/{jr_id}", self._alert)
        app.router.add_get("/api/summary", self._summary)
        app.router.add_get("/events", self._events)
        return app

    async def _close(self, _app: web.Application) -> None:
        self._feed.close()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not self._known(request.host):
            raise web.HTTPMisdirectedRequest(text="this name is not one of the page's own\n")
        return await handler(request)

    def _known(self, host: str) -> bool:
        name = host.lower()
        if name.startswith("["):
            name, closed, _ = name[1:].partition("]")
            if not closed:
                return False
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        if name in self._names or is_loopback(name):
            return True
        if not self._remote:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._index, content_type="text/html", charset="utf-8")

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        return web.Response(body=self._files[name], content_type=_FILES[name], charset="utf-8")

    async def _alerts(self, request: web.Request) -> web.Response:
        limit = _limit(request)
        total, newest = self._feed.standing.newest(_filter(request), limit)
        return _json({"total": total, "alerts": newest})

    async def _alert(self, request: web.Request) -> web.Response:
        entry = self._feed.standing.find(request.match_info["jr_id"])
        if entry is None:
            return _json({"error": "no such alert stands, or it is not among the newest"}, status=404)
        return _json(entry)

    async def _summary(self, _request: web.Request) -> web.Response:
        return _json(self._totals())

    def _totals(self) -> dict[str, Any]:
        summary = self._feed.summary()
        counted = summary["by_rule"]
        nothing = {"standing": 0, "amount_fen": 0, "amount": "0.00"}
        by_rule = {}
        for rule in sorted(self._titles.keys() | counted.keys()):
            title = self._titles.get(rule)
            names = {"zh": title.zh, "en": title.en} if title else {"zh": rule, "en": rule}
            by_rule[rule] = counted.get(rule, nothing) | {"title": names}
        return summary | {"by_rule": by_rule, "operations": self.operations()}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        wanted, limit = _filter(request), _limit(request)
        if self._streams >= STREAMS:
            return _json({"error": f"{STREAMS} pages are open already"}, status=503)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        self._streams += 1
        subscription = self._feed.subscribe()
        try:
            await response.prepare(request)
            await self._stream(response, subscription, wanted, limit)
        except (ConnectionError, TimeoutError):
            log.debug("a reader has gone")
        finally:
            self._feed.unsubscribe(subscription)
            self._streams -= 1
        return response

    async def _stream(
        self, response: web.StreamResponse, subscription: Subscription, wanted: Filter, limit: int
    ) -> None:
        subscription.resync()
        said: dict[str, Any] | None = None
        summary_due = heard = 0.0
        while not subscription.closed:
            changes = subscription.take()
            parts: list[bytes] = []
            if changes is None:
                total, newest = self._feed.standing.newest(wanted, limit)
                parts.append(_event("snapshot", {"total": total, "alerts": newest}))
            elif changes and (seen := _seen(changes, wanted)):
                parts.append(_event("changes", seen))
            now = clock.monotonic()
            if now >= summary_due:
                summary_due = now + _SUMMARY_S
                totals = self._totals() | {"matching": self._feed.standing.count(wanted)}
                if totals != said:
                    said = totals
                    parts.append(_event("summary", totals))
            if not parts and now - heard > _HEARTBEATS:
                parts.append(b": still here\n\n")
            if parts:
                heard = now
                await response.write(b"".join(parts))
            await subscription.wait(_SUMMARY_S)
            await asyncio.sleep(_PACE_S)


def _seen(changes: list[Change], wanted: Filter) -> list[dict[str, Any]]:
    """What a reader with this filter sees of the changes: the last of each alert, in order."""
    seen: dict[str, dict[str, Any]] = {}
    for before, after in changes:
        jr_id = after.alert.jr_id
        was = (before is not None and wanted.takes(before)) or jr_id in seen
        if after.alert.status == "raised" and wanted.takes(after):
            seen.pop(jr_id, None)
            seen[jr_id] = {"entry": after}
        elif was:
            seen.pop(jr_id, None)
            reason = "withdrawn" if after.alert.status == "withdrawn" else "filtered"
            seen[jr_id] = {"gone": jr_id, "reason": reason}
    return list(seen.values())


def _filter(request: web.Request) -> Filter:
    query = request.query
    return Filter(
        rule=query.get("rule", ""),
        institution=query.get("institution", "").strip(),
        severity=query.get("severity", ""),
        text=query.get("q", "")[:_LONGEST_TEXT],
    )


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= KEEP):
        raise web.HTTPBadRequest(
            body=_encode({"error": f"limit is a whole number from 1 to {KEEP}"}), content_type="application/json"
        )
    return int(text)


_encode: Final = msgspec.json.Encoder().encode


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(body=_encode(content), status=status, content_type="application/json", charset="utf-8")


def _event(name: str, content: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encode(content) + b"\n\n"


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


@asynccontextmanager
async def serve(page: Page, feed: AlertFeed, *, host: str, port: int) -> AsyncIterator[str]:
    """Follow the alerts and serve the page while the context lasts; gives the page's URL.

    Args:
        page: the page of the feed.
        feed: what it shows.
        host: address to listen on.
        port: 0 takes a free one.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    runner = web.AppRunner(page.app(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        following = spawn(feed.run(), "page-feed")
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{bound}/"
        finally:
            following.cancel()
    finally:
        await runner.cleanup()
