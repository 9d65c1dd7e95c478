"""The providers of this deployment: settings in, the stack of `chat.llm.stack` out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings
from django.utils.crypto import salted_hmac

from chat import breakers, budgets, limits
from chat.llm import stack
from chat.llm.base import Provider
from chat.llm.masking import Mask
from chat.redaction import CARD, EMAIL, PHONE, redact, replaced

_MASKED = {EMAIL: "email", PHONE: "phone", CARD: "card"}
"""What a stand-in is given back for. A key has none: no tool needs one, and no answer repeats it."""


def _key() -> bytes:
    """Stand-ins tell nobody without it what they stand for."""
    return salted_hmac("supportbot.masking", "", algorithm="sha256").digest()


def configuration() -> stack.Configuration:
    """What the settings say about providers."""
    return stack.Configuration(
        providers=tuple(settings.PROVIDERS),
        anthropic=stack.Account(**settings.ANTHROPIC),
        openai=stack.Account(**settings.OPENAI),
        openai_compatible=stack.Account(**settings.OPENAI_COMPATIBLE),
        connect_timeout=settings.CONNECT_TIMEOUT,
        first_token_timeout=settings.FIRST_TOKEN_TIMEOUT,
        token_gap_timeout=settings.TOKEN_GAP_TIMEOUT,
    )


def _built() -> Provider:
    return stack.build(
        configuration(),
        breakers=breakers.shared(),
        purse=budgets.purse(stopped=limits.shared_state_is_down),
        redact=redact if settings.TRACE_CONTENT else None,
        mask=Mask(replaced, _MASKED, _key()) if settings.REDACT_FOR_PROVIDERS else None,
    )


_shared: Provider | None = None


def shared() -> Provider:
    """The stack of this process, whose connections all turns share. For its event loop alone."""
    if _shared is None:
        install(_built())
    assert _shared is not None  # noqa: S101  # for the type checker: install has just set it
    return _shared


def install(provider: Provider | None) -> None:
    """Makes `provider` the one of this process, such as a scripted one in a test."""
    global _shared
    _shared = provider


@asynccontextmanager
async def opened() -> AsyncIterator[Provider]:
    """A stack for one piece of work in a loop of its own, such as a background task's."""
    provider = _built()
    try:
        yield provider
    finally:
        await provider.close()
