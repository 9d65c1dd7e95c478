"""Converting in a process of its own, which is ended when it takes too long or breaks."""

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import IO, Any, Literal, Self

from tools.knowledge.conversion.document import Document, Unreadable

Kind = Literal["html", "pdf", "docx"]

TIME_LIMIT = 60.0
"""Seconds a document may take: twice what a manual of 500 pages does."""

_ROOT = Path(__file__).resolve().parents[3]


class Converter:
    """Converts documents one after another. A context manager: at its end the process ends.

    The process is started when it is first needed, and again after a file that broke it.
    """

    def __init__(self, *, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def convert(self, kind: Kind, data: bytes, *, base: str = "", charset: str = "") -> Document:
        """Raises Unreadable, with a reason, for whatever cannot be converted in time."""
        request = {"kind": kind, "size": len(data), "base": base, "charset": charset}
        line = self._ask(json.dumps(request).encode() + b"\n" + data)
        if not line.endswith(b"\n"):
            self._end()
            raise Unreadable(f"is no {kind.upper()} file that can be read, or a broken one")
        answer: dict[str, Any] = json.loads(line)
        if "unreadable" in answer:
            raise Unreadable(answer["unreadable"])
        return Document(**answer)

    def _ask(self, request: bytes) -> bytes:
        """The answer; cut short where the process ended. Raises Unreadable when time is up."""
        child = self._running()
        stdin, stdout = _pipes(child)
        deadline = monotonic() + self._time_limit
        written, answer = 0, b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                ready = selector.select(max(0.0, deadline - monotonic()))
                if not ready:
                    self._end()
                    raise Unreadable(f"takes more than {self._time_limit:g} seconds to read")
                for key, _ in ready:
                    if key.fileobj is stdin:
                        try:
                            written += os.write(stdin.fileno(), request[written : written + 65536])
                        except BrokenPipeError:
                            return answer
                        if written == len(request):
                            selector.unregister(stdin)
                    else:
                        part = os.read(stdout.fileno(), 65536)
                        if not part:
                            return answer
                        answer += part
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(  # our own module
                [sys.executable, "-m", "tools.knowledge.conversion.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what libraries say of a file is of no use to its owner
                cwd=_ROOT,
                env={"PYTHONIOENCODING": "utf-8"},  # no key of ours
                bufsize=0,
            )
            os.set_blocking(_pipes(self._child)[0].fileno(), False)
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in _pipes(self._child):
                pipe.close()
            self._child = None


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if child.stdin is None or child.stdout is None:
        raise ValueError("was started without pipes")
    return child.stdin, child.stdout
