"""A stack of its own for what floods one process: the common one serves other scenarios after it, and
its scripted model answers only its own questions."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.request import Request, urlopen

from chaos.stage import UNLIMITED, Stage
from chaos.weakened import WeakenedStack
from deploy.prod_local import Stack

OFFLINE = {**UNLIMITED, "SUPPORTBOT_PROVIDERS": "offline", "SUPPORTBOT_DEMO": "false"}


@asynccontextmanager
async def stack(stage: Stage, extra: Mapping[str, str] | None = None) -> AsyncIterator[Stack]:
    """One server that answers offline, with its database and Redis. Its processes may open as
    many files as this machine lets them."""
    _raise_file_limit()
    folder = stage.stack.folder / stage.name
    folder.mkdir()
    environment = {**OFFLINE, **(extra or {})}
    if isinstance(stage.stack, WeakenedStack):
        made: Stack = WeakenedStack(folder, stage.stack.guard, extra_environment=environment)
    else:
        made = Stack(folder, servers=1, workers=False, extra_environment=environment)
    await asyncio.to_thread(made.__enter__)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)


def _raise_file_limit() -> None:
    """A socket is a file; what is started from here on inherits the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def session(url: str) -> dict[str, str]:
    """A new visitor's token and conversation."""
    return await asyncio.to_thread(_session, url)


def _session(url: str) -> dict[str, str]:
    asked = Request(f"{url}/api/session", data=b"{}", headers={"Content-Type": "application/json"})
    with urlopen(asked, timeout=30) as answer:
        found: dict[str, str] = json.load(answer)
        return found
