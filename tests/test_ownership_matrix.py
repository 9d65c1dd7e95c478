"""Every route, asked for what is another's: nobody reads it and nobody changes it.

The matrix is made from the URL configuration. A route that is not in it fails the test: who adds one
says here who may see it. `test_ownership_of_frames` has the same for the WebSocket.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from chat import identity
from chat.identity import Visitor
from chat.models import Conversation
from supportbot.urls import urlpatterns as real
from tests import planted, routes
from tests.routes import Route, Rows
from tests.tokens import expired_session

ADA = "customer:C-1"
CANARY = "canary-7f3a"
"""In every text of every row of the owner's, and in no page that others may read."""

OPEN_TO_ALL = {
    "home": "the demo shop",
    "help:index": "published articles for everybody",
    "help:sitemap-index": "their addresses",
    "help:sitemap": "their addresses",
    "help:language": "published articles for everybody",
    "help:category": "published articles for everybody",
    "help:article": "published articles for everybody",
    "robots": "what crawlers may read",
    "session": "a session of who asks",
    "metrics": "for whoever has the token",
    "admin:login": "the form",
    "admin:logout": "ends one's own session",
    "admin:jsi18n": "translations of the admin's scripts",
}
"""Who may be answered at all, and with what. All other routes are the admin's, for staff."""

FORM = "application/x-www-form-urlencoded"

Body = Mapping[str, str]


@dataclass(frozen=True)
class Persona:
    """Somebody who is not the owner: a browser, and what it sends to the session's endpoint."""

    name: str
    browser: Client
    body: Body


@pytest.fixture
def rows(db: None) -> Rows:
    """All that is the owner's. An article that only staff may read stands for the knowledge base."""
    return planted.plant(
        CANARY, {"knowledge.Article.status": "draft", "chat.Conversation.owner": ADA}
    )


@pytest.fixture
def personas(rows: Rows, ada: Visitor, mallory: Visitor, settings: Settings) -> list[Persona]:
    """Who asks: nobody in particular, another customer, somebody whose sessions have expired."""
    settings.METRICS_TOKEN = "the-scraper's"
    other = Client()
    other.force_login(User.objects.create_user("mallory"))
    late = Client()
    late.force_login(User.objects.create_superuser("was-staff"))
    session = late.session
    session.set_expiry(-1)
    session.save()
    return [
        Persona("anonymous", Client(), {}),
        Persona("another customer", other, {"token": identity.issue_session(mallory)}),
        Persona("expired", late, {"token": expired_session(ada)}),
    ]


def unlisted(every: Iterable[Route]) -> list[str]:
    """Routes that nobody has said of who may see them."""
    return [
        route.name for route in every if not (route.is_of_the_admin or route.name in OPEN_TO_ALL)
    ]


def found_out(persona: Persona, route: Route, rows: Rows) -> list[str]:
    """What a persona reads or changes that is not theirs, at one route and with each method."""
    address = route.address(rows)
    before = planted.snapshot(rows.values())
    wrong: list[str] = []
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = ask(persona, method, address, rows)
        what = f"{persona.name}: {method} {address}: {answer.status_code}"
        if any(secret in read(answer) for secret in secrets_of(rows, address)):
            wrong.append(f"{what} shows what is the owner's")
        staff_only = route.is_of_the_admin and route.name not in OPEN_TO_ALL
        if staff_only and not refuses(answer):
            wrong.append(f"{what} is not a refusal")
    if planted.snapshot(rows.values()) != before:
        wrong.append(f"{persona.name}: {address} changed what is the owner's")
    return wrong


def secrets_of(rows: Rows, address: str) -> list[str]:
    """What an answer must not tell: the mark, and ids that nobody can guess and nobody has named."""
    ids = [str(row.pk) for row in rows.values() if isinstance(row.pk, uuid.UUID)]
    return [CANARY, *(unguessable for unguessable in ids if unguessable not in address)]


def ask(persona: Persona, method: str, address: str, rows: Rows) -> Any:
    if method == "GET":
        return persona.browser.get(address)
    if address.startswith("/admin/"):
        form = {"post": "yes", "action": "delete_selected"}
        content = urlencode({**form, "_selected_action": rows[Conversation].pk})
        return persona.browser.generic(method, address, content, FORM)
    return persona.browser.generic(method, address, json.dumps(persona.body), "application/json")


def read(answer: Any) -> str:
    """Everything that an answer carries: where it leads is read too."""
    content = b"".join(answer) if answer.streaming else answer.content
    return f"{answer.headers}{answer.cookies}{content.decode(errors='replace')}"


def refuses(answer: Any) -> bool:
    to_log_in = answer.status_code == 302 and "/admin/login/" in answer.headers["Location"]
    return to_log_in or answer.status_code in {401, 403, 404, 405}


# Routes ------------------------------------------------------------------------------------------


def test_every_route_is_in_the_matrix() -> None:
    assert unlisted(routes.every_route()) == []
    stale = OPEN_TO_ALL.keys() - {route.name for route in routes.every_route()}
    assert not stale, "these routes are gone"


def test_nobody_reads_or_changes_what_is_the_owners(rows: Rows, personas: list[Persona]) -> None:
    wrong = [
        problem
        for route in routes.every_route()
        for persona in personas
        for problem in found_out(persona, route, rows)
    ]
    assert wrong == []


def test_the_addresses_lead_to_the_owners_rows(rows: Rows, admin_client: Client) -> None:
    """The control: staff read at the same addresses what the others must not."""
    pages = [route.address(rows) for route in routes.every_route() if route.is_of_the_admin]
    shown = [page for page in pages if CANARY in read(admin_client.get(page))]
    assert len(shown) > 50


# Without the guard -------------------------------------------------------------------------------


def leaky(request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """A view whose author forgot the owner."""
    conversation = Conversation.objects.get(pk=object_id)
    Conversation.objects.filter(pk=object_id).update(locale="xx")
    return HttpResponse(conversation.summary)


urlpatterns = [path("api/transcript/<uuid:object_id>/", leaky, name="transcript"), *real]


def test_a_route_that_is_missing_from_the_matrix_is_noticed(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    assert unlisted(routes.every_route()) == ["transcript"]


def test_a_leak_is_noticed(rows: Rows, personas: list[Persona], settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    (route,) = (route for route in routes.every_route() if route.name == "transcript")
    wrong = found_out(personas[0], route, rows)
    assert any("shows" in problem for problem in wrong)
    assert any("changed" in problem for problem in wrong)


def test_a_session_of_the_owners_would_be_noticed(rows: Rows, ada: Visitor) -> None:
    """The control of what a token opens: the owner's own, which has not expired."""
    (route,) = (route for route in routes.every_route() if route.name == "session")
    owner = Persona("the owner", Client(), {"token": identity.issue_session(ada)})
    assert any("shows" in problem for problem in found_out(owner, route, rows))


def test_a_parameter_that_nobody_knows_is_noticed(rows: Rows) -> None:
    with pytest.raises(routes.NoArgument):
        Route("invoice", "api/invoices/<uuid:invoice>/").address(rows)
