"""What a request costs: known, nothing, or not known."""

from decimal import Decimal

import pytest
from pytest_django import Settings

from chat import pricing
from chat.llm.base import Usage

TOKENS = Usage(input_tokens=100_000, output_tokens=0)
MIXED = Usage(
    input_tokens=1_000_000,
    output_tokens=500_000,
    cache_read_tokens=400_000,
    cache_write_tokens=100_000,
)


def test_a_known_model_has_its_price_and_says_whose_it_is() -> None:
    price = pricing.price("anthropic", "claude-sonnet-4-5", TOKENS)
    assert price == pricing.Price(Decimal("0.3"), pricing.CATALOGUE)
    assert pricing.CATALOGUE.startswith("genai-prices 0.")


def test_what_comes_from_the_cache_costs_less() -> None:
    cached = Usage(input_tokens=100_000, output_tokens=0, cache_read_tokens=100_000)
    less = pricing.price("anthropic", "claude-sonnet-4-5", cached).cost
    assert less is not None
    assert 0 < less < Decimal("0.1")


def test_the_offline_engine_costs_nothing() -> None:
    assert pricing.price("offline", "examples", TOKENS) == pricing.Price(Decimal(0))
    assert pricing.worst_case("offline", "examples", TOKENS) == 0


@pytest.mark.parametrize(
    ("provider", "model", "usage"),
    [
        ("anthropic", "claude-of-next-year", TOKENS),
        ("openai_compatible", "llama", TOKENS),
        ("openai_compatible", "claude-sonnet-4-5", TOKENS),
        ("openai", "gpt-4o", Usage(input_tokens=0, output_tokens=0, cache_read_tokens=5)),
    ],
)
def test_what_nobody_knows_is_not_nothing(provider: str, model: str, usage: Usage) -> None:
    assert pricing.price(provider, model, usage) == pricing.Price(None)


def test_a_worst_case_that_nobody_knows_is_not_nothing() -> None:
    assert pricing.worst_case("openai_compatible", "llama", TOKENS) is None


def test_the_settings_price_what_nobody_else_knows(settings: Settings) -> None:
    settings.PRICES = {
        "llama": {
            "input": Decimal(2),
            "output": Decimal(10),
            "cache_read": Decimal("0.2"),
            "cache_write": Decimal("2.5"),
        }
    }
    # 0.5 M plain, 0.4 M read from a cache, 0.1 M written to it, 0.5 M written by the model
    dollars = Decimal(1) + Decimal("0.08") + Decimal("0.25") + Decimal(5)
    assert pricing.price("openai_compatible", "llama", MIXED) == pricing.Price(dollars, "settings")


def test_cached_tokens_without_a_price_of_their_own_cost_what_all_input_does(
    settings: Settings,
) -> None:
    settings.PRICES = {
        "llama": {
            "input": Decimal(2),
            "output": Decimal(10),
            "cache_read": None,
            "cache_write": None,
        }
    }
    assert pricing.price("openai_compatible", "llama", MIXED).cost == Decimal(2) + Decimal(5)


def test_the_settings_come_before_the_catalogue(settings: Settings) -> None:
    settings.PRICES = {"claude-sonnet-4-5": {"input": Decimal(1), "output": Decimal(1)}}
    price = pricing.price("anthropic", "claude-sonnet-4-5", TOKENS)
    assert price == pricing.Price(Decimal("0.1"), "settings")


def test_a_model_of_our_own_may_be_free(settings: Settings) -> None:
    settings.PRICES = {"llama": {"input": Decimal(0), "output": Decimal(0)}}
    assert pricing.price("openai_compatible", "llama", MIXED).cost == 0


def test_the_worst_case_is_that_all_input_goes_to_a_cache_where_that_is_dearer() -> None:
    written = Usage(input_tokens=100_000, output_tokens=0, cache_write_tokens=100_000)
    dearest = pricing.price("anthropic", "claude-sonnet-4-5", written).cost
    assert pricing.worst_case("anthropic", "claude-sonnet-4-5", TOKENS) == dearest
    assert dearest is not None and dearest > Decimal("0.3")


def test_the_worst_case_is_plain_input_where_a_cache_costs_less(settings: Settings) -> None:
    settings.PRICES = {
        "llama": {"input": Decimal(2), "output": Decimal(10), "cache_write": Decimal(1)}
    }
    assert pricing.worst_case("openai_compatible", "llama", TOKENS) == Decimal("0.2")
