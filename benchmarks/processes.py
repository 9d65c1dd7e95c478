"""The servers under load, each a process of its own that always ends with the benchmark."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent

START_TIMEOUT = 60.0
"""Seconds until the port is open: importing takes a few on a busy machine."""

STOP_TIMEOUT = 15.0
"""Seconds to end by itself; the app gives its tasks five."""

_ERROR = re.compile(r"\b(ERROR|CRITICAL)\b")
"""How both Django's log here and uvicorn's mark the lines that matter."""

_OURS = ("SUPPORTBOT_", "ANTHROPIC_", "OPENAI_", "OTEL_")
"""Whoever runs the benchmark may have a key set, and is not to pay for it."""


class ServerFailed(Exception):
    """A server did not start, or ended on its own. The message ends with its log."""


@cache
def cores() -> tuple[frozenset[int], frozenset[int]]:
    """The core of the server, and those of the load client and the provider; the same if there is
    only one. Read once: this process leaves the server's."""
    first, *others = sorted(os.sched_getaffinity(0))
    return frozenset({first}), frozenset(others or {first})


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    process: psutil.Popen
    log: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.address}"

    def cpu(self) -> float:
        """Seconds of CPU it has used with all its threads and children."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(_cpu(process.pid) for process in processes)

    def check(self) -> None:
        """Raises ServerFailed if it has ended."""
        if self.process.poll() is not None:
            raise self.failed("ended")

    def complaints(self) -> list[str]:
        """The errors it has logged: it may not have done all of its work."""
        return [line for line in self.log.read_text().splitlines() if _ERROR.search(line)]

    def failed(self, what: str) -> ServerFailed:
        return ServerFailed(f"{self.name} {what}:\n{self.log.read_text()[-4000:]}")


def _cpu(pid: int) -> float:
    """The CPU clock of another process, in seconds. The kernel numbers it by the complement of the
    process's id (see clock_getcpuclockid(3)); /proc counts in hundredths, too coarse for one answer."""
    return time.clock_gettime((~pid << 3) | 2)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server: this one's, without what is set for another app, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, **more}


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    port: int,
    folder: Path,
    on: frozenset[int],
    env: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Starts `python *command` on the cores `on`; waits until its port is open. Raises ServerFailed."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(env or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    process.cpu_affinity(sorted(on))
    server = Server(name, port, process, log)
    try:
        _wait_for(server)
        yield server
    finally:
        _stop(process)


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        server.check()
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        time.sleep(0.05)
    raise server.failed(f"is not ready after {START_TIMEOUT:.0f} s")


def _stop(process: psutil.Popen) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)  # a profiler writes its file then; SIGTERM would end it too
    try:
        process.wait(STOP_TIMEOUT)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()
