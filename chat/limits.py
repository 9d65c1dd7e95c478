"""Every limit, one named function each; 0 in its setting turns it off.

Messages, orders and sockets are counted exactly (`chat.windows`, `chat.open_sockets`), requests by
django-ratelimit. While a Redis that the processes share is away, each allows a part of its own
(`chat.windows.ALLOWANCE`), so that people get through; who spends money asks
`shared_state_is_down` first. Clients and visitors are kept as keyed hashes only.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from itertools import count
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django_ratelimit.core import get_usage  # type: ignore[import-untyped]

from chat import clients, telemetry
from chat.models import Conversation, Message
from chat.open_sockets import OpenSockets
from chat.shared_state import UNAVAILABLE, SharedState
from chat.windows import MemoryWindows, Note, Window, Windows

MINUTE = 60.0
HOUR = 3600.0

ORDER_MISSES = 5
"""Orders that one visitor may ask for in vain within an hour, and vain tries of guests at one order: a
typing error or two for each of two orders, and too few to find a number or an e-mail by trying."""

ORDER_MISSES_IP = 20
"""The same from one address, where several customers may sit: four visitors' worth."""

SOCKET_RETRY = 30
"""Seconds to wait when too many sockets are open: the other tabs have to be closed first."""

P = ParamSpec("P")

_single = count()


class RateLimited(Exception):
    """Too much of something. `wait` is in whole seconds, 1 at least."""

    def __init__(self, wait: float) -> None:
        self.wait = max(1, math.ceil(wait))
        super().__init__(f"That was too much at once. Please try again in {self.wait} s.")


@dataclass(frozen=True)
class Counters:
    """What the limits count in."""

    windows: Windows
    sockets: OpenSockets
    shared: SharedState | None = None

    @classmethod
    def at(cls, redis_url: str) -> "Counters":
        """Counters that share the Redis at `redis_url`, or this process's own where it is empty."""
        shared = SharedState(redis_url) if redis_url else None
        return cls(Windows(MemoryWindows(), shared), OpenSockets(shared), shared)


_counters: Counters | None = None


def install(counters: Counters | None) -> None:
    """Counts in these from now on; None for new ones as the settings say."""
    global _counters
    _counters = counters


def _use() -> Counters:
    if _counters is None:
        install(Counters.at(settings.REDIS_URL))
    assert _counters  # noqa: S101  # just installed
    return _counters


def shared_state_is_down() -> bool:
    """Whether the processes cannot count together now, so that no money may be spent. Costs nothing
    to ask; False where there is no Redis to share."""
    shared = _use().shared
    return shared is not None and shared.circuit.is_down()


async def close() -> None:
    """Closes the running loop's connections, before the loop ends."""
    shared = _use().shared
    if shared:
        await shared.close()


# Messages ----------------------------------------------------------------------------------------


async def message(conversation: Conversation, client: str, client_id: str) -> bool:
    """Counts a customer's message, by the visitor and by the client's address (`chat.clients`).

    The same message again counts once: whether it was counted now is returned. Remembers where the
    conversation speaks from, for `order_attempt`. Raises RateLimited.
    """
    address = _hashed(client)
    verdict = await _use().windows.take(
        _message_windows(conversation, address),
        _hashed(f"{conversation.pk} {client_id}"),
        Note(_place_key(conversation.pk), f"{address} {_hashed(conversation.owner)}", HOUR),
    )
    if verdict.wait:
        telemetry.limited("messages")
        raise RateLimited(verdict.wait)
    return verdict.counted


async def message_was_stored(conversation: Conversation, client: str, message: Message) -> None:
    """Takes back the count of a message that turned out to be stored already.

    One of the last minute stays counted: its first coming may have been counted by another process,
    or by this very count.
    """
    if (timezone.now() - message.created_at).total_seconds() <= MINUTE:
        return
    windows = _message_windows(conversation, _hashed(client))
    await _use().windows.give_back(windows, _hashed(f"{conversation.pk} {message.client_id}"))


def _message_windows(conversation: Conversation, address: str) -> list[Window]:
    visitor = Window(
        f"limits:visitor:{_hashed(conversation.owner)}", settings.MESSAGES_PER_MINUTE, MINUTE
    )
    place = Window(f"limits:address:{address}", settings.MESSAGES_PER_MINUTE_IP, MINUTE)
    return [window for window in (visitor, place) if window.limit]


# Orders ------------------------------------------------------------------------------------------


