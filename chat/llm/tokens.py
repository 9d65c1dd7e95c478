"""How many tokens a request is before anybody has counted: at the most, and probably."""

from collections.abc import Iterator

from pydantic import BaseModel

from chat.llm.base import AssistantMessage, Message, Request, ToolMessage, Usage, UserMessage
from chat.llm.tally import CHARACTERS_PER_TOKEN
from chat.llm.wire import arguments, json_text

OURS_BYTES_PER_TOKEN = 2
"""The least for ASCII text that the shop wrote: its instructions, tools, articles and orders. English
takes four bytes a token, German and JSON about three."""

HIDDEN_TOKENS = 1_000
"""The vendor's own words around a request: with tools, Anthropic's are a few hundred tokens long."""

FRAME_TOKENS = 16
"""What sets one message, call, result or tool apart from the next: roles, ids, brackets."""


def upper_bound(request: Request, schema: type[BaseModel] | None = None) -> int:
    """Input tokens that no tokenizer makes more of, for a reservation.

    Tokenizers of today work on bytes, so a text has at most as many tokens as it has bytes in UTF-8.
    Less is promised only of the shop's own ASCII text: whoever writes to the bot, and a model that
    repeats them, may write letters at random.
    """
    framed = len(request.messages) + len(request.tools)
    ours = sum(map(_bound_of_ours, _ours(request, schema)))
    strangers = 0
    for message in request.messages:
        if isinstance(message, ToolMessage):
            framed += len(message.results)
        else:
            strangers += sum(map(_bytes, _written(message)))
    return ours + strangers + framed * FRAME_TOKENS + HIDDEN_TOKENS


def estimate(request: Request, written: int, schema: type[BaseModel] | None = None) -> Usage:
    """What a request probably took that ended before anybody counted, after `written` characters."""
    sent = sum(map(len, _ours(request, schema)))
    for message in request.messages:
        sent += sum(map(len, _written(message)))
    return Usage(
        input_tokens=_tokens(sent),
        output_tokens=min(_tokens(written), request.max_output_tokens),
    )


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)  # rounded up: one character is a token


def _ours(request: Request, schema: type[BaseModel] | None) -> Iterator[str]:
    """What the shop writes into a request: instructions, tools, schema, what its tools returned."""
    yield request.system
    for tool in request.tools if request.tools_allowed else ():
        yield from (tool.name, tool.description, json_text(dict(tool.schema)))
    for message in request.messages:
        if isinstance(message, ToolMessage):
            for result in message.results:
                yield result.content
    if schema is not None:
        yield json_text(schema.model_json_schema())


def _written(message: Message) -> Iterator[str]:
    """What the customer and the model wrote."""
    match message:
        case UserMessage(text):
            yield text
        case AssistantMessage(text, calls):
            yield text
            for call in calls:
                yield from (call.id, call.name, arguments(call))


def _bytes(text: str) -> int:
    # Half a surrogate pair has no UTF-8; it is sent as one byte.
    return len(text.encode(errors="replace"))


def _bound_of_ours(text: str) -> int:
    ascii_ = len(text.encode("ascii", "ignore"))
    return -(-ascii_ // OURS_BYTES_PER_TOKEN) + _bytes(text) - ascii_
