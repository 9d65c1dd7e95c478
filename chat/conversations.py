"""The use cases of a conversation: every write to one has its home here.

All functions are synchronous and take part in one transaction each; what must follow a write (a
background task) follows its commit. Whatever an id names is looked up together with its owner.
"""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import IntegerField, UUIDField
from django.db.models.functions import Now
from django.utils import timezone

from chat import alerts, outbox, signals, telemetry, usage
from chat.identity import Visitor
from chat.leases import Claim, LeaseLost
from chat.llm.base import AuthenticationFailed, InvalidRequest, ProviderFailed
from chat.models import Conversation, Feedback, Message, Turn
from chat.prepared import Insert, Param, Select, Update
from chat.progress import TurnRecord
from chat.protocol import CitationView, as_json

FOR_STAFF = frozenset({AuthenticationFailed.code, InvalidRequest.code})
"""Errors of a provider that no waiting mends: a key, an account or a setting is wrong."""


_CONVERSATION = Param("conversation", UUIDField())
_TOUCH = Update(
    lambda: Conversation.objects.filter(pk=_CONVERSATION), lambda: {"updated_at": Now()}
)
_QUEUED = Select(
    lambda: (
        Turn.objects.select_for_update()
        .filter(conversation=_CONVERSATION, status=Turn.Status.QUEUED)
        .values_list("pk", "stop_requested")
    )
)
_TURN = Insert(Turn)
_MESSAGE = Insert(Message)
_CLOSE = Update(
    lambda: Turn.objects.filter(
        pk=Param("turn", UUIDField()),
        fence=Param("held", IntegerField()),
        status=Turn.Status.RUNNING,
    ),
    lambda: {
        **Param.of(
            Turn,
            *("status", "error_code", "provider", "model", "passed_over", "claims_caught"),
            *("citations_invented", "cached", "prompt_hash", "duration_ms", "first_token_ms"),
        ),
        "finished_at": Now(),
        "lease_expires_at": None,
    },
)


class NotFound(Exception):
    """There is no such thing, or it is somebody else's: the two are never told apart."""


