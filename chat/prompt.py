"""The prompts: files under chat/prompts, rendered strictly, each rendering known by its hash."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import Template

from django.conf import settings

from chat.identity import VerifiedCustomer
from chat.toolbox import Tool

_FOLDER = Path(__file__).parent / "prompts"

_GUEST = "The customer is a guest: nobody has verified who they are."
_VERIFIED = (
    "The customer is signed in with the shop and verified: tools that need to know who they are "
    "know it already, so do not ask for an e-mail address."
)


def render(name: str, **values: str) -> str:
    """The prompt `name` with its variables filled in. Raises KeyError for one without a value."""
    return _template(name).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template((_FOLDER / f"{name}.md").read_text("utf-8"))


def system(tools: Iterable[Tool], customer: VerifiedCustomer | None) -> tuple[str, str]:
    """The agent's system prompt, and its hash: 12 hexadecimal digits of the SHA-256.

    Nothing of the customer's own goes in but whether they are verified, so that one rendering
    serves all conversations from a provider's prompt cache.
    """
    text = render(
        "system",
        shop=settings.SHOP_NAME,
        customer=_VERIFIED if customer else _GUEST,
        tools="\n".join(f"- `{tool.spec.name}`: {_summary(tool)}" for tool in tools),
    )
    return text, hashlib.sha256(text.encode()).hexdigest()[:12]


def _summary(tool: Tool) -> str:
    return tool.spec.description.split("\n\n")[0].replace("\n", " ")
