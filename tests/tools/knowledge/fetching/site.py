"""A site on loopback whose pages a test writes."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.tools.knowledge.fetching.network import PUBLIC, Names, Routes, fetcher
from tools.knowledge.fetching.fetcher import Fetcher

Page = Callable[[BaseHTTPRequestHandler], None]
HTML = "text/html; charset=iso-8859-1"


class Shop:
    """A site at http://shop.example whose pages a test writes. `asked` is what was asked of it."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append((self.headers["Host"], self.path))
                shop.pages.get(self.path, missing)(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def fetcher(self, **options: Any) -> Fetcher:
        names = Names({"shop.example": [[PUBLIC]], "other.example": [[PUBLIC]]})
        return fetcher(names, Routes({PUBLIC: self.server.server_port}), **options)


def missing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def page(
    content: bytes = b"<p>Hello</p>", *, content_type: str = HTML, status: int = 200, **headers: str
) -> Page:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return write
