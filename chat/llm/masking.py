"""Personal data does not leave for a provider: stand-ins go out, and come back as what they stand for.

A tool still gets the address that the customer wrote, and the customer reads it in the answer; the
provider saw `masked-bdkcafgh@redacted.invalid`. A stand-in is a keyed hash of what it stands for and of
the conversation: the same in each request of it, so that a model can tell two addresses apart and a
provider's prompt cache keeps working, and another in every other conversation.
"""

import hashlib
import hmac
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chat.llm.base import (
    AssistantMessage,
    AttemptStarted,
    Citation,
    Event,
    Message,
    Progress,
    Provider,
    ProviderFailed,
    Request,
    Reset,
    Schema,
    Structured,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolUse,
    UserMessage,
)

NOTE = (
    "\n\nE-mail addresses, phone numbers and card numbers of customers are replaced by stand-ins, such as "
    "masked-abcdefgh@redacted.invalid or [phone-abcdefgh]. Use a stand-in exactly as it is written, in tool "
    "calls and in answers, as if it were the real one."
)
"""What the model is told. Always the same, so that it does not cost the prompt cache."""

LENGTH = 8
"""Letters of a stand-in: 32 bits, enough for the few values of one conversation."""

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""Letters only: digits could look like a telephone number."""

StandIn = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Mask:
    """`replaced(text, stand_in)` finds personal data. `kinds` are those with a way back, by the name
    that the finder gives them, and what a stand-in is called; others are replaced by their name."""

    replaced: Callable[[str, StandIn], str] = field(repr=False)
    kinds: Mapping[str, str]
    key: bytes = field(repr=False)


class Masked:
    """Masks what goes to `provider`, and puts back what it answers."""

    def __init__(self, provider: Provider, mask: Mask) -> None:
        self.name = provider.name
        self.model = provider.model
        self._provider = provider
        self._mask = mask

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        vault = Vault(self._mask, request)
        text = Restored(vault)
        events = self._provider.stream(vault.request)
        try:
            async for event in events:
                for restored in _restored(event, vault, text):
                    yield restored
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError."""
        vault = Vault(self._mask, request)
        answer = await self._provider.complete_structured(vault.request, schema)
        if not vault.values:
            return answer
        restored = vault.restored(dict(answer.value))
        return replace(answer, value=answer.value.model_copy(update=restored))

    async def close(self) -> None:
        """Lets go of connections."""
        await self._provider.close()


def _restored(event: Event, vault: "Vault", text: "Restored") -> Iterator[Event]:
    """What comes of an event. One that says nothing of the text does not end it."""
    match event:
        case TextDelta(piece):
            whole = text.feed(piece)
            if whole:
                yield TextDelta(whole)
            return
        case Reset() | ProviderFailed():
            text.drop()
        case ToolUse(call):
            event = ToolUse(vault.restored_call(call))
    rest = "" if isinstance(event, Progress | AttemptStarted) else text.rest()
    if rest:
        yield TextDelta(rest)
    yield event


class Vault:
    """One request without personal data, and what its stand-ins stand for."""

    def __init__(self, mask: Mask, request: Request) -> None:
        self.values: dict[str, str] = {}
        self._mask = mask
        self._scope = request.payer.conversation if request.payer else ""
        self.request = replace(
            request,
            system=self.masked(request.system) + NOTE,
            messages=tuple(map(self._message, request.messages)),
        )

    def masked(self, text: str) -> str:
        """`text` with stand-ins, which this vault knows from now on."""
        return self._mask.replaced(text, self._stand_in)

    def restored(self, value: Any) -> Any:
        """A value, however nested, with what its stand-ins stand for."""
        match value:
            case str():
                return (
                    self._pattern.sub(lambda f: self.values[f[0]], value) if self.values else value
                )
            case dict():
                return {key: self.restored(inner) for key, inner in value.items()}
            case list():
                return [self.restored(inner) for inner in value]
        return value

    def restored_call(self, call: ToolCall) -> ToolCall:
        """A tool call as the tool has to get it."""
        return replace(call, arguments=self.restored(call.arguments))

    @property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.values)))

    def _stand_in(self, kind: str, found: str) -> str:
        name = self._mask.kinds.get(kind)
        if name is None:
            return kind
        whole = f"{self._scope}\n{name}\n{found}".encode()
        digest = hmac.new(self._mask.key, whole, hashlib.sha256).hexdigest()[:LENGTH]
        letters = digest.translate(_LETTERS)
        stand_in = (
            f"masked-{letters}@redacted.invalid" if name == "email" else f"[{name}-{letters}]"
        )
        self.values[stand_in] = found
        return stand_in

    def _message(self, message: Message) -> Message:
        match message:
            case UserMessage(text):
                return UserMessage(self.masked(text))
            case AssistantMessage(text, calls):
                return AssistantMessage(self.masked(text), tuple(map(self._call, calls)))
            case ToolMessage(results):
                return ToolMessage(tuple(map(self._result, results)))

    def _call(self, call: ToolCall) -> ToolCall:
        return replace(call, arguments=self._nested(call.arguments))

    def _result(self, result: ToolResult) -> ToolResult:
        return replace(
            result,
            content=self.masked(result.content),
            text=self.masked(result.text),
            citations=tuple(map(self._citation, result.citations)),
        )

    def _citation(self, citation: Citation) -> Citation:
        return replace(
            citation, title=self.masked(citation.title), heading=self.masked(citation.heading)
        )

    def _nested(self, value: Any) -> Any:
        match value:
            case str():
                return self.masked(value)
            case dict():
                return {key: self._nested(inner) for key, inner in value.items()}
            case list():
                return [self._nested(inner) for inner in value]
        return value


class Restored:
    """Streamed text with what its stand-ins stand for. Holds back only what may be the beginning of
    one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._held = ""

    def feed(self, piece: str) -> str:
        """Takes the next piece; returns what can be shown."""
        if not self._vault.values:
            return piece
        text = self._vault.restored(self._held + piece)
        held = self._beginning(text)
        self._held = text[len(text) - held :]
        return str(text[: len(text) - held])

    def rest(self) -> str:
        """What was held back, at the end of a text: it was none."""
        held, self._held = self._held, ""
        return held

    def drop(self) -> None:
        """The text so far is void."""
        self._held = ""

    def _beginning(self, text: str) -> int:
        """How many characters at the end may begin a stand-in."""
        longest = max(map(len, self._vault.values)) - 1
        for length in range(min(longest, len(text)), 0, -1):
            end = text[-length:]
            if any(stand_in.startswith(end) for stand_in in self._vault.values):
                return length
        return 0
