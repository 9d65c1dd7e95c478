"""What a request to a model costs: by the settings, else by what genai-prices carries. No network.

Money is Decimal, in US dollars. A price that nobody knows is None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import genai_prices
from django.conf import settings

from chat.llm.base import Usage

VENDORS = {"anthropic": "anthropic", "openai": "openai"}
"""Our providers whose models genai-prices knows, and its names for them. A compatible server may call
any model by any name, so only the settings price what runs there."""

FREE = frozenset({"offline"})
"""Providers that charge nothing."""

CATALOGUE = f"genai-prices {genai_prices.__version__}"
SETTINGS = "settings"

PER = Decimal(1_000_000)
"""Prices in the settings are for so many tokens."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars, None where they are not known, and whose prices they are ("" for nobody's)."""

    cost: Decimal | None
    version: str = ""


def price(provider: str, model: str, usage: Usage) -> Price:
    """What `usage` costs, and 0 only where nothing is paid."""
    if provider in FREE:
        return Price(Decimal(0))
    own = settings.PRICES.get(model)
    if own is not None:
        return Price(_by_settings(own, usage), SETTINGS)
    cost = _by_catalogue(provider, model, usage)
    return Price(cost, CATALOGUE if cost is not None else "")


def worst_case(provider: str, model: str, usage: Usage) -> Decimal | None:
    """The most that `usage` can cost: all of its input may have to be written to a cache first."""
    cached = replace(usage, cache_write_tokens=usage.input_tokens)
    costs = [price(provider, model, kind).cost for kind in (usage, cached)]
    return max((cost for cost in costs if cost is not None), default=None)


def _by_settings(own: Mapping[str, Decimal | None], usage: Usage) -> Decimal:
    """Cached tokens for which no price is set cost what all input costs."""
    plain = own["input"] or Decimal(0)
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    total = max(0, usage.input_tokens - cached) * plain
    for name, count in (
        ("cache_read", usage.cache_read_tokens),
        ("cache_write", usage.cache_write_tokens),
        ("output", usage.output_tokens),
    ):
        each = own.get(name)
        total += count * (plain if each is None else each)
    return total / PER


def _by_catalogue(provider: str, model: str, usage: Usage) -> Decimal | None:
    vendor = VENDORS.get(provider)
    if vendor is None:
        return None
    priced = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return genai_prices.calc_price(priced, model_ref=model, provider_id=vendor).total_price
    except (LookupError, ValueError):  # an unknown model, or counts that contradict each other
        return None
