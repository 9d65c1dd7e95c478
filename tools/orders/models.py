"""The shop's orders, as far as support needs them."""

from typing import ClassVar

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from tools.orders.fields import OrderEmailField, OrderNumberField, validate_names
from tools.orders.identifiers import MAX_EMAIL_LENGTH, MAX_NUMBER_LENGTH


class OrderStatus(models.TextChoices):
    """Where an order stands."""

    PENDING = "pending", _("pending")
    PROCESSED = "processed", _("processed")
    SHIPPED = "shipped", _("shipped")
    OUT_FOR_DELIVERY = "out_for_delivery", _("out for delivery")
    DELIVERED = "delivered", _("delivered")
    CANCELLED = "cancelled", _("cancelled")
    RETURNED = "returned", _("returned")
    REFUNDED = "refunded", _("refunded")


class Order(models.Model):
    """One order. Number and e-mail have one spelling; a total that is not known is NULL."""

    number = OrderNumberField(_("number"), max_length=MAX_NUMBER_LENGTH, unique=True)
    email = OrderEmailField(_("e-mail"), max_length=MAX_EMAIL_LENGTH, db_index=True)
    customer_name = models.CharField(_("customer"), max_length=200, blank=True)
    zip_code = models.CharField(_("zip code"), max_length=20, blank=True)
    status = models.CharField(
        _("status"), max_length=20, choices=OrderStatus.choices, default=OrderStatus.PENDING
    )
    items = models.JSONField(_("items"), default=list, blank=True, validators=[validate_names])
    tracking = models.JSONField(
        _("tracking numbers"), default=list, blank=True, validators=[validate_names]
    )
    total = models.DecimalField(_("total"), max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    placed_on = models.DateField(_("placed on"), null=True, blank=True)
    shipped_on = models.DateField(_("shipped on"), null=True, blank=True)
    expected_on = models.DateField(_("expected on"), null=True, blank=True)
    delivered_on = models.DateField(_("delivered on"), null=True, blank=True)
    cancelled_on = models.DateField(_("cancelled on"), null=True, blank=True)
    note = models.TextField(
        _("note"), max_length=2000, blank=True, help_text=_("Shown to the customer.")
    )

    class Meta:
        ordering: ClassVar = [F("placed_on").desc(nulls_last=True), "-id"]
        verbose_name = _("order")
        verbose_name_plural = _("orders")

    def __str__(self) -> str:
        return f"Order {self.number}"
