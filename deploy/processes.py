"""Processes that are started, stopped, killed and started again, and never outlive this one."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

ROOT = Path(__file__).parent.parent

START_TIMEOUT = 60.0
"""Seconds until a process is ready: the server's imports take three, and ten on a busy machine."""

STOP_TIMEOUT = 40.0
"""Seconds to end by itself: longer than a server gives its running turns."""


class ProcessFailed(Exception):
    """A process did not start, or ended on its own. The message ends with its log."""


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, all different."""
    with ExitStack() as held:
        probes = [held.enter_context(closing(socket.socket())) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(name: str) -> str:
    """A program of PostgreSQL: on the PATH, or of the newest version that Debian has installed. Raises
    ProcessFailed."""
    found = shutil.which(name)
    if found:
        return found
    installed = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(installed, key=lambda path: int(path.parts[-3]), default=None)
    if newest is None:
        raise ProcessFailed(f"{name} is not installed: apt-get install postgresql")
    return str(newest)


class Reaper:
    """Ends registered processes when this one dies, even by SIGKILL (`deploy.reaper`)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(ROOT / "deploy" / "reaper.py")],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def began(self, group: int) -> None:
        self._tell(f"+{group}\n")

    def ended(self, group: int) -> None:
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Lets go. What is still registered is ended."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        # Straight to the pipe: a line this short is written whole, whichever thread it comes from.
        if self._process.stdin:
            os.write(self._process.stdin.fileno(), line.encode())


class Process:
    """A process in a group of its own, which may run several times. Its log is kept in one file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        reaper: Reaper,
        environment: Mapping[str, str] | None = None,
        port: int = 0,
        ready: Callable[[], bool] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.port = port
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._environment = dict(environment) if environment is not None else None
        self._reaper = reaper
        self._ready = ready or (lambda: not port or answers(port))
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process. Raises ProcessFailed if there is none."""
        if not self._process or self._process.poll() is not None:
            raise ProcessFailed(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it without waiting for it to be ready."""
        if self.running:
            raise ProcessFailed(f"{self.name} runs already")
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is not for it
            )
        self._reaper.began(self._process.pid)

    def wait_until_ready(self, timeout: float = START_TIMEOUT) -> None:
        """Raises ProcessFailed if it is not ready in time, or has ended."""
        deadline = time.monotonic() + timeout
        while not self._ready():
            if not self.running:
                raise self._failed("ended")
            if time.monotonic() > deadline:
                raise self._failed(f"is not ready after {timeout:.0f} s")
            time.sleep(0.05)

    def kill(self, kind: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to it and its children. SIGKILL also waits for its end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, kind)
        if kind == signal.SIGKILL:
            self._wait(STOP_TIMEOUT)

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Asks it to end, and ends it if it has not after `timeout`. Returns its exit status."""
        if not self._process:
            return 0
        if self.running:
            self._process.send_signal(self._stop_signal)
            self._process.send_signal(signal.SIGCONT)  # one that is paused would not hear it
        try:
            return self._wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._wait(timeout)

    def restart(self) -> None:
        """Stops it if it runs, starts it and waits until it is ready."""
        self.stop()
        self.start()
        self.wait_until_ready()

    def _wait(self, timeout: float) -> int:
        assert self._process  # noqa: S101  # asked for after a start only
        status = self._process.wait(timeout)
        # Children that outlived their parent are not to outlive this.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reaper.ended(self._process.pid)
        return status

    def _failed(self, what: str) -> ProcessFailed:
        log = self.log.read_text("utf-8", "replace")[-4000:]
        return ProcessFailed(f"{self.name} {what}:\n{log}")
