"""The HTTP edge of the chat: a session for the widget."""

import json

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chat import conversations, identity
from chat.identity import IdentityError, Visitor

MAX_BODY = 16 * 1024
"""Bytes of a session request: two tokens and some room."""


class SessionRequest(BaseModel):
    """What the widget asks for: its old session again, a customer's, or a fresh conversation."""

    model_config = ConfigDict(extra="ignore")

    token: str = Field(default="", max_length=4096)
    identity: str = Field(default="", max_length=4096)
    new: bool = False


@csrf_exempt  # authenticated by tokens in the body, never by a cookie
@require_POST
def session(request: HttpRequest) -> JsonResponse:
    """`POST /api/session`: answers `{token, conversation}`."""
    if len(request.body) > MAX_BODY:
        return _problem(413, "too_large", "The body is larger than any session request.")
    try:
        asked = SessionRequest.model_validate(json.loads(request.body or b"{}"))
    except (ValidationError, ValueError):
        return _problem(400, "invalid_request", "The body is not a JSON session request.")
    try:
        visitor = _visitor(asked)
    except IdentityError as error:
        return _problem(401, "unauthorized", str(error))
    conversation = conversations.open_conversation(visitor, new=asked.new)
    token = identity.issue_session(visitor)
    return JsonResponse({"token": token, "conversation": str(conversation.pk)})


def _visitor(asked: SessionRequest) -> Visitor:
    if asked.identity:
        return identity.verify_identity(asked.identity)
    return identity.read_session(asked.token) if asked.token else identity.new_visitor()


def _problem(status: int, code: str, detail: str) -> JsonResponse:
    return JsonResponse({"code": code, "detail": detail}, status=status)
