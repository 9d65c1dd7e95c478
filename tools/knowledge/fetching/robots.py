"""What a site's robots.txt lets us read (RFC 9309)."""

from dataclasses import dataclass

from protego import Protego

LONGEST_DELAY = 30.0
"""Seconds. A site that wishes more between two pages would keep an import for days."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one site for one agent."""

    agent: str
    parsed: Protego

    def allow(self, url: str) -> bool:
        """Whether the agent may read the URL."""
        return bool(self.parsed.can_fetch(url, self.agent))

    @property
    def delay(self) -> float:
        """Seconds that the site wishes between two pages."""
        return min(self.parsed.crawl_delay(self.agent) or 0.0, LONGEST_DELAY)


def read(text: str, agent: str) -> Rules:
    """The rules of a robots.txt; of an empty one: everything may be read."""
    return Rules(agent, Protego.parse(text))
