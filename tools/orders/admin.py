"""Orders in the admin."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tools.orders.models import Order
from tools.orders.wording import format_money


class LinesField(forms.CharField):
    """A list of texts as a text area, one a line."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return [line.strip() for line in text.splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class OrderForm(forms.ModelForm[Order]):
    items = LinesField(label=_("Items"), required=False, help_text=_("One a line."))
    tracking = LinesField(label=_("Tracking numbers"), required=False, help_text=_("One a line."))

    class Meta:
        model = Order
        fields = "__all__"  # noqa: DJ007  # staff edit the whole order; customers have no form


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin[Order]):
    form = OrderForm
    list_display = (
        "number",
        "status",
        "customer_name",
        "email",
        "contents",
        "paid",
        "placed_on",
        "expected_on",
    )
    list_filter = ("status", "placed_on", "expected_on", "currency")
    search_fields = ("number", "email", "customer_name", "tracking")
    search_help_text = _("Number, e-mail, name or tracking number")
    date_hierarchy = "placed_on"
    list_per_page = 50
    fieldsets: ClassVar[Any] = [
        (
            None,
            {"fields": ["number", "status", ("total", "currency"), "items", "tracking", "note"]},
        ),
        (_("Customer"), {"fields": ["customer_name", "email", "zip_code"]}),
        (
            _("Dates"),
            {"fields": ["placed_on", "shipped_on", "expected_on", "delivered_on", "cancelled_on"]},
        ),
    ]

    @admin.display(description=_("items"))
    def contents(self, order: Order) -> str:
        """The first items, and how many more there are."""
        shown, more = order.items[:3], len(order.items) - 3
        return ", ".join(shown) + (f" + {more}" if more > 0 else "")

    @admin.display(description=_("total"), ordering="total")
    def paid(self, order: Order) -> str:
        """The total with its currency; empty where it is not known."""
        return "" if order.total is None else format_money(order.total, order.currency)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        # Customers write #W2611340; the sign is not stored.
        return super().get_search_results(request, queryset, search_term.replace("#", " "))
