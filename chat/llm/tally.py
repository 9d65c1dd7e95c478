"""What one request takes: counted by the server, or estimated where it does not say."""

from dataclasses import dataclass
from typing import Any

from chat.llm.base import Usage

CHARACTERS_PER_TOKEN = 4
"""A guess for what no server counted: unlike nothing, it counts against a budget."""

MOST_TOKENS = 2**31 - 1
"""What the ledger's integer columns hold, a thousand times what any request takes: a server that
reports more reports nonsense, which must not cost the customer an answer."""


@dataclass(slots=True)
class Tally:
    """Counts one request. `sent` is its size in bytes, `received` all characters that the model
    wrote: text, thoughts and tool calls. The other figures are the server's own, None until it
    gives them. `begun` tells that the server took the request and may charge for it.
    """

    sent: int = 0
    received: int = 0
    begun: bool = False
    request_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def whole(self) -> Usage:
        """What an answer took that came to its end."""
        estimate = self.received // CHARACTERS_PER_TOKEN
        return self._usage(estimate if self.output_tokens is None else self.output_tokens)

    def so_far(self) -> Usage | None:
        """What an answer took that failed on the way; None where the server took no request.

        A server counts at the end: until then its figure for the output is only where it began.
        """
        if not self.begun:
            return None
        return self._usage(max(self.output_tokens or 0, self.received // CHARACTERS_PER_TOKEN))

    def _usage(self, output_tokens: int) -> Usage:
        estimate = self.sent // CHARACTERS_PER_TOKEN
        return Usage(
            input_tokens=min(
                estimate if self.input_tokens is None else self.input_tokens, MOST_TOKENS
            ),
            output_tokens=output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )


def count(usage: Any, name: str) -> int | None:
    """A number of tokens in what a server reports; None where it does not say."""
    value = usage.get(name) if isinstance(usage, dict) else None
    return min(max(0, value), MOST_TOKENS) if isinstance(value, int) else None
