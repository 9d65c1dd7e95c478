"""Words that mean the same to this shop."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Synonyms(models.Model):
    """One group of words or phrases: a search for any of them finds the others too."""

    words = models.TextField(
        _("words"), help_text=_("Separated by commas, such as: sofa, couch, settee.")
    )
    locale = models.CharField(
        _("language"), max_length=10, blank=True, help_text=_("Empty for every language.")
    )
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering: ClassVar = ["words"]
        verbose_name = _("group of synonyms")
        verbose_name_plural = _("synonyms")

    def __str__(self) -> str:
        return self.words
