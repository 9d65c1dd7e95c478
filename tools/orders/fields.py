"""Columns that keep one spelling, wherever a value comes from: a form, an import, a look-up."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from tools.orders.identifiers import normalise_email, normalise_number


class _NormalisedField(models.CharField[str, str]):
    normalise: ClassVar[Callable[[str], str]]

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text if text is None else type(self).normalise(text)


class OrderNumberField(_NormalisedField):
    """An order number: `#w2611340` and `W2611340` are the same."""

    normalise = normalise_number


class OrderEmailField(_NormalisedField):
    """An e-mail address, whatever its case."""

    normalise = normalise_email


def validate_names(value: object) -> None:
    """Raises ValidationError unless `value` is a list of texts that are not blank."""
    if not isinstance(value, list) or not all(isinstance(n, str) and n.strip() for n in value):
        raise ValidationError("Enter a list of texts.", code="not_a_list_of_texts")
