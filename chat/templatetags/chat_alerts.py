"""What every page of the admin may say about alerts."""

from django import template
from django.db.models import QuerySet

from chat import alerts
from chat.models import Alert

register = template.Library()


@register.simple_tag
def open_alerts() -> QuerySet[Alert]:
    """The alerts that nobody has closed yet, the latest first."""
    return alerts.open_alerts()
