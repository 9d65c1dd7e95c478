"""The one place where providers are made and wrapped, in order.

A vendor's SDK costs seconds and tens of megabytes to import, so an adapter is imported only when
its provider is configured.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chat.llm.base import Provider
from chat.llm.fallback import Fallback
from chat.llm.offline import OfflineProvider


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach a vendor: its key, its address (None for the vendor's own) and the model."""

    api_key: str
    base_url: str | None
    model: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who answers, in order, and how to reach them. `timeout` is seconds a provider may be silent."""

    providers: tuple[str, ...]
    anthropic: Account
    openai: Account
    timeout: float


def build(configuration: Configuration) -> Provider:
    """The stack of providers that a process uses. Raises KeyError for an unknown name."""
    return Fallback([_MAKERS[name](configuration) for name in configuration.providers])


def _anthropic(configuration: Configuration) -> Provider:
    from chat.llm.anthropic import AnthropicProvider  # noqa: PLC0415  # see the module's docstring

    account = configuration.anthropic
    return AnthropicProvider(
        api_key=account.api_key,
        model=account.model,
        base_url=account.base_url,
        timeout=configuration.timeout,
    )


def _openai(configuration: Configuration) -> Provider:
    from chat.llm.openai import OpenAIProvider  # noqa: PLC0415  # see the module's docstring

    account = configuration.openai
    return OpenAIProvider(
        api_key=account.api_key,
        model=account.model,
        base_url=account.base_url,
        timeout=configuration.timeout,
    )


def _openai_compatible(configuration: Configuration) -> Provider:
    from chat.llm.openai_compatible import (  # noqa: PLC0415  # see the module's docstring
        OpenAICompatibleProvider,
    )

    account = configuration.openai
    return OpenAICompatibleProvider(
        api_key=account.api_key,
        model=account.model,
        base_url=account.base_url,
        timeout=configuration.timeout,
    )


def _offline(_: Configuration) -> Provider:
    return OfflineProvider()


_MAKERS: dict[str, Callable[[Configuration], Provider]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "openai_compatible": _openai_compatible,
    "offline": _offline,
}
