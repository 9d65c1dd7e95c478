"""What the OpenAI adapters share: the SDK's client, its errors, its schemas."""

from collections.abc import Callable
from typing import Any, cast

import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    AsyncOpenAI,
    AsyncStream,
    DefaultAioHttpClient,
    DefaultHttpxClient,
    OpenAI,
    OpenAIError,
    pydantic_function_tool,
)
from pydantic import BaseModel, PydanticUserError

from chat.llm.base import ProviderError, ServerFailed, Unsupported
from chat.llm.failures import Vendor, failure
from chat.llm.schemas import require_closed
from chat.llm.streaming import Post
from chat.llm.transport import (
    BROKEN_LINE,
    HEADERS,
    PerLoop,
    sdk_timeout,
    tls_context,
    transport_failure,
)


def clients(
    *,
    api_key: str,
    base_url: str | None,
    connect_timeout: float,
    timeout: float | None,
    http_client: httpx2.AsyncClient | None,
) -> PerLoop[AsyncOpenAI]:
    """The SDK's clients, without retries of their own."""
    return PerLoop(
        lambda: AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            timeout=sdk_timeout(connect=connect_timeout, silence=timeout),
            max_retries=0,  # retrying is the stack's business: it knows the turn's deadline
            default_headers=HEADERS,
            http_client=http_client or DefaultAioHttpClient(verify=tls_context()),
        )
    )


def blocking_client(*, api_key: str, base_url: str | None) -> OpenAI:
    """A client for code that waits, without retries of its own. Its calls say how long they wait."""
    return OpenAI(
        # The SDK refuses to be built without a key, which a server of one's own may not ask for.
        api_key=api_key or "none",
        base_url=base_url,
        max_retries=0,
        default_headers=HEADERS,
        http_client=DefaultHttpxClient(verify=tls_context()),
    )


def poster(clients: PerLoop[AsyncOpenAI], path: str) -> Post:
    """Sends requests to `path`."""

    async def post(content: bytes) -> httpx2.Response:
        # What `create` calls, without the time it takes to walk the body.
        response = await clients.get().post(
            path, cast_to=httpx2.Response, content=content, stream=True, stream_cls=_UNUSED
        )
        return cast(httpx2.Response, response)

    return post


def strict_schema(provider: str, schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `schema` as strict mode wants it; raises Unsupported if there is none."""
    require_closed(provider, schema)
    try:
        function = pydantic_function_tool(schema)["function"]
    except (PydanticUserError, TypeError, ValueError):
        raise Unsupported(f"no strict schema for {schema.__name__}", provider) from None
    return dict(function["parameters"])


def vendor(provider: str) -> Vendor:
    """How failures are read in the name of `provider`."""
    # The SDK raises its own errors until the response's body begins, then httpx2's come through.
    # What cannot be read is a ValueError.
    caught = (OpenAIError, httpx2.HTTPError, *BROKEN_LINE, ValueError, RecursionError)
    return Vendor(provider, _translator(provider), caught, request_id="x-request-id")


def in_band(provider: str, error: object) -> ProviderError:
    """An error in a stream that began well: vLLM and llama.cpp put a status in its code."""
    reported = error if isinstance(error, dict) else {"message": error}
    code = str(reported.get("code") or "")
    return failure(
        provider,
        status=int(code) if code.isdecimal() and len(code) == 3 else None,
        kinds=(reported.get("type"), code),
        message=reported.get("message") or "",
    )


def _translator(provider: str) -> Callable[[Exception], ProviderError]:
    def translate(error: Exception) -> ProviderError:
        if isinstance(error, (APIConnectionError, *BROKEN_LINE)):
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
        return ServerFailed(f"unreadable answer ({type(error).__name__})", provider)

    return translate


_UNUSED = AsyncStream[object]
"""The SDK asks how to read a stream, even where the response is read by hand."""
