"""The way out: names are resolved once, every answer is checked, and the connection goes to the
very address that was checked. A name that changes its answer in between changes nothing."""

import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from time import monotonic
from typing import Any

import httpcore2 as httpcore

from tools.knowledge.fetching.addresses import is_public
from tools.knowledge.fetching.errors import Refused, Unreachable

Resolve = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host. Raises OSError where it has none."""

Dial = Callable[[str, int, float], socket.socket]
"""A connection to an IP address and port, within so many seconds. Raises OSError."""


def resolve(host: str, port: int) -> list[str]:
    """Asks the system, each address once, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def dial(address: str, port: int, timeout: float) -> socket.socket:
    """Connects to an IP address. It is no name, so nothing is resolved again."""
    return socket.create_connection((address, port), timeout)


class Deadline:
    """A moment after which nothing is waited for any more."""

    def __init__(self, seconds: float) -> None:
        self._at = monotonic() + seconds

    def left(self) -> float:
        """Seconds until then, above 0. Raises Unreachable when it has passed."""
        left = self._at - monotonic()
        if left <= 0:
            raise Unreachable("took too long to answer")
        return left


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections for one request. `allowed` says which addresses may be reached."""

    def __init__(
        self,
        deadline: Deadline,
        *,
        resolve: Resolve = resolve,
        dial: Dial = dial,
        allowed: Callable[[str], bool] = is_public,
    ) -> None:
        self._deadline = deadline
        self._resolve, self._dial, self._allowed = resolve, dial, allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A stream to the first address of the host that answers.

        One address that is not public refuses the host as a whole: an honest name has none.
        """
        addresses = self._addresses(host, port)
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise Refused("leads to an address that is not public")
        for address in addresses:
            try:
                return _Stream(self._dial(address, port, self._deadline.left()), self._deadline)
            except OSError:
                continue
        raise Unreachable("does not answer")

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        """The system's resolver has no limit of time, so it is left behind when time is up."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="resolve")
        try:
            return pool.submit(self._resolve, host, port).result(self._deadline.left())
        except Late as error:
            raise Unreachable("took too long to answer") from error
        except (OSError, UnicodeError) as error:
            raise Unreachable("has a host that is not known") from error
        finally:
            pool.shutdown(wait=False)


class _Stream(httpcore.NetworkStream):
    """A socket whose every wait ends at the deadline, however little comes at a time."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._socket, self._deadline = connection, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        self._socket.settimeout(self._deadline.left())
        try:
            wrapped = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except OSError:
            self.close()
            raise
        return _Stream(wrapped, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return False if info == "is_readable" else None
