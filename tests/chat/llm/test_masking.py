"""A provider that may not read personal data works with stand-ins; nobody else notices."""

from dataclasses import asdict
from typing import Any

import pytest
from pydantic import BaseModel

from chat.llm.base import (
    AssistantMessage,
    AttemptStarted,
    Event,
    Payer,
    Progress,
    Provider,
    Request,
    Reset,
    Structured,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolUse,
    UserMessage,
)
from chat.llm.masking import NOTE, Mask, Masked, Vault
from chat.providers import _MASKED
from chat.redaction import replaced
from tests.fakes import REPORT, Round, ScriptedProvider, calls, says

EMAIL, PHONE, CARD = "ada@mail.example", "+44 20 7946 0958", "4111 1111 1111 1111"
KEY = "sk-abcdefgh1234"
MASK = Mask(replaced, _MASKED, b"key")


def request(text: str, *more: Any, conversation: str = "c-1") -> Request:
    return Request("Be brief.", (UserMessage(text), *more), payer=Payer(conversation, "visitor:x"))


def stand_ins(asked: Request) -> list[str]:
    return list(Vault(MASK, asked).values)


async def events(script: Any, asked: Request) -> tuple[list[Event], Request]:
    """What the customer's side gets, and what the provider got."""
    provider = ScriptedProvider(script)
    found = [event async for event in Masked(provider, MASK).stream(asked)]
    return found, provider.requests[0]


def text_of(found: list[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta))


async def test_nothing_personal_leaves_from_wherever_it_stands() -> None:
    everything = f"{EMAIL} {PHONE} {CARD} {KEY}"
    asked = request(
        everything,
        AssistantMessage(
            f"Is it {EMAIL}?", (ToolCall("1", "find", {"who": [EMAIL, {"card": CARD}]}),)
        ),
        ToolMessage((ToolResult("1", f"Found {EMAIL}", f"You are {PHONE}"),)),
    )
    _, sent = await events(says("Yes."), asked)
    whole = str(asdict(sent))
    assert not any(value in whole for value in (EMAIL, PHONE, CARD, KEY))
    assert whole.count("@redacted.invalid") == 5  # the note's own among them
    assert sent.system.endswith(NOTE)


async def test_without_the_mask_it_would_leave() -> None:
    """The control: what is looked for is there."""
    provider = ScriptedProvider(says("Yes."))
    [_ async for _ in provider.stream(request(EMAIL))]
    assert EMAIL in str(provider.requests[0])


def echo(asked: Request) -> Round:
    last = asked.messages[-1]
    assert isinstance(last, UserMessage)
    return says(*last.text)  # a character at a time


async def test_the_customer_reads_what_they_wrote_however_it_is_cut() -> None:
    text = f"Write to {EMAIL} or call {PHONE}, card {CARD}. masked- [pho mask"
    found, _ = await events(echo, request(text))
    assert text_of(found) == text


async def test_only_what_may_be_a_stand_in_is_held_back() -> None:
    found, _ = await events(echo, request(f"Hello {EMAIL}"))
    pieces = [event.text for event in found if isinstance(event, TextDelta)]
    assert pieces[:6] == list("Hello ")
    assert pieces[6] == EMAIL


async def test_a_tool_gets_what_the_customer_wrote() -> None:
    def ask(asked: Request) -> Round:
        stand_in = str(asked.messages[0].text)  # type: ignore[union-attr]
        return calls(("check", {"email": stand_in, "more": [{"same": stand_in}], "n": 3}))

    found, _ = await events(ask, request(EMAIL))
    (use,) = [event for event in found if isinstance(event, ToolUse)]
    assert use.call.arguments == {"email": EMAIL, "more": [{"same": EMAIL}], "n": 3}


async def test_arguments_that_cannot_be_read_stay_so() -> None:
    found, _ = await events(calls(("check", None)), request(EMAIL))
    assert any(isinstance(event, ToolUse) and event.call.arguments is None for event in found)


async def test_text_that_is_void_never_comes_back() -> None:
    (stand_in,) = stand_ins(request(EMAIL))
    script = [TextDelta(stand_in[:9]), Reset("CONNECTION"), *says("Hello.")]
    found, _ = await events(script, request(EMAIL))
    assert text_of(found) == "Hello."


async def test_a_sign_of_life_in_between_does_not_end_a_stand_in() -> None:
    (stand_in,) = stand_ins(request(EMAIL))
    script = [
        TextDelta(stand_in[:9]), Progress(), AttemptStarted("a", "b"), TextDelta(stand_in[9:]), REPORT
    ]  # fmt: skip
    found, _ = await events(script, request(EMAIL))
    assert text_of(found) == EMAIL


def test_a_stand_in_is_the_same_all_through_a_conversation_and_another_elsewhere() -> None:
    first = stand_ins(request(EMAIL))
    assert stand_ins(request(f"so, {EMAIL}", UserMessage(f"again {EMAIL}"))) == first
    assert stand_ins(request(EMAIL, conversation="c-2")) != first
    assert stand_ins(request("eve@mail.example")) != first
    other = Mask(replaced, _MASKED, b"another key")
    assert list(Vault(other, request(EMAIL)).values) != first


@pytest.mark.parametrize("value", [EMAIL, PHONE, CARD])
def test_a_stand_in_holds_nothing_that_is_found_again(value: str) -> None:
    """Else a later pattern would cut it up."""
    for conversation in range(200):
        (stand_in,) = stand_ins(request(value, conversation=str(conversation)))
        if "@" not in stand_in:
            assert replaced(stand_in, lambda kind, _: kind) == stand_in


class _Summary(BaseModel):
    text: str
    points: list[str]


class _Summarises(ScriptedProvider):
    async def complete_structured(self, request: Request, schema: Any) -> Any:
        self.requests.append(request)
        said = request.messages[0].text  # type: ignore[union-attr]
        return Structured(_Summary(text=said, points=[said]), REPORT)


async def test_a_structured_output_comes_back_whole() -> None:
    provider = _Summarises()
    masked: Provider = Masked(provider, MASK)
    answer = await masked.complete_structured(request(f"Mail {EMAIL}"), _Summary)
    assert answer.value == _Summary(text=f"Mail {EMAIL}", points=[f"Mail {EMAIL}"])
    assert EMAIL not in str(provider.requests[0])
