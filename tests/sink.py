"""A server on loopback that nobody has a reason to ask for anything. It notes who does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Sink:
    """`reached` is what was asked for."""

    url: str
    reached: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Sink]:
    """A sink that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sink.reached.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink = Sink(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield sink
    server.shutdown()
    server.server_close()
