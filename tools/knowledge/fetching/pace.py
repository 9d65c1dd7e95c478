"""Asking a site slowly enough that it does not notice."""

import time
from collections.abc import Callable


class Pace:
    """Waits so that one host is asked once in `seconds`, from the end of one answer to the next."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._clock, self._sleep = seconds, clock, sleep
        self._next: dict[str, float] = {}

    def wait(self, host: str) -> None:
        """Returns when the host may be asked."""
        left = self._next.get(host, 0.0) - self._clock()
        if left > 0:
            self._sleep(left)

    def asked(self, host: str, *, at_least: float = 0.0) -> None:
        """Notes that the host was just asked; `at_least` is what it wishes itself, in seconds."""
        self._next[host] = self._clock() + max(self._seconds, at_least)