async def order_attempt(conversation: UUID, call: str, number: str = "") -> bool:
    """Counts a look-up of an order as one in vain, before it is made: so several at once cannot
    pass together. False when the conversation, its visitor or its client has had too many; then look
    nothing up. `call` names the tool call; `number` is the order's where a guest asks, who may be
    trying one e-mail after the other. One that finds something is taken back by `order_found`."""
    verdict = await _use().windows.take(await _order_windows(conversation, number), call)
    if verdict.wait:
        telemetry.limited("orders")
    return not verdict.wait


async def order_found(conversation: UUID, call: str, number: str = "") -> None:
    """A look-up that `order_attempt` counted was not in vain."""
    await _use().windows.give_back(await _order_windows(conversation, number), call)


async def _order_windows(conversation: UUID, number: str) -> list[Window]:
    windows = [Window(f"limits:orders:{conversation.hex}", ORDER_MISSES, HOUR)]
    if number:
        windows.append(Window(f"limits:order:{_hashed(number)}", ORDER_MISSES, HOUR))
    known = await _use().windows.recall(_place_key(conversation))
    if known:
        address, visitor = known.split()
        windows.append(Window(f"limits:orders:{visitor}", ORDER_MISSES, HOUR))
        windows.append(Window(f"limits:orders:{address}", ORDER_MISSES_IP, HOUR))
    return windows


def _place_key(conversation: UUID) -> str:
    return f"limits:place:{conversation.hex}"


# Sockets -----------------------------------------------------------------------------------------


async def open_socket(client: str) -> bool:
    """Counts a socket of a client. False when it has too many; True is followed by `close_socket`."""
    limit = settings.SOCKETS_PER_IP
    granted = not limit or await _use().sockets.open(_socket_key(client), limit)
    if not granted:
        telemetry.limited("sockets")
    return granted


def close_socket(client: str) -> None:
    """A socket that was counted is closed."""
    _use().sockets.close(_socket_key(client))


def _socket_key(client: str) -> str:
    return f"limits:sockets:{_hashed(client)}"


# Requests ----------------------------------------------------------------------------------------


def new_session(request: HttpRequest) -> None:
    """Counts a session of a visitor nobody has seen before. Raises RateLimited."""
    _count_request(request, "new session", settings.SESSIONS_PER_MINUTE_IP)


def http_request(request: HttpRequest, endpoint: str) -> None:
    """Counts a request to an HTTP endpoint. Raises RateLimited."""
    _count_request(request, endpoint, settings.REQUESTS_PER_MINUTE_IP)


def limited(
    endpoint: str, refuse: Callable[[RateLimited], HttpResponse]
) -> Callable[
    [Callable[Concatenate[HttpRequest, P], HttpResponse]],
    Callable[Concatenate[HttpRequest, P], HttpResponse],
]:
    """Decorates a view: a request too many is answered by `refuse`, with status 429 and
    Retry-After."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                http_request(request, endpoint)
                return view(request, *args, **kwargs)
            except RateLimited as error:
                telemetry.limited("requests")
                response = refuse(error)
                response.status_code = 429
                response["Retry-After"] = str(error.wait)
                return response

        return wrapped

    return decorate


def as_page(error: RateLimited) -> HttpResponse:
    """The refusal of a page, for people."""
    return HttpResponse(str(error), content_type="text/plain; charset=utf-8")


def _count_request(request: HttpRequest, group: str, limit: int) -> None:
    if not limit:
        return
    address = _hashed(clients.of_request(request))
    counters = _use()
    if counters.shared is None or counters.shared.circuit.may_try():
        try:
            wait = _wait_by_ratelimit(request, group, address, limit)
        except UNAVAILABLE as error:  # which django-ratelimit lets through
            if counters.shared is None:
                raise
            counters.shared.circuit.failed(error)
        else:
            if counters.shared:
                counters.shared.circuit.worked()
            if wait:
                raise RateLimited(wait)
            return
    window = Window(f"limits:{group}:{address}", limit, MINUTE)
    verdict = counters.windows.take_allowance([window], str(next(_single)))
    if verdict.wait:
        raise RateLimited(verdict.wait)


def _wait_by_ratelimit(request: HttpRequest, group: str, address: str, limit: int) -> int:
    rate = (limit, int(MINUTE))
    usage = get_usage(request, group=group, key=lambda *_: address, rate=rate, increment=True)
    return max(1, usage["time_left"]) if usage["should_limit"] else 0


def _hashed(text: str) -> str:
    """A name for something personal. Every process with this secret key gives it the same."""
    key = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    return hashlib.blake2b(text.encode(), digest_size=16, key=key).hexdigest()
