"""Servers that are there at once: forked from a process that has imported other people's code.

A server takes four seconds of a core to import what it needs, twice as long as it lives between two
kills: a suite that kills one every two seconds would measure imports. So a parent imports the
libraries and forks; the child imports the product and runs it, as a process group of its own.
`python -m chaos.nursery MODULE …` reads lines `PORT LOG` and answers each with a pid.
"""

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.processes import ROOT, STOP_TIMEOUT, Process, ProcessFailed, Reaper
from deploy.prod_local import Stack


class Nursery:
    """The parent, as the suite sees it; between `__enter__` and `__exit__` it takes orders."""

    def __init__(self, module: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._command = [sys.executable, "-m", "chaos.nursery", *module]
        self._environment = {**environment, "HOST": "127.0.0.1"}
        self._log = log
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._answer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._process.communicate()  # the end of its orders is its end

    def fork(self, port: int, log: Path) -> int:
        """A server's pid. Raises ProcessFailed."""
        assert self._process.stdin
        print(port, log, file=self._process.stdin, flush=True)
        return int(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ProcessFailed(f"the nursery ended:\n{self._log.read_text('utf-8')[-4000:]}")
        return line


class Forked(Process):
    """A server in the place of another: its port, its log."""

    def __init__(self, instead_of: Process, nursery: Nursery, reaper: Reaper) -> None:
        super().__init__(
            instead_of.name, [], folder=instead_of.log.parent, reaper=reaper, port=instead_of.port
        )
        self._nursery, self._orphans = nursery, reaper
        self._pid = 0

    @property
    def pid(self) -> int:
        """Of the running process. Raises ProcessFailed if there is none."""
        if not self.running:
            raise ProcessFailed(f"{self.name} does not run")
        return self._pid

    @property
    def running(self) -> bool:
        """Whether it lives: its parent leaves no zombies."""
        with suppress(ProcessLookupError):
            if self._pid:
                os.kill(self._pid, 0)
                return True
        return False

    def start(self) -> None:
        """Starts it without waiting for it to be ready."""
        self._pid = self._nursery.fork(self.port, self.log)
        self._orphans.began(self._pid)

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Asks it to end, and ends it if it has not after `timeout`."""
        if self.running:
            os.kill(self._pid, signal.SIGTERM)
            try:
                self._wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return 0

    def _wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while self.running:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.name, timeout)
            time.sleep(0.01)
        self._orphans.ended(self._pid)
        return 0


@contextmanager
def forked(stack: Stack, module: Sequence[str]) -> Iterator[None]:
    """Replaces the stack's servers by forked ones, for a while."""
    cold, reaper = stack.web, Reaper()
    with ExitStack() as running:
        running.callback(_start, cold)
        running.callback(reaper.close)
        nursery = running.enter_context(
            Nursery(module, stack.environment, stack.folder / "nursery.log")
        )
        for process in cold:
            process.stop()
        stack.web = [Forked(process, nursery, reaper) for process in cold]
        running.callback(setattr, stack, "web", cold)
        for process in stack.web:
            running.callback(process.stop)
        _start(stack.web)
        yield


def _start(processes: Sequence[Process]) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.wait_until_ready()


_PROBE = "import sys, supportbot.production, anthropic, aiohttp; print(*sys.modules, sep='\\n')"

_EACH_ITS_OWN = frozenset(
    ("supportbot", "chat", "tools", "chaos", "deploy", "django", "channels", "celery", "__main__")
)
"""Packages that a child imports itself: the product, and what takes its settings in."""


def _import_libraries() -> None:
    """Imports what a server has imported once it is up."""
    listed = subprocess.run(
        [sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if name.partition(".")[0] not in _EACH_ITS_OWN:
            with suppress(Exception):  # what does not go without settings, the child does
                import_module(name)


def _serve(port: str, log: str, module: str, *arguments: str) -> None:
    """The child."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    silence = os.open(os.devnull, os.O_RDONLY)
    for mine, theirs in ((silence, 0), (output, 1), (output, 2)):
        os.dup2(mine, theirs)
    os.environ["PORT"] = port
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main() -> None:
    """Forks servers until there are no more orders."""
    _import_libraries()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are buried at once
    print("ready", flush=True)
    for line in sys.stdin:
        port, _, log = line.rstrip("\n").partition(" ")
        pid = os.fork()
        if not pid:
            try:
                _serve(port, log, *sys.argv[1:])
            finally:
                os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
