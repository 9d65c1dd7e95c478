"""The environment, typed: every variable the project reads, with its default and its meaning.

`supportbot.settings` is the only reader. A value that cannot be used is replaced by its default and
kept as a problem, which the system checks report with a hint: one start shows all of them.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from supportbot import secret_key

ProviderName = Literal["anthropic", "openai", "openai_compatible", "offline"]


def _split(value: Any) -> Any:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def _url(*schemes: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value and ("://" not in value or value.partition("://")[0] not in schemes):
            raise ValueError(f"is not a URL that begins with {':// or '.join(schemes)}://")
        try:
            urlsplit(value).port  # noqa: B018  # raises for what is not one
        except ValueError:
            told = "has no host and port that can be read; a password's special characters are %-escaped"
            raise ValueError(told) from None
        return value

    return check


def _database(value: str) -> str:
    if value.startswith("postgres"):
        parsed = dj_database_url.parse(value)
        if not parsed["NAME"] and "service" not in parsed.get("OPTIONS", {}):
            raise ValueError("names no database, as postgres://user:password@host:5432/name does")
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{value} is not an origin such as https://shop.example")
    return value


def _folder(value: Path, info: ValidationInfo) -> Path:
    try:
        value.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=value):
            pass
    except OSError as error:
        told = f"{value} is no folder that can be written to: {error.strerror}"
        raise ValueError(told) from None
    key = value / "secret_key"
    set_ = info.data.get("secret_key")
    if key.exists() and not (set_ and set_.get_secret_value()):
        try:
            secret_key.read(key)
        except (ImproperlyConfigured, OSError, UnicodeDecodeError) as error:
            raise ValueError(str(error).removesuffix(".")) from None
    return value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Url = Annotated[str, AfterValidator(_url("https", "http"))]
Key = Annotated[SecretStr, BeforeValidator(_stripped)]
Money = Decimal | None


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cache_read: Decimal | None = Field(default=None, ge=0)
    cache_write: Decimal | None = Field(default=None, ge=0)


class Environment(BaseSettings):
    """One field a variable: the field's name in capitals is the variable's name."""

    model_config = SettingsConfigDict(case_sensitive=False, env_ignore_empty=True, frozen=True)

    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Signs sessions. Made and kept under `DATA_DIR` when empty; "
        "with several machines set one for all.",
    )
    debug: bool = Field(default=False, description="Django's debug pages. Never in production.")
    allowed_hosts: Names = Field(
        default=["localhost", "127.0.0.1", "[::1]"],
        description="Host names the server answers to, by comma.",
    )
    host: str = Field(default="127.0.0.1", description="The address the server listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port it listens on.")
    data_dir: Annotated[Path, AfterValidator(_folder)] = Field(
        default=Path("var"),
        validate_default=True,
        description="Where the embedded database, queue and key are kept.",
    )
    database_url: Annotated[
        str, AfterValidator(_url("postgres", "postgresql", "sqlite")), AfterValidator(_database)
    ] = Field(
        default="", description="`postgres://…` for PostgreSQL; SQLite under `DATA_DIR` when empty."
    )
    redis_url: Annotated[str, AfterValidator(_url("redis", "rediss"))] = Field(
        default="",
        description="`redis://…` for the cache, the Celery broker and what processes tell each other; "
        "in-process ones when empty.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = (
        Field(default="INFO", description="The least severe log line that is written.")
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`json` writes one object a line, with turn and trace ids."
    )
    anthropic_api_key: Key = Field(default=SecretStr(""), description="Turns Claude on.")
    anthropic_base_url: Url = Field(
        default="", description="Another address for Anthropic's API, such as a gateway."
    )
    openai_api_key: Key = Field(default=SecretStr(""), description="Turns OpenAI on.")
    openai_base_url: Url = Field(
        default="", description="Another address for OpenAI's API, such as a gateway."
    )
    openai_compatible_base_url: Url = Field(
        default="",
        description="The address of a server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp. "
        "Turns it on.",
    )
    openai_compatible_api_key: Key = Field(
        default=SecretStr(""), description="Its key, where it asks for one."
    )
    supportbot_providers: Annotated[list[ProviderName], NoDecode, BeforeValidator(_split)] = Field(
        default=[],
        description="Who answers, in order, by comma: `anthropic`, `openai`, `openai_compatible`, `offline`. "
        "When empty: those with a key or address, then `offline`.",
    )
    supportbot_anthropic_model: str = Field(
        default="claude-sonnet-5-5", description="The model asked at Anthropic."
    )
    supportbot_anthropic_economy_model: str = Field(
        default="claude-haiku-5-5",
        description="The cheaper model asked there once a budget's soft limit is reached; none when empty.",
    )
    supportbot_openai_model: str = Field(
        default="gpt-6.1-sol", description="The model asked at OpenAI."
    )
    supportbot_openai_economy_model: str = Field(
        default="gpt-6-luna", description="The cheaper model there."
    )
    supportbot_openai_compatible_model: str = Field(
        default="", description="The model asked at the compatible server."
    )
    supportbot_openai_compatible_economy_model: str = Field(
        default="", description="The cheaper model there."
    )
    supportbot_max_output_tokens: int = Field(
        default=1024, ge=64, le=32_000, description="The longest answer, in tokens."
    )
    supportbot_history_tokens: int = Field(
        default=12_000,
        ge=1_000,
        le=1_000_000,
        description="Tokens of a conversation that a request carries; what is older becomes a summary.",
    )
    supportbot_connect_timeout: float = Field(
        default=5.0, gt=0, le=60, description="Seconds to reach a provider."
    )
    supportbot_first_token_timeout: float = Field(
        default=20.0, gt=0, le=600, description="Seconds until a provider's first token."
    )
    supportbot_token_gap_timeout: float = Field(
        default=15.0, gt=0, le=600, description="Seconds between two tokens of a provider."
    )
    supportbot_turn_timeout: float = Field(
        default=120.0, gt=0, le=3600, description="Seconds a whole turn may take, tools included."
    )
    supportbot_drain_seconds: float = Field(
        default=20.0,
        ge=0,
        le=600,
        description="Seconds that running turns get to end when the server is asked to stop. What is not "
        "done then goes on in another process, or after the next start.",
    )
    supportbot_budget_conversation: Money = Field(
        default=None,
        ge=0,
        description="US dollars that one conversation may cost; no limit when empty.",
    )
    supportbot_budget_customer: Money = Field(
        default=None, ge=0, description="US dollars that one customer may cost in a day."
    )
    supportbot_budget_day: Money = Field(
        default=None, ge=0, description="US dollars that all conversations may cost in a day (UTC)."
    )
    supportbot_budget_month: Money = Field(
        default=None,
        ge=0,
        description="US dollars that all conversations may cost in a month (UTC).",
    )
    supportbot_budget_soft: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="The share of a budget from which on the cheaper models answer.",
    )
    supportbot_prices: dict[str, Price] = Field(
        default={},
        description="Prices that genai-prices does not know, in US dollars per million tokens, as JSON: "
        '`{"my-model": {"input": 1, "output": 4, "cache_read": 0.1, "cache_write": 1.25}}`.',
    )
    supportbot_https: bool | None = Field(
        default=None,
        description="Serves HTTPS alone: redirects, HSTS, cookies that no HTTP request carries. On when "
        "empty and `DATABASE_URL` names PostgreSQL. Behind a proxy that ends TLS, see "
        "`SUPPORTBOT_TRUSTED_PROXIES`.",
    )
    supportbot_hsts_seconds: int = Field(
        default=31_536_000,
        ge=0,
        description="How long a browser that came once asks by HTTPS only; 0 for not at all.",
    )
    supportbot_hsts_subdomains: bool = Field(
        default=True,
        description="The same for all names below the server's own. Off where one of them has only HTTP.",
    )
    supportbot_login_failures: int = Field(
        default=5,
        ge=1,
        le=10,
        description="Wrong passwords for one account from one address until the login is locked there.",
    )
    supportbot_lockout_minutes: int = Field(
        default=30, ge=1, le=1440, description="How long it stays locked."
    )
    supportbot_trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Proxies of yours in front of the server: the client's IP is the entry of "
        "`X-Forwarded-For` that the outermost of them wrote, counted from the right. With one or more, "
        "`X-Forwarded-Proto: https` is believed too: the proxies must overwrite it.",
    )
    supportbot_messages_per_minute: int = Field(
        default=10, ge=0, description="Messages a visitor may send in a minute; 0 for no limit."
    )
    supportbot_messages_per_minute_ip: int = Field(
        default=30, ge=0, description="Messages from one IP address in a minute; 0 for no limit."
    )
    supportbot_sessions_per_minute_ip: int = Field(
        default=20,
        ge=0,
        description="New sessions from one IP address in a minute; 0 for no limit.",
    )
    supportbot_sockets_per_ip: int = Field(
        default=50, ge=0, description="Open sockets from one IP address; 0 for no limit."
    )
    supportbot_requests_per_minute_ip: int = Field(
        default=120,
        ge=0,
        description="Requests to an HTTP endpoint from one IP address in a minute; 0 for no limit.",
    )
    supportbot_response_cache: bool = Field(
        default=False,
        description="Answer a first question that was answered within the hour from a cache.",
    )
    supportbot_metrics_token: Key = Field(
        default=SecretStr(""),
        description="Turns `/metrics` on, for whoever sends it as a bearer token.",
    )
    supportbot_trace_content: bool = Field(
        default=False, description="Puts what is said into traces, redacted. Off: metadata only."
    )
    supportbot_redact_for_providers: bool = Field(
        default=False,
        description="Keeps e-mail addresses, phone and card numbers and keys from remote models: "
        "stand-ins go out, and what they stand for comes back into answers and tool calls.",
    )
    otel_exporter_otlp_endpoint: Url = Field(
        default="", description="Where traces and metrics go by OTLP over HTTP; nowhere when empty."
    )
    supportbot_shop_name: str = Field(
        default="Juniper & Oak", description="The shop's name, for the widget and the prompt."
    )
    supportbot_identity_secret: SecretStr = Field(
        default=SecretStr(""),
        description="The key (32 characters or more) with which the host site signs its customers' identity.",
    )
    supportbot_origins: Annotated[
        list[Annotated[str, AfterValidator(_origin)]], NoDecode, BeforeValidator(_split)
    ] = Field(
        default=[],
        description="The origins of the pages that carry the widget, such as `https://shop.example`, by "
        "comma. This server's own need not be named.",
    )
    supportbot_retain_conversations: int = Field(
        default=0,
        ge=0,
        description="Days after its last message that a conversation is kept; 0 for ever.",
    )
    supportbot_retain_tool_calls: int = Field(
        default=0,
        ge=0,
        description="Days that what tools were asked and what they returned is kept; 0 as long as the "
        "conversation.",
    )
    supportbot_retain_tickets: int = Field(
        default=0, ge=0, description="Days that a resolved or closed ticket is kept; 0 for ever."
    )
    supportbot_retain_usage: int = Field(
        default=0, ge=0, description="Days that usage and spending are kept; 0 for ever."
    )
    supportbot_retain_logins: int = Field(
        default=90, ge=0, description="Days that logins of staff are kept; 0 for ever."
    )
    supportbot_erased_tickets: Literal["anonymise", "keep", "delete"] = Field(
        default="anonymise",
        description="What becomes of an erased customer's tickets: `anonymise`, `keep` or `delete`.",
    )
    supportbot_demo: bool | None = Field(
        default=None,
        description="Demo shop, demo content and demo login. On when empty and no `DATABASE_URL` is set.",
    )
    supportbot_tools: Names = Field(
        default=[
            "tools.knowledge.tool.search_knowledge_base",
            "tools.orders.tool.check_order_status",
            "tools.tickets.tool.create_ticket",
        ],
        description="The agent's tools, as dotted paths by comma.",
    )
    supportbot_knowledge_index: str = Field(
        default="tools.knowledge.index.InProcessIndex",
        description="The search index, a dotted path.",
    )
    supportbot_embedding_model: str = Field(
        default="",
        description="The embedding model asked at OpenAI or a compatible server, such as "
        "`text-embedding-3-small`. When empty, one that works offline in the server's process.",
    )
    supportbot_embedding_base_url: Url = Field(
        default="", description="Its address; `OPENAI_BASE_URL`, or OpenAI's own, when empty."
    )
    supportbot_embedding_api_key: Key = Field(
        default=SecretStr(""), description="Its key; `OPENAI_API_KEY` when empty."
    )
    supportbot_embedding_timeout: float = Field(
        default=1.0,
        gt=0,
        le=30,
        description="Seconds a search waits for a question's embedding before it goes on by words alone.",
    )
    supportbot_order_backend: str = Field(
        default="tools.orders.backends.DatabaseOrders",
        description="Where orders are looked up, a dotted path.",
    )
    supportbot_ticket_backend: str = Field(
        default="tools.tickets.backends.DatabaseTickets",
        description="Where tickets are opened, a dotted path.",
    )
    supportbot_resolution_backend: str = Field(
        default="tools.tickets.resolutions.DatabaseResolutions",
        description="Where drafts of articles learn how tickets were settled, a dotted path.",
    )

    supportbot_import_http: bool = Field(
        default=False, description="Lets imports read `http://` addresses too."
    )
    supportbot_import_rate: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Pages that an import may ask of one site in a second.",
    )

    @property
    def providers(self) -> list[ProviderName]:
        """Who answers, in order."""
        if self.supportbot_providers:
            return self.supportbot_providers
        keyed: list[tuple[ProviderName, SecretStr]] = [
            ("anthropic", self.anthropic_api_key),
            ("openai", self.openai_api_key),
            ("openai_compatible", SecretStr(self.openai_compatible_base_url)),
        ]
        return [name for name, key in keyed if key.get_secret_value()] + ["offline"]

    @property
    def https(self) -> bool:
        """Whether only HTTPS is served."""
        if self.supportbot_https is None:
            return self.database_url.startswith("postgres")
        return self.supportbot_https

    @property
    def demo(self) -> bool:
        """Whether the demo shop is served."""
        return not self.database_url if self.supportbot_demo is None else self.supportbot_demo


def load() -> tuple[Environment, dict[str, str]]:
    """The environment, and what was wrong with it: a reason by the variable's name."""
    try:
        return Environment(), {}
    except ValidationError as error:
        problems = {
            str(e["loc"][0]): e["msg"].removeprefix("Value error, ")
            for e in error.errors(include_url=False)
        }
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in Environment.model_fields.items()
        if name in problems
    }
    if "data_dir" in defaults:  # the default folder may be what is wrong
        defaults["data_dir"] = Path(tempfile.mkdtemp(prefix="supportbot-"))
        atexit.register(shutil.rmtree, defaults["data_dir"], ignore_errors=True)
    return Environment(**defaults), {name.upper(): reason for name, reason in problems.items()}
