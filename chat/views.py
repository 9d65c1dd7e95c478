"""The HTTP edge of the chat: a session for the widget."""

import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language_from_request
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chat import conversations, identity, limits
from chat.identity import IdentityError, Visitor
from chat.limits import RateLimited
from chat.shared_state import UNAVAILABLE

logger = logging.getLogger(__name__)

MAX_BODY = 16 * 1024
"""Bytes of a session request: two tokens and some room."""


class SessionRequest(BaseModel):
    """What the widget asks for: its old session again, a customer's, or a fresh conversation."""

    model_config = ConfigDict(extra="ignore")

    token: str = Field(default="", max_length=4096)
    identity: str = Field(default="", max_length=4096)
    new: bool = False


PREFLIGHT_AGE = 7200
"""Seconds a browser may remember the answer to a preflight: the most that Chromium does."""

IDENTITY_RETRY = 5
"""Seconds until a signed identity is shown again, when whether it was used before cannot be told."""

View = Callable[[HttpRequest], HttpResponse]


def from_the_shops_pages(view: View) -> View:
    """Lets pages of `SUPPORTBOT_ORIGINS` call a view: CORS, as https://fetch.spec.whatwg.org has it.

    No credentials are allowed, because none are used: the token is in the body.
    """

    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        preflight = request.method == "OPTIONS"
        response = HttpResponse(status=204) if preflight else view(request)
        patch_vary_headers(response, ["Origin"])
        origin = request.headers.get("Origin", "")
        if origin in settings.ORIGINS:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Methods"] = "POST"
            response["Access-Control-Allow-Headers"] = "content-type"
            response["Access-Control-Expose-Headers"] = "retry-after"
            response["Access-Control-Max-Age"] = str(PREFLIGHT_AGE)
        return response

    return wrapped


def _problem(status: int, code: str, detail: str) -> JsonResponse:
    return JsonResponse({"code": code, "detail": detail}, status=status)


def _too_many(error: RateLimited) -> JsonResponse:
    return _problem(429, "rate_limited", str(error))


@csrf_exempt  # authenticated by tokens in the body, never by a cookie
@require_http_methods(["POST", "OPTIONS"])
@from_the_shops_pages
@limits.limited("session", _too_many)
def session(request: HttpRequest) -> HttpResponse:
    """`POST /api/session`: answers `{token, conversation}`."""
    body = request.read(MAX_BODY + 1)  # request.body is refused by Django in words of its own
    if len(body) > MAX_BODY:
        return _problem(413, "too_large", "The body is larger than any session request.")
    try:
        asked = SessionRequest.model_validate_json(body or b"{}")
    except ValidationError:
        return _problem(400, "invalid_request", "The body is not a JSON session request.")
    try:
        visitor = _visitor(request, asked)
    except IdentityError as error:
        return _problem(401, "unauthorized", str(error))
    except UNAVAILABLE as error:
        logger.warning("an identity could not be checked for replay: %s", error)
        response = _problem(503, "unavailable", "The identity cannot be checked just now.")
        response["Retry-After"] = str(IDENTITY_RETRY)
        return response
    locale = get_language_from_request(request)
    conversation = conversations.open_conversation(visitor, new=asked.new, locale=locale)
    token = identity.issue_session(visitor)
    return JsonResponse({"token": token, "conversation": str(conversation.pk)})


def _visitor(request: HttpRequest, asked: SessionRequest) -> Visitor:
    if asked.identity:
        return identity.verify_identity(asked.identity)
    if asked.token:
        return identity.read_session(asked.token)
    limits.new_session(request)
    return identity.new_visitor()
