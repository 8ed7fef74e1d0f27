"""Free ports of this machine."""

import socket

HOST = "127.0.0.1"


class PortUnusable(Exception):
    """A port cannot be listened at; the message says why."""


def check_port(port: int) -> None:
    """Make sure that somebody could listen there.

    Raises:
        PortUnusable: it is taken, or not for ordinary users.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise PortUnusable(f"port {port} is not for ordinary users; take one above 1023") from None
        except OSError:
            raise PortUnusable(f"port {port} is taken; give another --port, or none for a free one") from None


def is_usable(port: int) -> bool:
    """Whether somebody could listen there."""
    try:
        check_port(port)
    except PortUnusable:
        return False
    return True


def free_port(*taken: int) -> int:
    """A port that nobody listens at, and none of those given."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
