"""What the app is measured beside: `python -m benchmarks.peers NAME --port N --provider URL`.

pydantic-ai has a module of its own: what it imports would be work for the others' garbage collector.
Each is Starlette, uvicorn and one way to stream an answer, and nothing else: no database, no identity,
no tools. Each piece of text goes to the socket as it comes, in the frames that the load client reads.
"""

from argparse import ArgumentParser
from collections.abc import AsyncIterator, Callable

import uvicorn
from anthropic import AsyncAnthropic, DefaultAioHttpClient
from anthropic.types import MessageParam
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

MODEL = "claude-bench"
MAX_TOKENS = 1024
KEY = "bench"

PATIENCE = 60.0
"""Seconds for each step of a request. The SDK gives a connection five, which a server that is past what
one core can do does not make."""

Answer = Callable[[str], AsyncIterator[str]]
"""Streams the answer to a question."""


def bare(provider: str) -> Answer:
    """The SDK as its documentation shows it: `messages.stream`, and its own HTTP client."""
    client = AsyncAnthropic(api_key=KEY, base_url=provider, max_retries=0, timeout=PATIENCE)

    async def answer(question: str) -> AsyncIterator[str]:
        async with client.messages.stream(
            model=MODEL, max_tokens=MAX_TOKENS, messages=_asked(question)
        ) as stream:
            async for text in stream.text_stream:
                yield text

    return answer


def lean(provider: str) -> Answer:
    """The SDK at its cheapest: `messages.create`, and aiohttp below it."""
    client = AsyncAnthropic(
        api_key=KEY,
        base_url=provider,
        max_retries=0,
        timeout=PATIENCE,
        http_client=DefaultAioHttpClient(timeout=PATIENCE),
    )

    async def answer(question: str) -> AsyncIterator[str]:
        stream = await client.messages.create(
            model=MODEL, max_tokens=MAX_TOKENS, messages=_asked(question), stream=True
        )
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text

    return answer


PEERS: dict[str, Callable[[str], Answer]] = {
    "bare": bare,
    "lean": lean,
}


def _asked(question: str) -> list[MessageParam]:
    return [{"role": "user", "content": question}]


def application(answer: Answer) -> Starlette:
    """One WebSocket a customer, which takes questions until it closes."""

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                question = await socket.receive_json()
                async for text in answer(question["text"]):
                    await socket.send_json({"type": "answer.delta", "text": text})
                await socket.send_json({"type": "answer.completed"})
        except WebSocketDisconnect:
            pass

    return Starlette(routes=[WebSocketRoute("/", serve)])


def serve(peers: dict[str, Callable[[str], Answer]]) -> None:
    """Serves the peer that the command line names, until it is stopped."""
    parser = ArgumentParser()
    parser.add_argument("name", choices=peers)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--provider", required=True, help="base URL of the Messages API")
    options = parser.parse_args()
    uvicorn.run(
        application(peers[options.name](options.provider)),
        port=options.port,
        # As production runs the app.
        loop="uvloop",
        http="httptools",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
    )


if __name__ == "__main__":
    serve(PEERS)
