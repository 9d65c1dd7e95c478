"""The least that relays an answer: `python -m benchmarks.bare_relay --port N --provider URL`.

Starlette, uvicorn and the SDK with the transport that the app's adapter uses. No database, no identity,
no tools, nothing gathered: each piece of text goes to the socket as it comes. It speaks the frames of
the app that the load client reads.
"""

from argparse import ArgumentParser
from collections.abc import AsyncIterator

import uvicorn
from anthropic import AsyncAnthropic, DefaultAioHttpClient
from anthropic.types import MessageParam
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

MODEL = "claude-bench"
MAX_TOKENS = 1024


class BareRelay:
    """One socket a customer. `helper` uses the SDK's `messages.stream`, as its own examples do."""

    def __init__(self, provider: str, *, helper: bool) -> None:
        self._client = AsyncAnthropic(
            api_key="bench", base_url=provider, max_retries=0, http_client=DefaultAioHttpClient()
        )
        self._stream = self._by_helper if helper else self._by_create

    async def serve(self, socket: WebSocket) -> None:
        """Answers each message of a socket until it closes."""
        await socket.accept()
        try:
            while True:
                question = await socket.receive_json()
                async for text in self._stream(question["text"]):
                    await socket.send_json({"type": "answer.delta", "text": text})
                await socket.send_json({"type": "answer.completed"})
        except WebSocketDisconnect:
            pass

    async def _by_create(self, question: str) -> AsyncIterator[str]:
        stream = await self._client.messages.create(
            model=MODEL, max_tokens=MAX_TOKENS, messages=_asked(question), stream=True
        )
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text

    async def _by_helper(self, question: str) -> AsyncIterator[str]:
        async with self._client.messages.stream(
            model=MODEL, max_tokens=MAX_TOKENS, messages=_asked(question)
        ) as stream:
            async for text in stream.text_stream:
                yield text


def _asked(question: str) -> list[MessageParam]:
    return [{"role": "user", "content": question}]


def main() -> None:
    """Serves until it is stopped."""
    parser = ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--provider", required=True, help="base URL of the Messages API")
    parser.add_argument("--helper", action="store_true")
    options = parser.parse_args()
    relay = BareRelay(options.provider, helper=options.helper)
    uvicorn.run(
        Starlette(routes=[WebSocketRoute("/", relay.serve)]),
        port=options.port,
        lifespan="off",
        log_level="warning",
        ws_per_message_deflate=False,  # a third of the work, and the app does not compress either
    )


if __name__ == "__main__":
    main()
