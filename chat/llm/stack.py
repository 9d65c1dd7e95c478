"""The one place where providers are made and wrapped, in order.

    Economy                         where there are budgets: the cheaper models above the soft limit
      Fallback                      the next provider when one is given up
        Masked                      by setting: personal data does not leave, stand-ins do
          Retry                     a second attempt; tells of every one
            Breaker                 no attempt at a provider that is known to be down
              Repair                a second request for a structured output that does not fit
                Budgeted            where there are budgets: nothing that they cannot bear
                  Traced            a span a request
                    Patience        time limits
                      the vendor's adapter
        ...
        Retry
          Traced
            OfflineProvider         needs no protection from itself, and costs nothing

A vendor's SDK costs seconds and tens of megabytes to import, so an adapter is imported only when
its provider is configured.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chat.llm.base import Provider
from chat.llm.breaker import Breakers
from chat.llm.budget import Budgeted, Economy, Purse
from chat.llm.fallback import Fallback
from chat.llm.masking import Mask, Masked
from chat.llm.offline import OfflineProvider
from chat.llm.patience import Limits, Patience
from chat.llm.repair import Repair
from chat.llm.retry import Retry
from chat.llm.tracing import Redact, Traced


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach a vendor: its key, its address (None for the vendor's own), the model, and the
    cheaper one that answers when money is short ("" for none)."""

    api_key: str
    base_url: str | None
    model: str
    economy_model: str = ""

    @property
    def economical(self) -> "Account":
        """The account with its cheaper model."""
        return replace(self, model=self.economy_model or self.model)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who answers, in order, how to reach them, and how many seconds they have to be reached, to
    begin, and between two tokens."""

    providers: tuple[str, ...]
    anthropic: Account
    openai: Account
    openai_compatible: Account
    connect_timeout: float
    first_token_timeout: float
    token_gap_timeout: float

    @property
    def limits(self) -> Limits:
        return Limits(self.first_token_timeout, self.token_gap_timeout)

    @property
    def economical(self) -> "Configuration":
        """The same with each vendor's cheaper model, where it has one."""
        return replace(
            self,
            anthropic=self.anthropic.economical,
            openai=self.openai.economical,
            openai_compatible=self.openai_compatible.economical,
        )


def build(
    configuration: Configuration,
    *,
    breakers: Breakers | None = None,
    purse: Purse | None = None,
    redact: Redact | None = None,
    mask: Mask | None = None,
) -> Provider:
    """The stack of providers that a process uses.

    It has breakers of its own unless it shares some, and spends what it likes unless a purse sets
    limits. `redact` lets what is said into traces, `mask` keeps personal data from leaving.
    Raises KeyError for an unknown name.
    """
    breakers = breakers or Breakers()

    def chain(configuration: Configuration) -> Provider:
        return Fallback([protected(name, configuration) for name in configuration.providers])

    def protected(name: str, configuration: Configuration) -> Provider:
        provider = _MAKERS[name](configuration)
        if name == OfflineProvider.name:
            return Retry(Traced(provider, content=redact))
        provider = Traced(Patience(provider, configuration.limits), content=redact)
        if purse:
            provider = Budgeted(provider, purse)
        provider = Retry(breakers.around(Repair(provider)))
        return Masked(provider, mask) if mask else provider

    if purse is None:
        return chain(configuration)
    return Economy(chain(configuration), chain(configuration.economical), purse)


def _access(account: Account, configuration: Configuration) -> dict[str, Any]:
    """What every adapter is made with. Silence is Patience's to end: it knows which limit it was, takes
    no ping for an answer, and sets no timer for every packet."""
    return {
        "api_key": account.api_key,
        "base_url": account.base_url,
        "model": account.model,
        "connect_timeout": configuration.connect_timeout,
        "timeout": None,
    }


def _anthropic(configuration: Configuration) -> Provider:
    from chat.llm.anthropic import AnthropicProvider  # noqa: PLC0415  # see the module's docstring

    return AnthropicProvider(**_access(configuration.anthropic, configuration))


def _openai(configuration: Configuration) -> Provider:
    from chat.llm.openai import OpenAIProvider  # noqa: PLC0415  # see the module's docstring

    return OpenAIProvider(**_access(configuration.openai, configuration))


def _openai_compatible(configuration: Configuration) -> Provider:
    from chat.llm.openai_compatible import (  # noqa: PLC0415  # see the module's docstring
        OpenAICompatibleProvider,
    )

    return OpenAICompatibleProvider(**_access(configuration.openai_compatible, configuration))


def _offline(_: Configuration) -> Provider:
    return OfflineProvider()


_MAKERS: dict[str, Callable[[Configuration], Provider]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "openai_compatible": _openai_compatible,
    "offline": _offline,
}
