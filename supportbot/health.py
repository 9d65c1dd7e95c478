"""`/healthz`, whether the process lives, and `/readyz`, whether it has all that it needs.

Both answer before everything else in Django: without a session, a limit or a look at the host name,
for whoever asks may be a container's health check. Why a process is not ready is told to who sends
SUPPORTBOT_METRICS_TOKEN as a bearer token, and to who asks from this machine without a proxy.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase

from supportbot.readiness import CHECKS, Outcome

logger = logging.getLogger(__name__)

DRAINING = Outcome("draining")
"""What a process says that is about to end: it must be given nothing new."""

_PROXY_HEADERS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")

_draining = False
_told: dict[str, str] = {}


def leave() -> None:
    """Answers from now on that this process is not ready: it is about to end."""
    global _draining
    _draining = True


class HealthMiddleware:
    """Answers the two addresses; everything else goes on."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self.next = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = {"/healthz": _alive, "/readyz": _ready}.get(request.path_info)
        if answer is None:
            return await self.next(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = await answer(request)
        response["Cache-Control"] = "no-store"
        return response


async def _alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "alive"})


async def _ready(request: HttpRequest) -> HttpResponse:
    """200 or 503. `?exclude=cache` (repeatable) leaves a check out, as Kubernetes' own /readyz does:
    a balancer must not take every process away because Redis is, without which chats go on."""
    asked = [check for check in CHECKS if check.name not in request.GET.getlist("exclude")]
    outcomes = await asyncio.gather(*(check.outcome() for check in asked))
    found = {check.name: outcome for check, outcome in zip(asked, outcomes, strict=True)}
    if _draining:
        found["server"] = DRAINING
    _tell_the_log(found)
    ready = all(outcome.ok for outcome in found.values())
    body: dict[str, object] = {"status": "ready" if ready else "unready"}
    if _may_see(request):
        body["checks"] = {name: outcome.as_json() for name, outcome in found.items()}
    response = JsonResponse(body, status=200 if ready else 503)
    # Told above, once; Django would write an error for each time that somebody asks.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _may_see(request: HttpRequest) -> bool:
    sent = request.headers.get("Authorization", "")
    token = settings.METRICS_TOKEN
    if token and hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        return True
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:  # no address, as behind a Unix socket: there is a proxy
        return False


def _tell_the_log(found: dict[str, Outcome]) -> None:
    """What changed since the last look, once: somebody asks every few seconds."""
    for name, outcome in found.items():
        if outcome.reason != _told.get(name, ""):
            if outcome.ok:
                logger.info("ready again: %s", name)
            else:
                logger.warning("not ready: %s: %s", name, outcome.reason)
            _told[name] = outcome.reason
