"""What a request to a model costs, from the prices that genai-prices carries. No network."""

from decimal import Decimal

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from chat.llm.base import Usage

_VENDORS = {"anthropic": "anthropic", "openai": "openai"}


def cost(provider: str, model: str, usage: Usage) -> Decimal | None:
    """US dollars for `usage`; None where nobody knows the price, and 0 only where nothing is paid."""
    if provider == "offline":
        return Decimal(0)
    vendor = _VENDORS.get(provider)
    if vendor is None:
        return None
    priced = PricedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return calc_price(priced, model_ref=model, provider_id=vendor).total_price
    except (LookupError, ValueError):  # an unknown model, or counts that contradict each other
        return None
