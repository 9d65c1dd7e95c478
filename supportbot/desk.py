"""The admin site."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from chat.limits import as_page, limited


class Desk(admin.AdminSite):
    """Django's own under our name; one address may ask for its login only so often, whichever accounts
    it tries (see `supportbot.lockout` for one account)."""

    site_header = site_title = "Supportbot"
    index_title = _("Support desk")

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """See AdminSite."""
        return _limited_login(request, super().login, extra_context)


@limited("login", as_page)
def _limited_login(
    request: HttpRequest,
    login: Callable[..., HttpResponse],
    extra_context: dict[str, Any] | None,
) -> HttpResponse:
    return login(request, extra_context)
