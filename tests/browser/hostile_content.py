"""Fills a server's database with payloads: run by `manage.py shell`, for it is a program of its own."""

import json
import sys

from django.contrib.auth.models import User

from tests import planted, routes
from tests.browser.payloads import payloads

PER_ROW = 10
"""Payloads in one row: of ten, a column of 200 characters holds three."""

SHOWN = {"knowledge.Article.status": "published", "knowledge.Article.audience": "public"}


def fill(sink: str) -> None:
    """Rows of every model, with payloads in each text: short columns begin with other ones in each
    row, the long ones of one row have all.

    Writes the addresses of the pages that show them, every route of the admin and of the help center.
    `auditor` with the password `auditor` may see them all.
    """
    User.objects.create_superuser("auditor", password="auditor")
    every = payloads(sink)
    for start in range(0, len(every), PER_ROW):
        planted.plant(" ".join(every[start : start + PER_ROW]), SHOWN)
    rows = planted.plant("\n\n".join(every), SHOWN)
    pages = [route for route in routes.every_route() if _has_a_page(route)]
    sys.stdout.write(json.dumps([route.address(rows) for route in pages]))


def _has_a_page(route: routes.Route) -> bool:
    """The admin's routes without a name lead to another, or nowhere."""
    unnamed = route.name.endswith(route.pattern)
    return route.name.startswith(("admin:", "help:")) and not unnamed
