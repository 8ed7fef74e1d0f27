"""The socket of a worker's pages, bound before anything else so that its address is known."""

import socket


class PortTaken(Exception):
    """The port is taken; the message says what to do."""


def listen(host: str, port: int, advertised: str | None) -> tuple[socket.socket, str]:
    """Bind a socket (port 0: a free one); gives it and the address by which others reach it.

    Raises:
        PortTaken: somebody else listens there.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise PortTaken(f"{host}:{port} cannot be used ({error.strerror}); give another --http-port, or 0") from None
    bound.listen()
    name = advertised or (socket.gethostname() if host in {"0.0.0.0", "::"} else host)  # noqa: S104 - compared, not bound
    return bound, f"http://{name}:{bound.getsockname()[1]}"
