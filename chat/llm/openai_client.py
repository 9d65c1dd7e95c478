"""What both OpenAI adapters share: the SDK's client, its errors, its schemas."""

from collections.abc import Callable
from typing import Any

import httpx2
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    DefaultAioHttpClient,
    OpenAIError,
    pydantic_function_tool,
)
from pydantic import BaseModel, PydanticUserError

from chat.llm.base import ProviderError, ServerFailed, Unsupported
from chat.llm.transport import PerLoop, sdk_timeout, tls_context, transport_failure
from chat.llm.wire import failure

CAUGHT = (OpenAIError, httpx2.HTTPError, OSError, ValueError, RecursionError)
"""All that leaves the SDK when a request fails: its own errors, and json's and pydantic's (both
ValueError) for what it cannot read."""


def clients(
    *,
    api_key: str,
    base_url: str | None,
    timeout: float,
    http_client: httpx2.AsyncClient | None,
) -> PerLoop[AsyncOpenAI]:
    """The SDK's clients, without retries of their own."""
    return PerLoop(
        lambda: AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            timeout=sdk_timeout(timeout),
            max_retries=0,  # retrying is the stack's business: it knows the turn's deadline
            http_client=http_client or DefaultAioHttpClient(verify=tls_context()),
        )
    )


def strict_schema(provider: str, schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `schema` as strict mode wants it; raises Unsupported if there is none."""
    try:
        function = pydantic_function_tool(schema)["function"]
    except (PydanticUserError, TypeError, ValueError):
        raise Unsupported(f"no strict schema for {schema.__name__}", provider) from None
    return dict(function["parameters"])


def translator(provider: str) -> Callable[[Exception], ProviderError]:
    """The SDK's errors as ours, in the name of `provider`."""

    def translate(error: Exception) -> ProviderError:
        if isinstance(error, (APIConnectionError, httpx2.TransportError, OSError)):
            return transport_failure(provider, error)
        if isinstance(error, APIStatusError):
            return failure(
                provider,
                status=error.status_code,
                kinds=(error.type, error.code),
                message=error.message,
                headers=error.response.headers,
                request_id=error.request_id,
            )
        if isinstance(error, APIError):
            return _in_band(provider, error)
        return ServerFailed(f"unreadable answer ({type(error).__name__})", provider)

    return translate


def _in_band(provider: str, error: APIError) -> ProviderError:
    """An error object in a stream that began well: vLLM and llama.cpp put a status in its code."""
    code = error.code or ""
    return failure(
        provider,
        status=int(code) if code.isdecimal() and len(code) == 3 else None,
        kinds=(error.type, code),
        message=error.message,
    )
