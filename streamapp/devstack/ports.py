"""Free TCP ports for the embedded servers, without a race between several stacks on one host."""

import socket
import sys

from streamapp.errors import DevStackError

SEARCH = 200  # ports tried above the usual one


class PortBook:
    """Ports that this process has chosen; they stay claimed until `close()`.

    A port is claimed between the choice and the server's own bind by an abstract Unix socket (Linux): the kernel
    drops it when the process ends, however it ends.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self._claims: dict[int, socket.socket | None] = {}

    def claim(self, usual: int, variable: str = "") -> int:
        """The port `usual`, or the next free one above it.

        Args:
            usual: the port to start from; 0 takes any free one.
            variable: the environment variable that asked for exactly this port, if one did.

        Raises:
            DevStackError: the port that was asked for is in use or for root alone, or no port above `usual` is free.
        """
        if usual == 0:
            usual = _any_port(self._host)
        if variable:
            return self._exactly(usual, variable)
        for port in range(usual, min(usual + SEARCH, 65536)):
            if self._take(port):
                return port
        raise DevStackError(f"no free port between {usual} and {usual + SEARCH - 1} on {self._host}")

    def close(self) -> None:
        """Give every claim up."""
        for claim in self._claims.values():
            if claim is not None:
                claim.close()
        self._claims.clear()

    def _exactly(self, port: int, variable: str) -> int:
        try:
            taken = self._take(port)
        except PermissionError:
            raise DevStackError(f"port {port} ({variable}) needs root; set one of 1024 or more") from None
        if not taken:
            raise DevStackError(f"port {port} ({variable}) is in use; end the program there or set another port")
        return port

    def _take(self, port: int) -> bool:
        if port in self._claims or not _is_free(self._host, port):
            return False
        try:
            self._claims[port] = _reserve(port)
        except OSError:
            return False
        return True


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError:  # nobody uses it: it is not for us
            raise
        except OSError:
            return False
    return True


def _any_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _reserve(port: int) -> socket.socket | None:
    """Hold the name of a port against other stacks; None where abstract Unix sockets do not exist."""
    if sys.platform != "linux":
        return None
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(f"\0streamapp-port-{port}")
    except OSError:
        holder.close()
        raise
    return holder
