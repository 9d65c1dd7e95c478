"""Who guesses passwords of the admin is locked out: by account and address together.

By the account alone, anybody could lock staff out of their desk; by the address alone, one typo
after another would lock the whole office. django-axes counts in the database, which all processes
share; here is what it asks of us: who the client is, and what somebody who is locked out reads.
"""

import math
from datetime import datetime
from functools import partial

from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt, AccessBase, AccessLog
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from chat import clients
from chat.privacy import retention

STATUS = 429
"""The status of a login that is refused without looking at the password."""


def address(request: HttpRequest) -> str | None:
    """The client's address behind the trusted proxies, as a column of addresses can hold it: an IPv6
    network by its first address, none where nobody knows it."""
    known = clients.of_request(request)
    return None if known == clients.UNKNOWN else known.partition("/")[0]


def page(request: HttpRequest, *_: object) -> HttpResponse:
    """Says until when, and who can help before."""
    username = get_client_username(request, getattr(request, "axes_credentials", None))
    attempts = AccessAttempt.objects.filter(username=username, ip_address=address(request))
    last = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    pause = get_cool_off(request)
    assert pause  # noqa: S101  # the settings have one
    until = (last or timezone.now()) + pause
    wait = max(1, math.ceil((until - timezone.now()).total_seconds()))
    context = {
        **admin.site.each_context(request),
        "until": until,
        "minutes": math.ceil(wait / 60),
    }
    response = render(request, "admin/locked_out.html", context, status=STATUS)
    response["Retry-After"] = str(wait)
    return response


def _older(model: type[AccessBase], moment: datetime) -> QuerySet[AccessBase]:
    older: QuerySet[AccessBase] = model.objects.filter(attempt_time__lt=moment)
    return older


RETENTION = tuple(
    retention.Rule(
        name,
        "RETAIN_LOGINS",
        partial(_older, model),
        retention.delete(model),
    )
    for name, model in (("logins", AccessLog), ("failed logins", AccessAttempt))
)
