"""A broker of a campaign's own, which workers reach through proxies only."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor.broker.ports import HOST, free_port
from monitor.broker.server import EmbeddedBroker
from tests.end_to_end.chaos.proxy import Proxy


class ProxiedBroker:
    """An embedded broker with one more listener for each proxy; a listener advertises the address of its proxy.

    Attributes:
        broker: it can be killed and started again at the same address.
        proxies: each the only way to the broker for those who begin there.
    """

    def __init__(self, data: Path, proxies: int) -> None:
        ports: list[int] = []
        for _ in range(2 + 2 * proxies):
            ports.append(free_port(*ports))
        own, controller, *others = ports
        behind, before = others[:proxies], others[proxies:]
        names = [f"PROXIED{number}" for number in range(proxies)]
        settings = {
            "listeners": _listed(["PLAINTEXT", "CONTROLLER", *names], [own, controller, *behind]),
            "advertised.listeners": _listed(["PLAINTEXT", *names], [own, *before]),
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listener.security.protocol.map": ",".join(
                f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *names)
            ),
            "group.min.session.timeout.ms": "1000",
        }
        self.broker = EmbeddedBroker(data, own, settings=settings)
        self.proxies = [Proxy(port, target) for port, target in zip(before, behind, strict=True)]

    def __enter__(self) -> Self:
        self.broker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self.proxies:
            proxy.close()
        self.broker.stop()


def _listed(names: Sequence[str], ports: Sequence[int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in zip(names, ports, strict=True))
