"""System checks: bad configuration is told with an id and a hint."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

GOOD_KEY = "".join(map(chr, range(48, 112)))

pytestmark = pytest.mark.django_db  # some of Django's own checks ask the database


def problems() -> dict[str, str]:
    return {m.id or "": str(m.msg) for m in run_checks() if (m.id or "").startswith("supportbot.")}


def test_the_tests_own_configuration_is_good() -> None:
    assert problems() == {}


@pytest.mark.parametrize(
    ("name", "value", "id_", "said"),
    [
        ("ENV_PROBLEMS", {"PORT": "Input should be less than 65536"}, "supportbot.E001", "PORT"),
        ("AGENT_TOOLS", ["tools.nowhere.tool"], "supportbot.E002", "tools.nowhere"),
        ("AGENT_TOOLS", ["chat.protocol.encode"], "supportbot.E002", "is not a tool"),
        ("AGENT_TOOLS", ["tools.orders.tool.check_order_status"] * 2, "supportbot.E002", "already"),
        ("ORDER_BACKEND", "tools.orders.backends.Nothing", "supportbot.E003", "Nothing"),
        ("ORDER_BACKEND", "tools.orders.backends.get_backend", "supportbot.E003", "not a class"),
        ("ORDER_BACKEND", ".Nothing", "supportbot.E003", ".Nothing"),
        ("TICKET_BACKEND", "..tickets.Nothing", "supportbot.E003", "..tickets.Nothing"),
        ("AGENT_TOOLS", [".nothing"], "supportbot.E002", ".nothing"),
        ("PROVIDERS", ["anthropic", "offline"], "supportbot.E004", "ANTHROPIC_API_KEY"),
        ("PROVIDERS", ["openai_compatible"], "supportbot.E004", "OPENAI_COMPATIBLE_BASE_URL"),
    ],
)
def test_bad_configuration_is_told(
    settings: Settings, name: str, value: Any, id_: str, said: str
) -> None:
    setattr(settings, name, value)
    assert said in problems()[id_]


def test_a_budget_wants_the_price_of_every_model(settings: Settings) -> None:
    settings.PROVIDERS = ["openai_compatible", "offline"]
    settings.OPENAI_COMPATIBLE = {
        "api_key": "", "base_url": "http://localhost", "model": "ours", "economy_model": "",
    }  # fmt: skip
    assert problems() == {}
    settings.BUDGET_DAY = Decimal(5)
    assert "nobody knows the price of ours" in problems()["supportbot.W002"]
    settings.PRICES = {"ours": {"input": Decimal(1), "output": Decimal(4)}}
    assert problems() == {}


@pytest.mark.parametrize("key", ["short", "change-me-" + GOOD_KEY, "x" * 40])
def test_the_key_of_the_shops_customers_cannot_be_guessed(settings: Settings, key: str) -> None:
    settings.IDENTITY_SECRET, settings.EMBEDDED_DATABASE = key, True
    assert "SUPPORTBOT_IDENTITY_SECRET" in problems()["supportbot.W001"]
    settings.SECRET_KEY, settings.EMBEDDED_DATABASE = GOOD_KEY, False
    assert "SUPPORTBOT_IDENTITY_SECRET" in problems()["supportbot.E008"]
    settings.IDENTITY_SECRET = GOOD_KEY[:32]
    assert problems() == {}


def test_every_message_has_a_hint(settings: Settings) -> None:
    settings.ENV_PROBLEMS = {"PORT": "bad"}
    settings.AGENT_TOOLS = ["nowhere"]
    settings.ORDER_BACKEND = "nowhere"
    settings.PROVIDERS = ["openai"]
    settings.IDENTITY_SECRET, settings.EMBEDDED_DATABASE = "short", True
    ours = [m for m in run_checks() if (m.id or "").startswith("supportbot.")]
    assert len({m.id for m in ours}) == 5
    assert all(m.hint for m in ours)


def test_production_has_no_debug_pages_and_a_key_that_cannot_be_guessed(settings: Settings) -> None:
    settings.EMBEDDED_DATABASE = False
    settings.DEBUG, settings.SECRET_KEY = True, "short"
    assert {"supportbot.E005", "supportbot.E006"} <= set(problems())
    settings.DEBUG = False
    for weak in ("x" * 60, "django-insecure-" + GOOD_KEY, "change-me-" + GOOD_KEY, GOOD_KEY[:49]):
        settings.SECRET_KEY = weak
        assert set(problems()) == {"supportbot.E006"}
    settings.SECRET_KEY = GOOD_KEY
    assert problems() == {}
    settings.SECRET_KEY_IS_SET = False
    assert "not set" in problems()["supportbot.E006"]
