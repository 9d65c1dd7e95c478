"""The real server in a process of its own, for tests that only a real one can pass."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
UNLIMITED = (
    "SUPPORTBOT_MESSAGES_PER_MINUTE",
    "SUPPORTBOT_MESSAGES_PER_MINUTE_IP",
    "SUPPORTBOT_SESSIONS_PER_MINUTE_IP",
    "SUPPORTBOT_SOCKETS_PER_IP",
    "SUPPORTBOT_REQUESTS_PER_MINUTE_IP",
)
START_TIMEOUT = 60.0
"""Seconds until the port is open: on a first start the demo is loaded before."""

STOP_TIMEOUT = 15.0
"""Seconds from Ctrl-C to the end of the process."""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


SERVE = ("manage.py", "serve", "--prepare")
PRODUCTION = ("-m", "supportbot.production")


class LiveServer:
    """`manage.py serve`, or what `command` is, on loopback. `output` is what it printed, line by line."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = SERVE,
    ) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.output: list[str] = []
        self._environment = environment or {}
        self._command = command
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def manage(self, *command: str) -> None:
        """Runs a command of `manage.py` on its data."""
        arguments = [sys.executable, "manage.py", *command]
        subprocess.run(arguments, cwd=ROOT, env=self._env(), check=True, stdout=subprocess.DEVNULL)

    def start(self) -> "LiveServer":
        """Starts it and waits until it is ready. Fails with its output where it does not get there."""
        self._process = subprocess.Popen(
            [sys.executable, *self._command],
            cwd=ROOT,
            env=self._env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self._process, ready), daemon=True).start()
        deadline = time.monotonic() + START_TIMEOUT
        while not ready.wait(0.05):
            assert self._process.poll() is None, f"it ended:\n{self.log}"
            assert time.monotonic() < deadline, f"it is not ready:\n{self.log}"
        return self

    def ask_to_stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Presses Ctrl-C, and does not wait."""
        assert self._process
        self._process.send_signal(number)

    def stop(self) -> int:
        """Presses Ctrl-C and waits for the end. Returns the exit code."""
        self.ask_to_stop()
        return self.wait()

    def wait(self) -> int:
        """Waits for its end and returns the exit code."""
        assert self._process
        try:
            return self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"it was asked to stop, and goes on:\n{self.log}") from None

    def kill(self) -> None:
        """Ends it at once, if it runs."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def run(self, *command: str) -> str:
        """Runs Python as the server runs, and returns what it printed. Fails with its complaint."""
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self._env(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What its SQLite database holds."""
        with closing(sqlite3.connect(self.data_dir / "db.sqlite3", timeout=10)) as database:
            return database.execute(query, values).fetchall()

    @property
    def log(self) -> str:
        return "\n".join(self.output)

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout
        for line in process.stdout:
            self.output.append(line.rstrip("\n"))
            if "Ready:" in line:
                ready.set()

    def _env(self) -> dict[str, str]:
        """No key, no foreign server and no settings but those that were asked for."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE"}
        }
        ours = {"DATA_DIR": str(self.data_dir), "PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        # All tests come from one address; those of the limits set their own.
        ours |= dict.fromkeys(UNLIMITED, "0")
        return {**kept, **ours, **self._environment}
