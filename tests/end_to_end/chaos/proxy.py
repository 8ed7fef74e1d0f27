"""A TCP proxy between workers and broker that can delay, hold back and cut connections."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

from monitor import tasks

HOST = "127.0.0.1"
_CHUNK = 1 << 16


class Proxy:
    """Passes bytes on in a thread of its own.

    Args:
        port: where it listens.
        target: port of the broker's listener that advertises `port`.
    """

    def __init__(self, port: int, target: int) -> None:
        self.address = f"{HOST}:{port}"
        self._target = target
        self._delay_s = 0.0
        self._open = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        listening = socket.create_server((HOST, port))
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(listening), self._loop).result()

    def close(self) -> None:
        """End all connections and the thread."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self) -> None:
        """Reset all connections; new ones are taken."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result()

    @contextlib.contextmanager
    def slow(self, delay_s: float) -> Iterator[None]:
        """Pass every piece on only after so long."""
        self._delay_s = delay_s
        yield
        self._delay_s = 0.0

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Pass nothing on; connections stay and look alive. What was held back arrives afterwards."""
        self._loop.call_soon_threadsafe(self._open.clear)
        yield
        self._loop.call_soon_threadsafe(self._open.set)

    async def _start(self, listening: socket.socket) -> None:
        self._open.set()
        self._server = await asyncio.start_server(self._serve, sock=listening)

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        try:
            onward_reader, onward = await asyncio.open_connection(HOST, self._target)
        except OSError:  # the broker is down
            writer.transport.abort()
            return
        ends = {writer, onward}
        self._writers |= ends
        back = tasks.spawn(self._pump(onward_reader, writer), "proxy, from the broker")
        await self._pump(reader, onward)
        for end in ends:
            end.transport.abort()
        await back
        self._writers -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
        writer.transport.abort()
