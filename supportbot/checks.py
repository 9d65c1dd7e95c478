"""System checks: bad configuration is told at start, each with an id and a hint."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection
from django.utils.module_loading import import_string

from chat import accounts, pricing
from chat.llm.base import Usage
from chat.toolbox import Tool
from supportbot import secret_key
from tools.knowledge.index.postgres_tables import has_pgvector

IDENTITY_SECRET_LENGTH = 32
"""Characters: 256 bits, as RFC 7518 section 3.2 asks of an HS256 key."""

_BACKENDS = ("KNOWLEDGE_INDEX", "ORDER_BACKEND", "TICKET_BACKEND", "RESOLUTION_BACKEND")


@register
def environment(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Every variable could be read."""
    return [
        Error(
            f"{variable}: {reason}.",
            hint=f"Correct or unset {variable}; docs/configuration.md says what it takes.",
            id="supportbot.E001",
        )
        for variable, reason in settings.ENV_PROBLEMS.items()
    ]


@register
def tools(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Every tool of SUPPORTBOT_TOOLS loads and is a tool, and no two share a name."""
    messages: list[CheckMessage] = []
    names: set[str] = set()
    for path in settings.AGENT_TOOLS:
        problem = _tool_problem(path, names)
        if problem:
            hint = "SUPPORTBOT_TOOLS takes dotted paths of functions decorated with @tool(...)."
            messages.append(Error(f"{path}: {problem}.", hint=hint, id="supportbot.E002"))
    return messages


def _tool_problem(path: str, names: set[str]) -> str:
    try:
        loaded = import_string(path)
    except (ImportError, TypeError, ValueError) as error:
        return str(error)
    if not isinstance(loaded, Tool):
        return "is not a tool"
    if loaded.spec.name in names:
        return f"a tool of the name {loaded.spec.name} is there already"
    names.add(loaded.spec.name)
    return ""


@register
def backends(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Every backend class loads."""
    messages: list[CheckMessage] = []
    for name in _BACKENDS:
        path = getattr(settings, name)
        try:
            problem = "" if isinstance(import_string(path), type) else "is not a class"
        except (ImportError, TypeError, ValueError) as error:  # the last two: a path with no start
            problem = str(error)
        if problem:
            hint = f"SUPPORTBOT_{name} takes the dotted path of a class."
            messages.append(Error(f"{path}: {problem}.", hint=hint, id="supportbot.E003"))
    return messages


@register
def providers(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Every provider that is asked for can be reached."""
    needs = {
        "anthropic": (settings.ANTHROPIC["api_key"], "ANTHROPIC_API_KEY"),
        "openai": (settings.OPENAI["api_key"], "OPENAI_API_KEY"),
        "openai_compatible": (
            settings.OPENAI_COMPATIBLE["base_url"] and settings.OPENAI_COMPATIBLE["model"],
            "OPENAI_COMPATIBLE_BASE_URL or SUPPORTBOT_OPENAI_COMPATIBLE_MODEL",
        ),
    }
    return [
        Error(
            f"SUPPORTBOT_PROVIDERS names {name}, but {needs[name][1]} is not set.",
            hint=f"Set {needs[name][1]}, or take {name} out of SUPPORTBOT_PROVIDERS.",
            id="supportbot.E004",
        )
        for name in settings.PROVIDERS
        if name in needs and not needs[name][0]
    ]


@register
def prices(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """With a budget, the price of every model is known: a model without one is never asked."""
    if not accounts.limits():
        return []
    vendors = {
        "anthropic": settings.ANTHROPIC,
        "openai": settings.OPENAI,
        "openai_compatible": settings.OPENAI_COMPATIBLE,
    }
    asked = {
        (name, vendors[name][key])
        for name in settings.PROVIDERS
        if name in vendors
        for key in ("model", "economy_model")
    }
    return [
        Warning(
            f"There is a budget, and nobody knows the price of {model}: {name} will not be asked.",
            hint="Put its price into SUPPORTBOT_PRICES, or set no SUPPORTBOT_BUDGET_… at all.",
            id="supportbot.W002",
        )
        for name, model in sorted(asked)
        if model and pricing.worst_case(name, model, Usage(1, 1)) is None
    ]


@register
def identity_secret(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """The key of signed identities, if there is one, cannot be guessed from a token that somebody saw:
    with it they would be any customer."""
    key = settings.IDENTITY_SECRET
    if not key or not secret_key.is_weak(key, shortest=IDENTITY_SECRET_LENGTH):
        return []
    told = (
        f"SUPPORTBOT_IDENTITY_SECRET is a default, has fewer than {IDENTITY_SECRET_LENGTH} characters, "
        f"or fewer than {secret_key.FEWEST_DIFFERENT} different ones."
    )
    hint = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    if settings.EMBEDDED_DATABASE:
        return [Warning(told, hint=hint, id="supportbot.W001")]
    return [Error(told, hint=hint, id="supportbot.E008")]


@register
def production(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """A database server means production: no debug pages, and a key that cannot be guessed."""
    if settings.EMBEDDED_DATABASE:
        return []
    messages: list[CheckMessage] = []
    if settings.DEBUG:
        hint = "Unset DEBUG, or DATABASE_URL for a try on this machine."
        messages.append(Error("DEBUG is on in production.", hint=hint, id="supportbot.E005"))
    told = _key_problem()
    if told:
        hint = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        messages.append(Error(told, hint=hint, id="supportbot.E006"))
    return messages


def _key_problem() -> str:
    if not settings.SECRET_KEY_IS_SET:
        return "SECRET_KEY is not set in production: each machine would make one of its own."
    if secret_key.is_weak(settings.SECRET_KEY):
        return (
            f"SECRET_KEY is a default, has fewer than {secret_key.SHORTEST} characters, "
            f"or fewer than {secret_key.FEWEST_DIFFERENT} different ones."
        )
    return ""


@register(deploy=True)
def https(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Where only HTTPS is served, whoever ends TLS is known: else each redirect leads to another."""
    if not settings.HTTPS or settings.TRUSTED_PROXIES:
        return []
    return [
        Warning(
            "Only HTTPS is served, and no proxy is trusted to say that a request came by it.",
            hint="Set SUPPORTBOT_TRUSTED_PROXIES to the proxies in front of the server, or ignore this "
            "where the server itself ends TLS.",
            id="supportbot.W004",
        )
    ]


@register(Tags.database)
def knowledge_index(
    app_configs: Sequence[Any] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """What the index on the server needs is there. Asks the database, so only where checks may."""
    if not databases or settings.KNOWLEDGE_INDEX != "tools.knowledge.index.PostgresIndex":
        return []
    if connection.vendor != "postgresql":
        hint = "Set DATABASE_URL to postgres://…, or unset SUPPORTBOT_KNOWLEDGE_INDEX."
        told = "The knowledge index PostgresIndex works on PostgreSQL alone."
        return [Error(told, hint=hint, id="supportbot.E007")]
    if has_pgvector():
        return []
    return [
        Warning(
            "The database has no pgvector: only what a search finds by words is compared by meaning.",
            hint="Install pgvector on the server, and let this user run CREATE EXTENSION vector.",
            id="supportbot.W003",
        )
    ]
