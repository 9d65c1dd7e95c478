"""Budgets in the admin: how much of each is spent, and how much is reserved."""

from decimal import Decimal

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from chat.accounts import kind, limits
from chat.admin.parts import ReadOnlyAdmin, dollars
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

    list_display = ("kind", "whose", "used", "money", "held", "budget", "updated_at")
    list_display_links = None
    list_filter = (KindFilter, "updated_at")
    search_fields = ("account",)
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Spending | None = None) -> bool:
        """Nobody: with its row, requests under way would lose what they reserved."""
        return False

    @admin.display(description=_("account"), ordering="account")
    def kind(self, row: Spending) -> str:
        return kind(row.account).capitalize()

    @admin.display(description=_("of"))
    def whose(self, row: Spending) -> str:
        return row.account.partition(":")[2]

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
