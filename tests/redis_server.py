"""A Redis of a test's own, which it may stop and start again."""

import shutil
import signal
import subprocess
import time

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.live_server import free_port

START_TIMEOUT = 20.0
"""Seconds until it answers; a tenth of one as a rule."""

ON_PATH = shutil.which("redis-server") is not None


class RedisServer:
    """`redis-server` on a free port of loopback, without a disk: what it forgets is forgotten."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT
        with Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except RedisConnectionError:
                    assert time.monotonic() < deadline, "redis-server does not answer"
                    time.sleep(0.02)

    def pause(self) -> None:
        """Lets it hang: it forgets nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kills it, if it runs."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
