"""What the admin's first page says about articles."""

from django import template

from tools.knowledge import reminders

register = template.Library()


@register.simple_tag
def articles_to_read_again() -> int:
    """How many articles somebody should read again today."""
    return reminders.due().count()


@register.simple_tag
def articles_gone_from_their_source() -> int:
    """How many articles are shown that their source has no more."""
    return reminders.gone().count()
