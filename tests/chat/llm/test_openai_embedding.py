"""OpenAI's embeddings over the wire, from a scripted server on loopback."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from chat.llm.base import (
    AuthenticationFailed,
    ConnectionFailed,
    ProviderError,
    RateLimited,
    ServerFailed,
    TimedOut,
    Usage,
)
from chat.llm.openai_embedding import OpenAIEmbeddings

Answer = tuple[int, Any]


class EmbeddingServer(ThreadingHTTPServer):
    """Answers as it is told to, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[dict[str, Any]], Answer] = in_order
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append({"path": self.path, **body})
        self.server.keys.append(self.headers["authorization"])
        status, answer = self.server.answer(body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def vectors(*rows: list[float], usage: dict[str, int] | None = None) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": number, "embedding": row}
        for number, row in enumerate(rows)
    ]
    return {"object": "list", "model": "model-1", "data": data, "usage": usage}


def in_order(body: dict[str, Any]) -> Answer:
    rows = [[3.0, 4.0 * number, 0.0] for number, _ in enumerate(body["input"])]
    return 200, vectors(*rows, usage={"prompt_tokens": 12, "total_tokens": 12})


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    made = EmbeddingServer()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def embeddings(server: EmbeddingServer) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(model="model-1", api_key="a-key", base_url=server.url)


def test_each_text_gets_a_vector_of_unit_length(
    server: EmbeddingServer, embeddings: OpenAIEmbeddings
) -> None:
    embedded = embeddings.embed(["one", "two"], timeout=5)
    assert np.allclose(embedded.vectors, np.array([[1, 0, 0], [0.6, 0.8, 0]]))
    assert embedded.vectors.dtype == np.float32
    assert embedded.usage == Usage(input_tokens=12)
    (asked,) = server.asked
    assert (asked["path"], asked["model"], asked["input"]) == (
        "/v1/embeddings",
        "model-1",
        ["one", "two"],
    )
    assert server.keys == ["Bearer a-key"]


def test_vectors_are_put_in_the_order_of_the_texts(
    server: EmbeddingServer, embeddings: OpenAIEmbeddings
) -> None:
    answer = vectors([1.0, 0.0], [0.0, 1.0])
    answer["data"].reverse()
    server.answer = lambda body: (200, answer)
    assert embeddings.embed(["one", "two"], timeout=5).vectors.tolist() == [[1, 0], [0, 1]]


def test_what_a_server_does_not_count_is_estimated(
    server: EmbeddingServer, embeddings: OpenAIEmbeddings
) -> None:
    server.answer = lambda body: (200, vectors([1.0]))
    assert embeddings.embed(["x" * 400], timeout=5).usage == Usage(input_tokens=100)


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationFailed), (429, RateLimited), (500, ServerFailed)]
)
def test_an_error_is_named(
    server: EmbeddingServer,
    embeddings: OpenAIEmbeddings,
    status: int,
    error: type[ProviderError],
) -> None:
    server.answer = lambda body: (status, {"error": {"message": "secret text"}})
    with pytest.raises(error) as raised:
        embeddings.embed(["secret text"], timeout=5)
    assert "secret" not in str(raised.value)
    assert len(server.asked) == 1  # retrying is somebody else's business


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"data": []},
        vectors([1.0]),
        vectors([1.0], [1.0, 2.0]),
        vectors([float("nan")], [1.0]),
        {"data": [{"index": 0, "embedding": "no list"}, {"index": 1, "embedding": [1.0]}]},
    ],
)
def test_an_odd_answer_is_an_error_of_the_server(
    server: EmbeddingServer, embeddings: OpenAIEmbeddings, answer: Any
) -> None:
    server.answer = lambda body: (200, answer)
    with pytest.raises(ServerFailed):
        embeddings.embed(["one", "two"], timeout=5)


def test_a_server_that_is_silent_is_not_waited_for(
    server: EmbeddingServer, embeddings: OpenAIEmbeddings
) -> None:
    released = threading.Event()

    def late(body: dict[str, Any]) -> Answer:
        released.wait(2)
        return in_order(body)

    server.answer = late
    started = time.monotonic()
    with pytest.raises(TimedOut):
        embeddings.embed(["one"], timeout=0.1)
    assert time.monotonic() - started < 1.5
    released.set()


def test_a_server_that_is_down_is_told_from_one_that_fails() -> None:
    nowhere = OpenAIEmbeddings(model="model-1", api_key="", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConnectionFailed):
        nowhere.embed(["one"], timeout=5)
