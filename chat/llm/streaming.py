"""One streamed answer, from the request's bytes to the events of `base`.

The SDKs send the request and name what is refused, but their typed events cost more than all else
that a server does for a token. So a body is read as it comes: what one chunk of the network brings
leaves as one event, and whatever wraps a provider works once a chunk, however many tokens it holds.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from chat.llm.base import Event, InvalidRequest, Progress, TextDelta
from chat.llm.failures import Vendor, translated
from chat.llm.sse import Splitter
from chat.llm.tally import Tally
from chat.llm.transport import body_of, read_out
from chat.llm.wire import Meter, clean_text, parsed

BREATH = 0.04
"""Seconds between two looks at a body from which text comes: what arrives meanwhile is read at once,
which saves half of the work at a usual 50 tokens a second, and is too short to be seen."""

Post = Callable[[bytes], Awaitable[httpx2.Response]]
"""Sends a request's body and gives the response with its own body unread; raises the SDK's errors
where the request is refused."""


@dataclass(slots=True)
class Answer(ABC):
    """What has arrived of one answer. A vendor's adapter knows how to read its events.

    `whole` is set when nothing more can come.
    """

    tally: Tally = field(default_factory=Tally)
    whole: bool = False
    _texts: list[str] = field(default_factory=list)
    _worked: bool = False
    _called: bool = False

    @abstractmethod
    def read(self, data: bytes) -> None:
        """Takes the data of one event in; raises ProviderError for one that reports a failure."""

    @abstractmethod
    def finish(self, meter: Meter) -> list[Event]:
        """What follows the text; raises ProviderError where the answer is none."""

    def work(self, written: object = "") -> None:
        """Notes that the model did something other than speak, and what it `written` for it."""
        self._worked = True
        if isinstance(written, str):
            self.tally.received += len(written)

    def call(self, written: object = "") -> None:
        """Notes a piece of a tool call."""
        self._called = True
        self.work(written)

    def say(self, text: str) -> None:
        """Notes a piece of text."""
        self._texts.append(text)
        self.tally.received += len(text)

    def news(self, meter: Meter) -> TextDelta | Progress | None:
        """What has arrived since the last time; raises TypeError for text that is none."""
        text = clean_text("".join(self._texts)) if self._texts else ""
        worked = self._worked
        if text or self._called:
            meter.mark()
        self._texts.clear()
        self._worked = self._called = False
        if text:
            return TextDelta(text)
        return Progress() if worked else None


async def streamed(
    vendor: Vendor, model: str, post: Post, body: dict[str, Any], answer: Answer
) -> AsyncGenerator[Event, None]:
    """Yields the events of the answer to `body`; raises ProviderError."""
    meter = Meter(vendor.name, model)
    splitter = Splitter()
    with translated(vendor, answer.tally):
        response = await _sent(vendor, post, body, answer.tally)
        async with body_of(response) as chunks:
            async for chunk in chunks:
                for data in splitter.feed(chunk):
                    answer.read(data)
                news = answer.news(meter)
                if news:
                    yield news
                if answer.whole:
                    await read_out(chunks)
                    break
                if news:
                    await asyncio.sleep(BREATH)
        rest = answer.finish(meter)
    for event in rest:
        yield event


async def fetched(vendor: Vendor, post: Post, body: dict[str, Any], tally: Tally) -> Any:
    """The answer to `body` that comes in one piece, as JSON; raises what `translated` turns into a
    ProviderError."""
    response = await _sent(vendor, post, body, tally)
    return parsed(await response.aread())


async def _sent(vendor: Vendor, post: Post, body: dict[str, Any], tally: Tally) -> httpx2.Response:
    try:
        content = orjson.dumps(body)
    except TypeError:
        raise InvalidRequest("the request is no JSON", vendor.name) from None
    tally.sent = len(content)
    response = await post(content)
    tally.begun = True
    tally.request_id = response.headers.get(vendor.request_id)
    return response