class MessageConflict(Exception):
    """A client message id came again with another text."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that is committed, the turn that will answer it, and whether it is new."""

    message: Message
    turn: UUID
    new: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What a turn ended with."""

    text: str
    citations: tuple[CitationView, ...] = ()
    partial: bool = False


def open_conversation(
    visitor: Visitor, conversation_id: UUID | None = None, *, new: bool = False, locale: str = ""
) -> Conversation:
    """The conversation asked for, else the visitor's latest open one, else a new one in `locale`.

    Raises NotFound for an id that is not the visitor's.
    """
    own = Conversation.objects.filter(owner=visitor.owner)
    if conversation_id is not None:
        found = own.filter(pk=conversation_id).first()
        if found is None:
            raise NotFound("There is no such conversation.")
    else:
        found = None if new else own.filter(status=Conversation.Status.OPEN).first()
    if found is None:
        return Conversation.objects.create(owner=visitor.owner, locale=locale, **_who(visitor))
    _keep_up(found, visitor)
    return found


def _who(visitor: Visitor) -> dict[str, str]:
    customer = visitor.customer
    if customer is None:
        return {}
    return {
        "customer_id": customer.id,
        "customer_email": customer.email,
        "customer_name": customer.name,
    }


def _keep_up(conversation: Conversation, visitor: Visitor) -> None:
    """What the shop verified last counts: a changed e-mail decides whose orders are shown."""
    changed = {name: v for name, v in _who(visitor).items() if getattr(conversation, name) != v}
    if changed:
        for name, value in changed.items():
            setattr(conversation, name, value)
        conversation.save(update_fields=list(changed))


def receive(conversation: Conversation, *, client_id: str, text: str) -> Received:
    """Commits a customer's message and the turn that will answer it.

    Messages that arrive while a turn runs share the next one. The same id and text again get the
    first answer again. Raises MessageConflict for the same id with another text, and NotFound for
    a conversation that was deleted meanwhile.
    """
    try:
        with transaction.atomic():
            # The update is the lock: from here on messages of this conversation come one by one.
            if not _TOUCH.run(conversation=conversation.pk):
                raise NotFound("This conversation was deleted.")
            return _add(conversation, client_id, text)
    except IntegrityError:  # the id is there already
        found = _find(conversation, client_id, text)
        if found is None:
            raise
        return found


def _find(conversation: Conversation, client_id: str, text: str) -> Received | None:
    message = conversation.messages.filter(client_id=client_id).first()
    if message is None:
        return None
    if message.text != text:
        raise MessageConflict("This message id was used before, with another text.")
    assert message.turn_id is not None  # noqa: S101  # a customer's message always has its turn
    return Received(message, message.turn_id, new=False)


def _add(conversation: Conversation, client_id: str, text: str) -> Received:
    # Locked, so that no runner claims the turn, and reads what it has to answer, before this message
    # is committed with it.
    queued = _QUEUED.first(conversation=conversation.pk)
    turn = queued[0] if queued else _new_turn(conversation)
    if queued and queued[1]:  # a stop was for what had been asked by then
        Turn.objects.filter(pk=turn).update(stop_requested=False)
    message = Message(
        conversation=conversation,
        turn_id=turn,
        role=Message.Role.CUSTOMER,
        client_id=client_id,
        text=text,
        created_at=timezone.now(),
    )
    _MESSAGE.run(message)
    return Received(message, turn, new=True)


def _new_turn(conversation: Conversation) -> UUID:
    turn = Turn(conversation=conversation, created_at=timezone.now())
    _TURN.run(turn)
    return turn.pk


def complete(claim: Claim, reply: Reply, record: TurnRecord) -> Message:
    """Commits the reply and closes its turn. Raises LeaseLost for a stale runner."""
    status = Turn.Status.STOPPED if reply.partial else Turn.Status.COMPLETED
    with transaction.atomic():
        _close(claim, status, record)
        message = Message(
            conversation=claim.within,
            turn_id=claim.turn,
            role=Message.Role.ASSISTANT,
            text=reply.text,
            citations=[as_json(citation) for citation in reply.citations],
            partial=reply.partial,
            created_at=timezone.now(),
        )
        _MESSAGE.run(message)
        _follow_up(claim, record)
    return message


def fail(claim: Claim, *, code: str, text: str, record: TurnRecord) -> Message:
    """Commits a visible failure and closes the turn. Raises LeaseLost for a stale runner."""
    status = Turn.Status.STOPPED if code == "stopped" else Turn.Status.FAILED
    with transaction.atomic():
        _close(claim, status, record, code)
        message = Message.objects.create(
            conversation_id=claim.conversation,
            turn_id=claim.turn,
            role=Message.Role.SYSTEM,
            text=text,
        )
        _follow_up(claim, record)
    return message


def _close(claim: Claim, status: Turn.Status, record: TurnRecord, code: str = "") -> None:
    answered = record.answered
    closed = _CLOSE.run(
        turn=claim.turn,
        held=claim.fence,
        status=status,
        error_code=code,
        provider=answered.provider if answered else "",
        model=answered.model if answered else "",
        passed_over=[_reason(failed) for failed in record.passed_over],
        claims_caught=record.claims_caught,
        citations_invented=record.citations_invented,
        cached=answered.cached if answered else False,
        prompt_hash=record.prompt_hash,
        duration_ms=_ms(record.duration),
        first_token_ms=None if record.first_token is None else _ms(record.first_token),
    )
    if not closed:
        raise LeaseLost(f"Turn {claim.turn} is no longer this runner's.")
    usage.keep(
        record.attempts,
        conversation=claim.conversation,
        customer=claim.within.owner,
        turn=claim.turn,
    )


def _reason(failed: ProviderFailed) -> dict[str, str]:
    return {
        "provider": failed.provider,
        "model": failed.model,
        "code": failed.code,
        "detail": failed.detail,
    }


def _follow_up(claim: Claim, record: TurnRecord) -> None:
    outbox.enqueue("chat.classify_turn", turn=str(claim.turn))
    ended = partial(signals.turn_ended.send_robust, sender=Turn, turn=claim.turn)
    transaction.on_commit(ended, robust=True)
    if record.crowded:
        outbox.enqueue("chat.summarise_conversation", conversation=str(claim.conversation))
    for failed in record.passed_over:
        if failed.code in FOR_STAFF:
            key = f"provider:{failed.provider}:{failed.model}:{failed.code}"
            text = f"{failed.provider} refuses {failed.model}: {failed.code} ({failed.detail})."
            transaction.on_commit(partial(alerts.tell, key, text), robust=True)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def request_stop(conversation: Conversation, turn_id: UUID) -> None:
    """Asks whoever runs the turn to stop. Raises NotFound for a turn of another conversation."""
    turns = conversation.turns.filter(pk=turn_id)
    if not turns.update(stop_requested=True):
        raise NotFound("There is no such turn in this conversation.")


def rate(conversation: Conversation, message_id: UUID, *, rating: str, comment: str = "") -> None:
    """Stores a thumb on a reply; a second one replaces the first. Raises NotFound."""
    replies = conversation.messages.filter(role=Message.Role.ASSISTANT)
    message = replies.filter(public_id=message_id).first()
    if message is None:
        raise NotFound("There is no such reply in this conversation.")
    Feedback.objects.update_or_create(
        message=message, defaults={"rating": rating, "comment": comment}
    )
    telemetry.thumb(rating)
    rated = partial(signals.reply_rated.send_robust, sender=Feedback, turn=message.turn_id)
    transaction.on_commit(rated, robust=True)
