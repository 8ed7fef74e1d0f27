"""A headless Chromium, driven through its DevTools protocol: opens pages, runs scripts, clicks, takes pictures."""

import asyncio
import base64
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from monitor import clock

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def installed() -> str | None:
    """The browser's program, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Tab:
    """One tab."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.problems: list[str] = []

    async def send(self, method: str, **params: object) -> dict[str, Any]:
        """Run one command of the protocol; errors that the page reports meanwhile go to `problems`."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result
            if message.get("method") == "Runtime.exceptionThrown":
                self.problems.append(str(message["params"]["exceptionDetails"]))
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.problems.append(message["params"]["entry"]["text"])

    async def start(self) -> Self:
        for domain in ("Page", "Runtime", "Log"):
            await self.send(f"{domain}.enable")
        return self

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)

    async def run(self, script: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value of a JavaScript expression."""
        answer = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, script: str, timeout_s: float = 15.0) -> None:
        """Wait until a JavaScript expression is true."""
        end = clock.monotonic() + timeout_s
        while not await self.run(script):
            assert clock.monotonic() < end, f"never true in the page: {script}"
            await asyncio.sleep(0.05)

    async def show(self, *, width: int, height: int, dark: bool) -> None:
        """Set the size of the window and the colours that the user prefers."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme, still])

    async def press(self, key: str) -> None:
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Escape": 27, "Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    async def picture(self) -> bytes:
        """A PNG of the window."""
        answer = await self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Tab]:
    """A new browser with one empty tab.

    Args:
        folder: for its profile.
    """
    program = installed()
    assert program is not None
    log = (folder / "chromium.log").open("wb")
    process = subprocess.Popen(  # noqa: ASYNC220 - starting it does not take long
        [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"], stdout=log, stderr=log
    )
    try:
        port_file = folder / "profile" / "DevToolsActivePort"
        end = clock.monotonic() + 30
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert process.poll() is None, (folder / "chromium.log").read_text()
            assert clock.monotonic() < end, "the browser did not start"
            await asyncio.sleep(0.05)
        port = port_file.read_text().split("\n")[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = await answer.json()
            url = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
            async with session.ws_connect(url, max_msg_size=0) as socket:
                yield await Tab(socket).start()
    finally:
        process.terminate()
        process.wait(20)
        log.close()
