"""`/metrics` for Prometheus: the figures of the process that answers."""

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from supportbot import telemetry


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever sends SUPPORTBOT_METRICS_TOKEN as a bearer token; not there at all without one."""
    if not settings.METRICS_TOKEN:
        raise Http404
    sent = request.headers.get("Authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    return HttpResponse(telemetry.exposition(), content_type=CONTENT_TYPE_LATEST)
