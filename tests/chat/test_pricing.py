"""What a request costs: known, nothing, or not known."""

from decimal import Decimal

import pytest

from chat import pricing
from chat.llm.base import Usage

TOKENS = Usage(input_tokens=100_000, output_tokens=0)


def test_a_known_model_has_its_price() -> None:
    price = pricing.cost("anthropic", "claude-sonnet-4-5", TOKENS)
    assert price == Decimal("0.3")


def test_what_comes_from_the_cache_costs_less() -> None:
    cached = Usage(input_tokens=100_000, output_tokens=0, cache_read_tokens=100_000)
    less = pricing.cost("anthropic", "claude-sonnet-4-5", cached)
    assert less is not None
    assert 0 < less < Decimal("0.1")


def test_the_offline_engine_costs_nothing() -> None:
    assert pricing.cost("offline", "examples", TOKENS) == 0


@pytest.mark.parametrize(
    ("provider", "model", "usage"),
    [
        ("anthropic", "claude-of-next-year", TOKENS),
        ("openai_compatible", "llama", TOKENS),
        ("openai", "gpt-4o", Usage(input_tokens=0, output_tokens=0, cache_read_tokens=5)),
    ],
)
def test_what_nobody_knows_is_not_nothing(provider: str, model: str, usage: Usage) -> None:
    assert pricing.cost(provider, model, usage) is None
