"""What keeps conversations whole, and how each of these guards is taken out for a negative control.

Imported in a control's processes only, once Django is set up.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError
from django.db.models import UUIDField

from chat import (
    consumers,
    conversations,
    doorbell,
    leases,
    protocol,
    recovery,
    shared_state,
    turns,
)
from chat.consumers import ChatConsumer
from chat.hold import Hold
from chat.leases import Claim
from chat.models import Conversation, Turn
from chat.prepared import Param, Update
from chat.protocol import MessageAccepted, MessageSend
from supportbot import ending


def _no_recovery() -> None:
    """Nobody looks for turns whose runner is gone: no sweep, no server that starts in its place, nor one
    that the customer comes back to."""

    async def idle() -> None:
        await asyncio.Event().wait()

    async def nothing() -> int:
        return 0

    async def no_heir(runner: str) -> None:
        return None

    async def no_return(conversation: UUID) -> None:
        return None

    recovery.forever = idle
    recovery.sweep_to_the_end = nothing
    recovery.succeed = no_heir
    turns.resume = no_return


def _no_fence() -> None:
    """Whoever comes may write to a turn that runs, claimed or not."""

    def renew(held: Claim) -> bool:
        Turn.objects.filter(pk=held.turn).update(lease_expires_at=leases._until())
        return False

    leases.renew = renew
    Hold.must_be_kept = lambda self: None  # type: ignore[method-assign]
    conversations._CLOSE = Update(
        lambda: Turn.objects.filter(pk=Param("turn", UUIDField()), status=Turn.Status.RUNNING),
        conversations._CLOSE._changes,
    )


def _acknowledged_early() -> None:
    """A message is acknowledged whether or not its commit succeeds, as if nobody waited for it."""
    careful = ChatConsumer._on_message

    async def hasty(self: ChatConsumer, conversation: Conversation, frame: MessageSend) -> None:
        try:
            await careful(self, conversation, frame)
        except DatabaseError:
            made_up = MessageAccepted(id=frame.id, message=str(uuid4()), turn=str(uuid4()))
            await self.tell(made_up)

    ChatConsumer._on_message = hasty  # type: ignore[method-assign]


def _redis_errors() -> None:
    """An error of Redis ends whatever it hits."""
    nothing = ()  # no error at all is one of these
    for module in (shared_state, doorbell):
        module.UNAVAILABLE = nothing  # type: ignore[attr-defined]


def _no_drain() -> None:
    """A server that is asked to stop does so at once."""

    async def nothing() -> None:
        return

    ending.drain = nothing


def _frames_are_trusted() -> None:
    """What is wrong with a frame is raised where it is read."""
    module: Any = consumers
    module.decode = protocol._client_frames.validate_json


SWAPS: dict[str, Callable[[], None]] = {
    "recovery": _no_recovery,
    "fence": _no_fence,
    "commit before acknowledgement": _acknowledged_early,
    "Redis errors": _redis_errors,
    "drain": _no_drain,
    "frame errors": _frames_are_trusted,
}
