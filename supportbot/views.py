"""The demo shop's page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from chat.identity import VerifiedCustomer, sign_identity
from chat.limits import as_page, limited
from supportbot import demo


@limited("home", as_page)
def home(request: HttpRequest) -> HttpResponse:
    """The shop with the widget on it; the help centre where no demo is served."""
    if not settings.DEMO:
        return redirect("help:index")
    chosen = next((c for c in demo.customers() if c.email == request.GET.get("as")), None)
    return render(
        request,
        "shop.html",
        {
            "shop_name": settings.SHOP_NAME,
            "products": demo.products(),
            "suggestions": demo.suggestions(),
            "customers": demo.customers()[:3],
            "current": _signed_in(chosen),
            "orders": demo.example_orders(),
        },
    )


def _signed_in(customer: VerifiedCustomer | None) -> dict[str, str] | None:
    if customer is None:
        return None
    return {
        "name": customer.name,
        "email": customer.email,
        "identity": sign_identity(customer),
    }
