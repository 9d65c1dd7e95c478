"""Budgets in the admin: how much of each is spent, and how much is reserved."""

from decimal import Decimal
from uuid import UUID

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from chat.accounts import limits
from chat.admin.parts import ReadOnlyAdmin, conversation_link, dollars
from chat.models import Spending


class KindFilter(admin.SimpleListFilter):
    """What an account is of."""

    title = _("account")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        kinds = (_("conversation"), _("customer"), _("day"), _("month"))
        names = ("conversation", "customer", "day", "month")
        return [(name, str(shown)) for name, shown in zip(names, kinds, strict=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Spending]) -> QuerySet[Spending]:
        if not self.value():
            return queryset
        return queryset.filter(account__startswith=f"{self.value()}:")


@admin.register(Spending)
class SpendingAdmin(ReadOnlyAdmin):
    """The accounts, the ones that spent last first."""

    list_display = ("whose", "used", "money", "held", "budget", "latest")
    list_display_links = None
    list_filter = (KindFilter, "updated_at")
    search_fields = ("account",)
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Spending | None = None) -> bool:
        """Nobody: with its row, requests under way would lose what they reserved."""
        return False

    @admin.display(description=_("account"), ordering="account")
    def whose(self, row: Spending) -> str:
        """Whose it is, in full: staff may know which customer."""
        kind, _, name = row.account.partition(":")
        if kind == "conversation":
            return format_html("{} {}", kind.capitalize(), _linked(name))
        return f"{kind.capitalize()} {name.replace(':', ', ', 1)}"

    @admin.display(description=_("used"))
    def used(self, row: Spending) -> str:
        limit = limits().of(row.account)
        return "—" if not limit else _bar(row, limit)

    @admin.display(description=_("spent"), ordering="spent")
    def money(self, row: Spending) -> str:
        return dollars(row.spent)

    @admin.display(description=_("reserved"), ordering="reserved")
    def held(self, row: Spending) -> str:
        return dollars(row.reserved)

    @admin.display(description=_("budget"))
    def budget(self, row: Spending) -> str:
        limit = limits().of(row.account)
        return str(_("no limit")) if limit is None else dollars(limit)

    @admin.display(description=_("last request"), ordering="updated_at")
    def latest(self, row: Spending) -> str:
        return naturaltime(row.updated_at)


def _linked(conversation: str) -> str:
    """A conversation's page, by the part of its id that the page shows too."""
    return conversation_link(UUID(conversation), conversation[:8])


def _bar(row: Spending, limit: Decimal) -> str:
    """Spent and reserved as parts of the limit, with a mark at the soft one."""
    soft = limits().soft
    spent, reserved = _share(row.spent, limit), _share(row.reserved, limit)
    used = (row.spent + row.reserved) / limit
    level = "full" if used >= 1 else "high" if used >= soft else "low"
    return format_html(
        '<span class="bar bar-{}"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-spent" width="{}" height="8"/>'
        '<rect class="bar-reserved" x="{}" width="{}" height="8"/>'
        '<rect class="bar-soft" x="{}" width="1" height="8"/></svg> <span>{}</span></span>',
        level,
        spent,
        spent,
        min(reserved, 100 - spent),
        _share(soft, Decimal(1)),
        f"{used:.0%}",
    )


def _share(part: Decimal, whole: Decimal) -> int:
    return min(100, round(100 * part / whole))
