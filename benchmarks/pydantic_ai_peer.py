"""pydantic-ai beside the app: `python -m benchmarks.pydantic_ai_peer pydantic-ai --port N --provider URL`."""

from collections.abc import AsyncIterator

from anthropic import AsyncAnthropic
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from benchmarks.peers import KEY, MAX_TOKENS, MODEL, PATIENCE, Answer, serve


def pydantic_ai(provider: str) -> Answer:
    """Its agent, each piece of text as it comes rather than gathered for 0.1 s."""
    client = AsyncAnthropic(api_key=KEY, base_url=provider, max_retries=0, timeout=PATIENCE)
    agent = Agent(
        AnthropicModel(MODEL, provider=AnthropicProvider(anthropic_client=client)),
        model_settings={"max_tokens": MAX_TOKENS},
    )

    async def answer(question: str) -> AsyncIterator[str]:
        async with agent.run_stream(question) as result:
            async for text in result.stream_text(delta=True, debounce_by=None):
                yield text

    return answer


if __name__ == "__main__":
    serve({"pydantic-ai": pydantic_ai})
